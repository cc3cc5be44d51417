/* SPDX-License-Identifier: Apache-2.0
 *
 * library.c - finds the function that a caught call was meant for.
 *
 * RTLD_NEXT does not: Python loads libtt_metal with RTLD_LOCAL, so it is in nobody's scope but its dependants'. The
 * caller is such a dependant, or libtt_metal itself; so the caller's own scope is searched. What was found for a loaded
 * object's calls is kept in a table that is read without a lock, and small: an operation makes forty such calls, and
 * works on more memory than fits the caches.
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

#define MODULES 64 /* loaded objects whose calls are remembered */
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

/* The code of a loaded object: one of its segments. */
struct code {
	uintptr_t begin, bytes;
};

/* Where calls of one object go to. */
struct module {
	struct {
		struct tt_library *_Atomic library; /* published after the function; NULL: not looked for yet */
		void (*function)(void);
	} targets[TT_FUNCTIONS];
};

static struct {
	struct tt_library *first;
	atomic_size_t module_count; /* published after the module */
	struct code codes[MODULES];
	struct module modules[MODULES];
} libraries;

/* NULL: none that is remembered. */
static struct module *find_module(const void *caller)
{
	size_t count = atomic_load_explicit(&libraries.module_count, memory_order_acquire);

	for (size_t i = 0; i < count; i++)
		if ((uintptr_t)caller - libraries.codes[i].begin < libraries.codes[i].bytes)
			return &libraries.modules[i];
	return NULL;
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

/* ---- Where calls go to ---- */

struct code_wanted {
	uintptr_t address; /* in it */
	struct code code;
	bool is_program; /* which is never unloaded */
};

static int look_for_code(struct dl_phdr_info *object, size_t size, void *untyped)
{
	struct code_wanted *wanted = untyped;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		struct code code = {.begin = object->dlpi_addr + header->p_vaddr, .bytes = header->p_memsz};

		if (header->p_type == PT_LOAD && wanted->address - code.begin < code.bytes) {
			wanted->code = code;
			wanted->is_program = !object->dlpi_name || !object->dlpi_name[0];
			return 1;
		}
	}
	return 0;
}

/* Under the lock. NULL: there are too many. */
static struct module *add_module(const struct code *code)
{
	size_t count = atomic_load_explicit(&libraries.module_count, memory_order_relaxed);

	if (count == MODULES)
		return NULL;
	libraries.codes[count] = *code;
	atomic_store_explicit(&libraries.module_count, count + 1, memory_order_release);
	return &libraries.modules[count];
}

/* Calls from CALLER's object, which is called PATH, go to TARGET. An object that may be unloaded is not remembered, and
 * one that is no more for want of room is looked up each time: slow, and right. */
static void keep_target(enum tt_function function, const void *caller, const char *path, struct tt_target target)
{
	struct code_wanted wanted = {.address = (uintptr_t)caller};
	struct module *module;

	if (!dl_iterate_phdr(look_for_code, &wanted) ||
	    !(wanted.is_program || (path && dlopen(path, RTLD_LAZY | RTLD_NOLOAD))))
		return;
	tt_lock();
	module = find_module(caller);
	if (!module)
		module = add_module(&wanted.code);
	if (module && !atomic_load_explicit(&module->targets[function].library, memory_order_relaxed)) {
		module->targets[function].function = target.function;
		atomic_store_explicit(&module->targets[function].library, target.library, memory_order_release);
	}
	tt_unlock();
}

/* The first call from CALLER's object. Apart, so that all others save no registers for it. */
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
		keep_target(function, caller, path, target);
	}
	return target;
}

struct tt_target tt_target_of(enum tt_function function, const void *caller)
{
	struct module *module = find_module(caller);
	struct tt_library *library =
	    module ? atomic_load_explicit(&module->targets[function].library, memory_order_acquire) : NULL;

	return library ? (struct tt_target){library, module->targets[function].function}
	               : find_target(function, caller);
}
