/* SPDX-License-Identifier: Apache-2.0
 *
 * library.c - finds the function that a caught call was meant for.
 *
 * RTLD_NEXT does not: Python loads libtt_metal with RTLD_LOCAL, so it is in nobody's scope but its dependants'. The
 * caller is such a dependant, or libtt_metal itself; so the caller's own scope is searched. What was found for a call
 * site is kept in a table that is read without a lock.
 */
#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "processor.h"
#include "reach.h"
#include "say.h"

#define SITE_BITS 12 /* of the number of call sites that are remembered: each operation of ttnn has a few */
#define SITES (1u << SITE_BITS)
#define CANDIDATES 8
#define ALLOCATOR "9Allocator"
#define ALLOCATOR_IMPL "13AllocatorImpl"

static const char *const function_names[TT_FUNCTIONS] = {
    [TT_FUNCTION_GRAPH_TRACKER] = TT_GRAPH_TRACKER,
    [TT_FUNCTION_TRACK_ALLOCATE] = TT_TRACK_ALLOCATE,
    [TT_FUNCTION_TRACK_DEALLOCATE] = TT_TRACK_DEALLOCATE,
    [TT_FUNCTION_TRACK_DEALLOCATE_CB] = TT_TRACK_DEALLOCATE_CB,
    [TT_FUNCTION_TRACK_PROGRAM] = TT_TRACK_PROGRAM,
    [TT_FUNCTION_HOOK_PROGRAM] = TT_HOOK_PROGRAM,
    [TT_FUNCTION_TRACK_ALLOCATE_CB_GLOBAL] = TT_TRACK_ALLOCATE_CB_GLOBAL,
    [TT_FUNCTION_TRACK_ALLOCATE_CB] = TT_TRACK_ALLOCATE_CB,
    [TT_FUNCTION_TRACK_DATAFLOW_BUFFER] = TT_TRACK_DATAFLOW_BUFFER,
    [TT_FUNCTION_TRACK_SCRATCHPAD] = TT_TRACK_SCRATCHPAD,
    [TT_FUNCTION_ALLOCATE_BUFFER] = TT_ALLOCATE_BUFFER,
    [TT_FUNCTION_DEALLOCATE_BUFFERS] = TT_DEALLOCATE_BUFFERS,
    [TT_FUNCTION_IMPL_ALLOCATE_BUFFER] = TT_IMPL_ALLOCATE_BUFFER,
    [TT_FUNCTION_IMPL_DEALLOCATE_BUFFERS] = TT_IMPL_DEALLOCATE_BUFFERS,
    [TT_FUNCTION_PROGRAM_END] = TT_PROGRAM_END,
    [TT_FUNCTION_PROGRAM_END_BASE] = TT_PROGRAM_END_BASE,
    [TT_FUNCTION_ALLOCATE_CIRCULAR_BUFFERS] = TT_ALLOCATE_CIRCULAR_BUFFERS,
    [TT_FUNCTION_ALLOCATE_DATAFLOW_BUFFERS] = TT_ALLOCATE_DATAFLOW_BUFFERS,
    [TT_FUNCTION_ALLOCATE_SCRATCHPADS] = TT_ALLOCATE_SCRATCHPADS,
    [TT_FUNCTION_VALIDATE_CIRCULAR_BUFFERS] = TT_VALIDATE_CIRCULAR_BUFFERS,
    [TT_FUNCTION_VALIDATE_DATAFLOW_BUFFERS] = TT_VALIDATE_DATAFLOW_BUFFERS,
    [TT_FUNCTION_PROGRAM_IMPL_END] = TT_PROGRAM_IMPL_END,
    [TT_FUNCTION_PROGRAM_IMPL_END_BASE] = TT_PROGRAM_IMPL_END_BASE,
    [TT_FUNCTION_BEGIN_TRACE] = TT_BEGIN_TRACE(TT_QUEUE_NUMBER),
    [TT_FUNCTION_BEGIN_TRACE_ON] = TT_BEGIN_TRACE(TT_QUEUE_ITSELF),
    [TT_FUNCTION_BEGIN_TRACE_ID] = TT_BEGIN_TRACE(TT_QUEUE_NUMBER TT_TRACE_ID),
    [TT_FUNCTION_BEGIN_TRACE_ID_ON] = TT_BEGIN_TRACE(TT_QUEUE_ITSELF TT_TRACE_ID),
    [TT_FUNCTION_END_TRACE] = TT_END_TRACE(TT_QUEUE_NUMBER TT_TRACE_ID),
    [TT_FUNCTION_END_TRACE_ON] = TT_END_TRACE(TT_QUEUE_ITSELF TT_TRACE_ID),
    [TT_FUNCTION_REPLAY_TRACE] = TT_REPLAY_TRACE(TT_QUEUE_NUMBER TT_TRACE_ID "b"),
    [TT_FUNCTION_REPLAY_TRACE_ON] = TT_REPLAY_TRACE(TT_QUEUE_ITSELF TT_TRACE_ID "b"),
    [TT_FUNCTION_RELEASE_TRACE] = TT_RELEASE_TRACE,
};

