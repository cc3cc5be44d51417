/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc_real.c - finds the next allocator in line, and serves what is asked for meanwhile.
 */
#include "host_malloc.h"

#include <dlfcn.h>
#include <stdint.h>

#include <ttalloc.h>

#include "hook/core/producer.h"

enum { ARENA_BYTES = 1 << 16, ARENA_ALIGNMENT = 16 };

enum look_up { NOT_YET, LOOKING, FOUND };

/* Directly below each block of the arena. */
struct arena_header {
	size_t size;
	size_t unused; /* keeps blocks aligned */
};

static struct {
	struct host_real functions;
	int state;      /* enum look_up */
	bool is_silent; /* nothing is reported */
	size_t arena_used;
	unsigned char arena[ARENA_BYTES] __attribute__((aligned(ARENA_ALIGNMENT)));
} real;

static void look_up_all(struct host_real *functions)
{
	const struct {
		void *function;
		const char *name;
	} wanted[] = {
	    {&functions->malloc, "malloc"},
	    {&functions->free, "free"},
	    {&functions->calloc, "calloc"},
	    {&functions->realloc, "realloc"},
	    {&functions->memalign, "memalign"},
	    {&functions->posix_memalign, "posix_memalign"},
	    {&functions->aligned_alloc, "aligned_alloc"},
	    {&functions->valloc, "valloc"},
	    {&functions->pvalloc, "pvalloc"},
	    {&functions->malloc_usable_size, "malloc_usable_size"},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		/* no memcpy(), which a sanitizer has replaced and not made ready yet */
		*(void **)wanted[i].function = dlsym(RTLD_NEXT, wanted[i].name);
	}
}

/* A sanitizer has an allocator of its own, which looks into every block, and calls of which come before it is ready for
 * anything else. There the preload hands everything on, reports nothing, and calls nothing beside. */
extern void __asan_init(void) __attribute__((weak));
extern void __hwasan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

static bool has_sanitizer(void)
{
	return __asan_init || __hwasan_init || __msan_init || __tsan_init;
}

/* By then a sanitizer is ready. */
__attribute__((destructor)) static void tell_what_is_missing(void)
{
	bool is_bypassed = __atomic_load_n(&real.state, __ATOMIC_RELAXED) == NOT_YET;

	if (!ttalloc_enabled())
		return;
	if (host_is_silent())
		ttalloc_note("HOST: the host's malloc is that of a sanitizer, and not recorded", 0);
	else if (is_bypassed)
		ttalloc_note("HOST: the program has a malloc of its own, and none of it is recorded", 0);
}

bool host_is_silent(void)
{
	return __atomic_load_n(&real.is_silent, __ATOMIC_RELAXED);
}

static const struct host_real *look_up_once(void)
{
	int expected = NOT_YET;

	if (!__atomic_compare_exchange_n(&real.state, &expected, LOOKING, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return expected == FOUND ? &real.functions : NULL;
	look_up_all(&real.functions);
	if (has_sanitizer()) {
		__atomic_store_n(&real.is_silent, true, __ATOMIC_RELAXED);
	} else {
		ttalloc_name_producer("host-malloc");
		tta_hide_this_library();
	}
	__atomic_store_n(&real.state, FOUND, __ATOMIC_RELEASE);
	return &real.functions;
}

const struct host_real *host_real(void)
{
	if (__builtin_expect(__atomic_load_n(&real.state, __ATOMIC_ACQUIRE) == FOUND, 1))
		return &real.functions;
	return look_up_once();
}

void *host_arena_allocate(size_t size, size_t alignment)
{
	struct arena_header *header;
	size_t taken, end;
	uintptr_t block;

	if (alignment < ARENA_ALIGNMENT)
		alignment = ARENA_ALIGNMENT;
	if (alignment > ARENA_BYTES || size > ARENA_BYTES)
		return NULL;
	/* Enough for the header and the worst alignment; a multiple of 16, so that the next header is aligned, too. */
	taken = (sizeof(*header) + alignment + size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
	end = __atomic_add_fetch(&real.arena_used, taken, __ATOMIC_RELAXED);
	if (end > ARENA_BYTES) {
		__atomic_sub_fetch(&real.arena_used, taken, __ATOMIC_RELAXED);
		return NULL;
	}
	block = (uintptr_t)&real.arena[end - taken] + sizeof(*header);
	block = (block + alignment - 1) & ~(uintptr_t)(alignment - 1);
	header = (struct arena_header *)(block - sizeof(*header));
	header->size = size;
	return (void *)block;
}

bool host_arena_has(const void *block)
{
	return (uintptr_t)block - (uintptr_t)real.arena < ARENA_BYTES;
}

size_t host_arena_size(const void *block)
{
	const struct arena_header *header = block;

	return header[-1].size;
}
