/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc.c - a preload that reports the host's malloc as region HOST of device 0: a load to try ttalloc with, on
 * any program. Blocks have the size that was asked for. A free is reported before the block is given back and an alloc
 * after it was obtained, so that no other thread can get the address in between.
 */
#include "host_malloc.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ttalloc.h>

#define EXPORT __attribute__((visibility("default")))

/* All of them are exported; some have no declaration in headers, or one with other attributes. */
EXPORT void *malloc(size_t size);
EXPORT void free(void *block);
EXPORT void *calloc(size_t count, size_t size);
EXPORT void *realloc(void *block, size_t size);
EXPORT void *reallocarray(void *block, size_t count, size_t size);
EXPORT void *memalign(size_t alignment, size_t size);
EXPORT int posix_memalign(void **block, size_t alignment, size_t size);
EXPORT void *aligned_alloc(size_t alignment, size_t size);
EXPORT void *valloc(size_t size);
EXPORT void *pvalloc(size_t size);
EXPORT size_t malloc_usable_size(void *block);

/* One per thread: how deep it is in functions of this file. Only the outermost one reports, so neither what libttalloc
 * makes libc allocate, nor what an allocator asks of itself, shows up as memory of the program. (libttalloc's own
 * thread is muted.) Initial-exec, because other models may allocate on first use. */
static __thread unsigned host_depth __attribute__((tls_model("initial-exec")));

static void report_alloc(const void *block, size_t size)
{
	ttalloc_alloc(&(struct ttalloc_block){.region = TTALLOC_HOST, .address = (uintptr_t)block, .size_bytes = size});
}

static void report_free(const void *block)
{
	ttalloc_free(0, TTALLOC_HOST, (uintptr_t)block);
}

/* Every call of the real allocator is between these two. Whether it is to be reported. */
static bool enter(void)
{
	return host_depth++ == 0 && !host_is_silent();
}

static void leave(void)
{
	host_depth--;
}

/* Leaves, having reported BLOCK if this was the outermost call and it succeeded. */
static void *leave_with(bool outermost, void *block, size_t size)
{
	if (outermost && block)
		report_alloc(block, size);
	leave();
	return block;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static void *arena_or_no_memory(size_t size, size_t alignment)
{
	void *block = host_arena_allocate(size, alignment);

	return block ? block : no_memory();
}

void *malloc(size_t size)
{
	const struct host_real *real = host_real();
	bool outermost;

	if (!real)
		return arena_or_no_memory(size, 0);
	outermost = enter();
	return leave_with(outermost, real->malloc(size), size);
}

void free(void *block)
{
	const struct host_real *real;

	if (!block || host_arena_has(block))
		return;
	real = host_real();
	if (!real)
		return; /* cannot happen: what is not in the arena came from the real allocator */
	if (enter())
		report_free(block);
	real->free(block);
	leave();
}

void *calloc(size_t count, size_t size)
{
	const struct host_real *real = host_real();
	size_t bytes;
	bool outermost;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory();
	if (!real)
		return arena_or_no_memory(bytes, 0); /* is zero: nothing of it was used before */
	outermost = enter();
	return leave_with(outermost, real->calloc(count, size), bytes);
}

static void *move_out_of_arena(void *block, size_t size)
{
	size_t old_size = host_arena_size(block);
	void *moved = malloc(size);

	if (moved)
		memcpy(moved, block, old_size < size ? old_size : size);
	return moved;
}

/*
 * The free has to be on record before the real call, because afterwards another thread may already have the address.
 * When the call then fails, the old block lives on, and is reported anew: its size is not known any more, and the
 * usable size takes its place. Requests that must fail do not get that far.
 */
static void *reported_realloc(const struct host_real *real, void *block, size_t size)
{
	void *moved;

	if (size > PTRDIFF_MAX)
		return real->realloc(block, size);
	report_free(block);
	moved = real->realloc(block, size);
	if (moved)
		report_alloc(moved, size);
	else if (size > 0)
		report_alloc(block, real->malloc_usable_size(block));
	return moved;
}

void *realloc(void *block, size_t size)
{
	const struct host_real *real = host_real();
	void *moved;

	if (!block)
		return malloc(size);
	if (!real || host_arena_has(block))
		return move_out_of_arena(block, size);
	moved = enter() ? reported_realloc(real, block, size) : real->realloc(block, size);
	leave();
	return moved;
}

void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory();
	return realloc(block, bytes);
}

void *memalign(size_t alignment, size_t size)
{
	const struct host_real *real = host_real();
	bool outermost;

	if (!real)
		return arena_or_no_memory(size, alignment);
	outermost = enter();
	return leave_with(outermost, real->memalign(alignment, size), size);
}

/* On errors, *BLOCK is left alone. */
int posix_memalign(void **block, size_t alignment, size_t size)
{
	const struct host_real *real = host_real();
	bool outermost;
	int error;

	if (!real) {
		void *early = host_arena_allocate(size, alignment);

		if (early)
			*block = early;
		return early ? 0 : ENOMEM;
	}
	outermost = enter();
	error = real->posix_memalign(block, alignment, size);
	leave_with(outermost, error ? NULL : *block, size);
	return error;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	const struct host_real *real = host_real();
	bool outermost;

	if (!real)
		return arena_or_no_memory(size, alignment);
	outermost = enter();
	return leave_with(outermost, real->aligned_alloc(alignment, size), size);
}

void *valloc(size_t size)
{
	const struct host_real *real = host_real();
	bool outermost;

	if (!real)
		return arena_or_no_memory(size, (size_t)sysconf(_SC_PAGESIZE));
	outermost = enter();
	return leave_with(outermost, real->valloc(size), size);
}

void *pvalloc(size_t size)
{
	const struct host_real *real = host_real();
	bool outermost;

	if (!real)
		return arena_or_no_memory(size, (size_t)sysconf(_SC_PAGESIZE));
	outermost = enter();
	return leave_with(outermost, real->pvalloc(size), size);
}

/* Reports nothing; it is here because the real one does not know the arena. */
size_t malloc_usable_size(void *block)
{
	const struct host_real *real = host_real();

	if (!block || !real)
		return 0;
	return host_arena_has(block) ? host_arena_size(block) : real->malloc_usable_size(block);
}
