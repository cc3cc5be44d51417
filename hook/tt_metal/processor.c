/* SPDX-License-Identifier: Apache-2.0
 *
 * processor.c - see processor.h.
 *
 * The processor is an object in C whose table of virtual functions is made at run time: that of upstream's interface,
 * IGraphProcessor, whose functions do nothing, with four of ours in it. In which slots these are is seen in the table
 * of upstream's own processor, ttnn's GraphProcessor: its slots hold functions that are exported by name, all but one,
 * which is is_capture_processor(). A processor that says no there only watches: with it TT-Metal runs as it does
 * without any. Whether that is so is asked of TT-Metal itself when the processor has been pushed.
 *
 * The stack of processors is the thread's own (until 2026 the tracker's). Ours is at its bottom, so that captures,
 * which push and pop theirs at the top, never meet it. It is put there when the thread asks for the tracker, which each
 * does before it tells the tracker of anything.
 */
#include "processor.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "hook/core/producer.h"
#include "preload.h"
#include "tensors.h"
#include "hook/cxx/virtual.h"

#define MOST_SLOTS 32

EXPORT void *tt_graph_tracker(void) __asm__(TT_GRAPH_TRACKER);

/* An object with virtual functions points to its slots. */
struct table {
	ptrdiff_t into_whole;
	const void *type_info;
	tt_virtual_function *slots[MOST_SLOTS];
};

/* std::shared_ptr. Without a count, it owns nothing. */
struct shared {
	const void *object, *count;
};

/* A vector of shared pointers. */
struct stack {
	struct shared *begin, *end, *capacity_end;
};

struct tt_processor {
	tt_virtual_function *const *functions;
	struct tt_library *library;
	struct table table;
	struct stack *(*stack)(const void *tracker); /* of the calling thread */
	void (*push)(void *tracker, const struct shared *processor);
	bool (*is_enabled)(const void *tracker);
	const struct shared *(*hook)(const void *tracker); /* of the calling thread */
	bool one_stack;                                    /* for all threads */
};

static __thread const struct stack *known_stack; /* of this thread; NULL: it has not asked yet */

/* ---- What is called ---- */

static bool is_capture_processor(const struct tt_processor *processor)
{
	(void)processor;
	return false;
}

/* As TT-Metal passes a string view and a span: each in two registers. */
static void track_function_start(const struct tt_processor *processor, struct tt_string_view name,
                                 const struct tt_argument *arguments, size_t count)
{
	tt_operation_begins(processor->library, name, arguments, count, __builtin_frame_address(0));
}

static void track_function_end(const struct tt_processor *processor)
{
	tt_operation_ends(processor->library, NULL, __builtin_frame_address(0));
}

static void track_function_end_with_result(const struct tt_processor *processor, const struct tt_any *result)
{
	tt_operation_ends(processor->library, result, __builtin_frame_address(0));
}

/* The hook of a capture says whether it stops a program, whichever it is: by the capture's mode. */
bool tt_processor_only_tries(const struct tt_library *library)
{
	const void *const program[2] = {NULL, NULL};
	void *tracker = library->graph_tracker();

	return library->processor->hook(tracker)->object && library->hook_program(tracker, (void *)(uintptr_t)program);
}

/* ---- Which slot is which ---- */

/* The table is a symbol of a certain size. 0: not known. */
static size_t count_slots(const struct table *table)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!table || !dladdr1(table, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol || info.dli_saddr != table ||
	    symbol->st_size < offsetof(struct table, slots))
		return 0;
	return (symbol->st_size - offsetof(struct table, slots)) / sizeof(tt_virtual_function *);
}

static bool has_name(const void *function)
{
	Dl_info info;

	return dladdr(function, &info) && info.dli_sname && info.dli_saddr == function;
}

/* The only one of COUNT slots that has FUNCTION, or, for NULL, one without a name. COUNT: there is none, or several. */
static size_t find_slot(const struct table *table, size_t count, const void *function)
{
	size_t found = count;

	for (size_t i = 0; i < count; i++) {
		const void *its = (const void *)(uintptr_t)table->slots[i];

		if (function ? its != function : has_name(its))
			continue;
		if (found != count)
			return count;
		found = i;
	}
	return found;
}

/* Puts FUNCTION into the slot in which THEIRS has the one called NAME of HANDLE; NULL: that has no name. */
static bool take_slot(struct table *table, const struct table *theirs, size_t count, void *handle, const char *name,
                      tt_virtual_function *function)
{
	const void *wanted = name ? dlsym(handle, name) : NULL;
	size_t slot = name && !wanted ? count : find_slot(theirs, count, wanted);

	if (slot == count)
		return false;
	table->slots[slot] = function;
	return true;
}