struct site {
	atomic_uintptr_t key; /* caller and function; 0: free. Published after the target */
	struct tt_target target;
};

static struct {
	struct tt_library *first;
	struct site sites[SITES];
} libraries;

/* A user-space address leaves the upper bits free for the function's number. */
static uintptr_t site_key(enum tt_function function, const void *caller)
{
	return (uintptr_t)caller | (uintptr_t)(function + 1) << 56;
}

static size_t site_slot(uintptr_t key)
{
	return (key * 0x9E3779B97F4A7C15u) >> (64 - SITE_BITS);
}

static const struct site *find_site(uintptr_t key)
{
	for (size_t i = 0, slot = site_slot(key); i < SITES; i++) {
		const struct site *site = &libraries.sites[(slot + i) % SITES];
		uintptr_t found = atomic_load_explicit(&site->key, memory_order_acquire);

		if (found == key)
			return site;
		if (!found)
			return NULL;
	}
	return NULL;
}

/* Under the lock. When the table is full, the site is looked up each time: slow, and right. */
static void keep_site(uintptr_t key, struct tt_target target)
{
	for (size_t i = 0, slot = site_slot(key); i < SITES; i++) {
		struct site *site = &libraries.sites[(slot + i) % SITES];
		uintptr_t found = atomic_load_explicit(&site->key, memory_order_relaxed);

		if (found == key)
			return;
		if (!found) {
			site->target = target;
			atomic_store_explicit(&site->key, key, memory_order_release);
			return;
		}
	}
}

static const void *base_of(const void *address, const char **path)
{
	Dl_info info;

	if (!dladdr(address, &info))
		return NULL;
	if (path)
		*path = info.dli_fname;
	return info.dli_fbase;
}

static bool is_ours(const void *address)
{
	return base_of(address, NULL) == base_of((const void *)(uintptr_t)tt_target_of, NULL);
}

/* NAME as the loaded object PATH sees it. The object stays open for good: what was found has to stay valid. */
static void *find_in(const char *path, const char *name)
{
	void *handle = path ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	void *function = handle ? dlsym(handle, name) : NULL;

	return function && !is_ours(function) ? function : NULL;
}

struct candidates {
	const char *paths[CANDIDATES];
	size_t count;
};

static int collect_candidate(struct dl_phdr_info *info, size_t size, void *context)
{
	struct candidates *found = context;

	(void)size;
	if (found->count < CANDIDATES && info->dlpi_name && strstr(info->dlpi_name, "libtt_metal"))
		found->paths[found->count++] = info->dlpi_name;
	return 0;
}

/* For callers that neither are nor depend on libtt_metal: a tail call hides the true caller. */
static void *find_anywhere(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);
	struct candidates candidates = {.count = 0};

	if (function && !is_ours(function))
		return function;
	function = NULL;
	dl_iterate_phdr(collect_candidate, &candidates);
	for (size_t i = 0; i < candidates.count && !function; i++)
		function = find_in(candidates.paths[i], name);
	return function;
}

static void load_allocator(struct tt_allocator_class *class, void *handle, const char *const names[static 5])
{
	*(void **)&class->num_banks = dlsym(handle, names[0]);
	*(void **)&class->bank_size = dlsym(handle, names[1]);
	*(void **)&class->base_address = dlsym(handle, names[2]);
	*(void **)&class->alignment = dlsym(handle, names[3]);
	*(void **)&class->statistics = dlsym(handle, names[4]);
}

#define ALLOCATOR_GETTERS(class)                                                                                       \
	{                                                                                                              \
		TT_NUM_BANKS(class), TT_BANK_SIZE(class), TT_BASE_ADDRESS(class), TT_ALIGNMENT(class),                 \
		    TT_STATISTICS(class)                                                                               \
	}

