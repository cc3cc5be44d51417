/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc.h - what the parts of the malloc preload know of each other. Everything may be called from any thread,
 * also before any constructor has run.
 */
#ifndef TTALLOC_HOOK_HOST_MALLOC_H
#define TTALLOC_HOOK_HOST_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The functions of the allocator that would serve the program without us: libc's, or that of another library. */
struct host_real {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*memalign)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*malloc_usable_size)(void *);
};

/* NULL while they are being looked up: dlsym() itself may allocate, and is served by the arena then. */
const struct host_real *host_real(void);

/* Whether this program's malloc is handed on without a report: it belongs to a sanitizer. */
bool host_is_silent(void);

/* A little memory for that time. It is never given back, so it needs no lock. NULL when it is used up. ALIGNMENT is a
 * power of two. */
void *host_arena_allocate(size_t size, size_t alignment);

/* Whether BLOCK came from the arena. */
bool host_arena_has(const void *block);

/* Bytes that were asked for. BLOCK must be from the arena. */
size_t host_arena_size(const void *block);

#endif