static bool make_table(struct table *table, void *handle)
{
	const struct table *theirs = dlsym(handle, TT_TTNN_PROCESSOR_TABLE),
	                   *interface = dlsym(handle, TT_PROCESSOR_TABLE);
	size_t count = count_slots(theirs);

	if (!count || count > MOST_SLOTS || count_slots(interface) != count)
		return false;
	memcpy(table, interface, offsetof(struct table, slots) + count * sizeof(table->slots[0]));
	return take_slot(table, theirs, count, handle, NULL, (tt_virtual_function *)is_capture_processor) &&
	       take_slot(table, theirs, count, handle, TT_PROCESSOR_BEGIN,
	                 (tt_virtual_function *)track_function_start) &&
	       take_slot(table, theirs, count, handle, TT_PROCESSOR_END, (tt_virtual_function *)track_function_end) &&
	       take_slot(table, theirs, count, handle, TT_PROCESSOR_END_WITH_RESULT,
	                 (tt_virtual_function *)track_function_end_with_result);
}

static bool find_functions(struct tt_processor *processor, void *handle)
{
	*(void **)&processor->stack = dlsym(handle, TT_GET_PROCESSORS);
	*(void **)&processor->push = dlsym(handle, TT_PUSH_PROCESSOR);
	*(void **)&processor->is_enabled = dlsym(handle, TT_TRACKER_IS_ENABLED);
	*(void **)&processor->hook = dlsym(handle, TT_GET_HOOK);
	processor->one_stack = !dlsym(handle, TT_PROCESSORS);
	return processor->stack && processor->push && processor->is_enabled && processor->hook &&
	       processor->library->graph_tracker && processor->library->hook_program;
}

static bool is_ttnn(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strstr(slash ? slash + 1 : path, "ttnn") != NULL;
}

static void does_not_fit(struct tt_library *library, const char *path)
{
	atomic_store(&library->processor, NULL);
	if (!atomic_exchange(&library->without_operations, true))
		tt_say_left_out("the operations of %s: it has no place for observers of a known form", path);
}

/* Threads whose first operations are the first of all come here together: with a processor each, what the others do
 * would be told twice. False: another thread's was first. */
static bool appoint(struct tt_library *library, struct tt_processor *processor, struct tt_tensors *tensors)
{
	bool is_first;

	tt_lock();
	is_first = !atomic_load(&library->processor);
	if (is_first) {
		library->tensors = tensors;
		atomic_store(&library->processor, processor);
	}
	tt_unlock();
	return is_first;
}

void tt_processor_meet(struct tt_library *library, const char *path)
{
	struct tt_processor *processor;
	void *handle;

	if (!path || !is_ttnn(path) || atomic_load(&library->processor) || atomic_load(&library->without_operations) ||
	    !tt_recording(TT_SHARE_BUFFERS) || library->patched || !ttalloc_operations_wanted())
		return;
	handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	processor = calloc(1, sizeof(*processor));
	if (!handle || !processor)
		return;
	processor->library = library;
	processor->functions = processor->table.slots;
	if (!find_functions(processor, handle) || !make_table(&processor->table, handle)) {
		free(processor);
		does_not_fit(library, path);
	} else {
		bool wanted = ttalloc_operations_wanted() >= TTALLOC_OPERATIONS_TENSORS && library->operator_delete;
		struct tt_tensors *tensors =
		    wanted ? tt_tensors_meet(handle) : NULL; /* before the lock: the loader has its own */

		if (!appoint(library, processor, tensors)) {
			free(tensors);
			free(processor);
		}
	}
}

/* ---- Its place ---- */

static bool is_at_bottom(const struct stack *stack, const struct tt_processor *processor)
{
	return stack->begin != stack->end && stack->begin->object == processor;
}

static void put_at_bottom(struct stack *stack, const struct tt_processor *processor)
{
	memmove(stack->begin + 1, stack->begin, (size_t)(stack->end - stack->begin - 1) * sizeof(*stack->begin));
	*stack->begin = (struct shared){.object = processor};
}

/* False: TT-Metal takes it for a capture, and it is gone again. */
static bool push(void *tracker, const struct tt_processor *processor, struct stack *stack)
{
	bool was_enabled = processor->is_enabled(tracker);

	processor->push(tracker, &(struct shared){.object = processor});
	if (processor->is_enabled(tracker) != was_enabled) {
		stack->end--;
		return false;
	}
	put_at_bottom(stack, processor);
	return true;
}

/* This thread asks for the tracker, and PROCESSOR is not at the bottom of its stack, as far as is known. */
__attribute__((noinline, cold)) static void take_place(struct tt_library *library, void *tracker,
                                                       const struct tt_processor *processor)
{
	struct stack *stack = processor->stack(tracker);
	bool fits;

	known_stack = stack;
	if (processor->one_stack)
		tt_lock();
	fits = is_at_bottom(stack, processor) || push(tracker, processor, stack);
	if (processor->one_stack)
		tt_unlock();
	if (!fits)
		does_not_fit(library, library->path);
}

void *tt_graph_tracker(void)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_GRAPH_TRACKER, CALLER);
	void *tracker = ((void *(*)(void))target.function)();
	const struct tt_processor *processor =
	    target.library ? atomic_load_explicit(&target.library->processor, memory_order_acquire) : NULL;

	if (processor && !(known_stack && is_at_bottom(known_stack, processor)))
		take_place(target.library, tracker, processor);
	if (processor)
		tt_operations_look();
	return tracker;
}