static void load_getters(struct tt_library *library, void *handle)
{
	static const char *const allocator_names[] = ALLOCATOR_GETTERS(ALLOCATOR);
	static const char *const allocator_impl_names[] = ALLOCATOR_GETTERS(ALLOCATOR_IMPL);

	*(void **)&library->address = dlsym(handle, TT_BUFFER_ADDRESS);
	*(void **)&library->page_size = dlsym(handle, TT_BUFFER_PAGE_SIZE);
	*(void **)&library->num_pages = dlsym(handle, TT_BUFFER_NUM_PAGES);
	*(void **)&library->size_per_bank = dlsym(handle, TT_BUFFER_SIZE_PER_BANK);
	*(void **)&library->is_per_core = dlsym(handle, TT_BUFFER_IS_PER_CORE);
	*(void **)&library->per_core_addresses = dlsym(handle, TT_BUFFER_PER_CORE_ADDRESSES);
	*(void **)&library->is_range_lockstep = dlsym(handle, TT_BUFFER_IS_RANGE_LOCKSTEP);
	*(void **)&library->has_shard_spec = dlsym(handle, TT_BUFFER_HAS_SHARD_SPEC);
	*(void **)&library->shard_spec = dlsym(handle, TT_BUFFER_SHARD_SPEC);
	*(void **)&library->mesh_devices = dlsym(handle, TT_MESH_DEVICES);
	*(void **)&library->dataflow_buffers = dlsym(handle, TT_DATAFLOW_BUFFERS);
	*(void **)&library->graph_tracker = dlsym(handle, TT_GRAPH_TRACKER);
	*(void **)&library->hook_program = dlsym(handle, TT_HOOK_PROGRAM);
	library->places_dataflow_buffers = dlsym(handle, TT_ALLOCATE_DATAFLOW_BUFFERS) != NULL;
	library->places_scratchpads = dlsym(handle, TT_ALLOCATE_SCRATCHPADS) != NULL;
	*(void **)&library->mesh_shape = dlsym(handle, TT_MESH_SHAPE);
	*(void **)&library->operator_delete = dlsym(handle, TT_OPERATOR_DELETE);
	library->standard_exception = dlsym(handle, TT_STANDARD_EXCEPTION); /* of the libstdc++ that it uses */
	library->patched = dlsym(handle, "ttalloc_drop_in") != NULL;
	load_allocator(&library->allocator, handle, allocator_impl_names);
	if (!library->allocator.num_banks)
		load_allocator(&library->allocator, handle, allocator_names);
}

static struct tt_library *make_library(const void *base, const char *path)
{
	struct tt_library *library = calloc(1, sizeof(*library));
	void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);

	if (!library)
		return NULL;
	library->base = base;
	library->path = path;
	load_getters(library, handle ? handle : RTLD_DEFAULT);
	library->next = libraries.first;
	libraries.first = library;
	return library;
}

/* Under the lock. */
static struct tt_library *library_at(const void *base)
{
	struct tt_library *library = libraries.first;

	while (library && library->base != base)
		library = library->next;
	return library;
}

static struct tt_library *library_of(const void *function)
{
	const char *path = NULL;
	const void *base = base_of(function, &path);
	struct tt_library *library;
	bool fresh;

	tt_lock_init();
	tt_lock();
	library = library_at(base);
	fresh = !library;
	if (fresh)
		library = make_library(base, path);
	tt_unlock();
	if (fresh && library && tt_recording(TT_SHARE_BUFFERS) && !library->patched)
		tt_reach_check(library->path);
	return library;
}

void tt_no_such_function(const char *name)
{
	fprintf(stderr, "ttalloc: symbol lookup error: undefined symbol: %s\n", name);
	abort();
}

void *tt_function_at(const char *name, const void *caller)
{
	const char *path = NULL;
	void *found;

	base_of(caller, &path);
	found = find_in(path, name);
	return found ? found : find_anywhere(name);
}

/* The first call from CALLER. Apart, so that all others save no registers for it. */
__attribute__((noinline, cold)) static struct tt_target find_target(enum tt_function function, const void *caller)
{
	const char *path = NULL;
	struct tt_target target;
	void *found;

	base_of(caller, &path);
	found = tt_function_at(function_names[function], caller);
	if (!found)
		tt_no_such_function(function_names[function]);
	*(void **)&target.function = found;
	target.library = library_of(found);
	if (target.library) {
		/* first, so that no other thread goes on without its processor */
		if (function == TT_FUNCTION_GRAPH_TRACKER)
			tt_processor_meet(target.library, path);
		tt_lock();
		keep_site(site_key(function, caller), target);
		tt_unlock();
	}
	return target;
}

struct tt_target tt_target_of(enum tt_function function, const void *caller)
{
	const struct site *site = find_site(site_key(function, caller));

	return site ? site->target : find_target(function, caller);
}
