/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c - where a thread's operations begin and end.
 *
 * Some operations that are left by an exception tell so, since 0.81. Of the others the end never comes: that they are
 * over shows when another one begins or ends on the thread, by the stack.
 */
#include <string.h>

#include "arguments.h"
#include "hook/core/producer.h"
#include "hook/cxx/guard.h"
#include "preload.h"
#include "processor.h"
#include "tensors.h"
#include "ttalloc.h"

#define MOST_OPEN 64 /* operations of a thread; deeper ones are counted, and not reported */

struct open {
	uintptr_t frame;       /* where on the stack it began */
	struct tt_guard guard; /* tells whether it has been left */
	bool silent;           /* not reported */
};

static __thread struct {
	uint32_t count;
	struct open open[MOST_OPEN];
} operations; /* of this thread */

/* What TT-Metal gives back in the place of a result (since 0.81): an operation was left by an exception. */
struct abort {
	bool all; /* that are open were */
};

static bool is_abort(const struct tt_any *result, struct abort *abort)
{
	if (!result || !tt_tensors_abort(result))
		return false;
	*abort = (struct abort){.all = ((const uint8_t *)result->value)[TT_ABORT_ALL] != 0};
	return true;
}

/* Whether the innermost operation is. */
static bool is_reported(void)
{
	return operations.count && operations.count <= MOST_OPEN && !operations.open[operations.count - 1].silent;
}

static void end_innermost(bool aborted)
{
	if (is_reported())
		ttalloc_operation_end(aborted);
	operations.count--;
}

/* Whether OPEN has been left, when another one begins in the function with FRAME. */
static bool is_left(const struct open *open, uintptr_t frame)
{
	return open->guard.site && (tt_guard_is_broken(&open->guard) || open->frame <= frame);
}

/* Of those that are open, the innermost may have been left. */
static void end_those_left(uintptr_t frame)
{
	while (operations.count && operations.count <= MOST_OPEN &&
	       is_left(&operations.open[operations.count - 1], frame))
		end_innermost(true);
}

void tt_operations_look(void)
{
	while (operations.count && operations.count <= MOST_OPEN &&
	       tt_guard_is_broken(&operations.open[operations.count - 1].guard))
		end_innermost(true);
}

/* Python tells of its own operations (to captures), without arguments. It does so in functions that are over at once,
 * on no stack that says anything. */
static void set_guard(struct tt_guard *guard, const void *frame, size_t arguments)
{
	if (arguments)
		tt_guard_set(guard, frame);
	else
		guard->site = NULL;
}

static uintptr_t distance(uintptr_t a, uintptr_t b)
{
	return a < b ? b - a : a - b;
}

/* An end comes from the function that its beginning came from, and so nearly from the same place on the stack. */
static void end_those_not_at(uintptr_t frame)
{
	while (operations.count > 1 && operations.count <= MOST_OPEN &&
	       distance(operations.open[operations.count - 2].frame, frame) <
	           distance(operations.open[operations.count - 1].frame, frame))
		end_innermost(true);
}

static bool is_silent(const struct tt_library *library)
{
	if (operations.count && operations.open[operations.count - 1].silent)
		return true;
	if (!tt_may_report(library, TT_SHARE_BUFFERS))
		return true;
	if (!tt_processor_only_tries(library))
		return false;
	tt_count(TT_COUNT_HOOKED);
	return true;
}

static void report_begin_with(const struct tt_library *library, const char *name, const struct tt_argument *arguments,
                              size_t count)
{
	char text[TT_ARGUMENTS_BYTES];

	ttalloc_operation_begin_with(name, text, tt_arguments_text(library, arguments, count, text));
}

static void report_begin(const struct tt_library *library, struct tt_string_view name,
                         const struct tt_argument *arguments, size_t count)
{
	char text[TTALLOC_NAME_MAX + 1];

	if (name.bytes >= sizeof(text))
		name.bytes = sizeof(text) - 1;
	memcpy(text, name.text, name.bytes);
	text[name.bytes] = '\0';
	if (library->operator_delete && ttalloc_operations_wanted() >= TTALLOC_OPERATIONS_ARGUMENTS)
		report_begin_with(library, text, arguments, count);
	else
		ttalloc_operation_begin(text);
}

void tt_operation_begins(struct tt_library *library, struct tt_string_view name, const struct tt_argument *arguments,
                         size_t count, const void *frame)
{
	struct open *open;

	end_those_left((uintptr_t)frame);
	if (operations.count >= MOST_OPEN) {
		operations.count++;
		if (!operations.open[MOST_OPEN - 1].silent)
			tt_count(TT_COUNT_DEEP);
		return;
	}
	open = &operations.open[operations.count];
	open->silent = is_silent(library);
	open->frame = (uintptr_t)frame;
	if (!open->silent)
		report_begin(library, name, arguments, count);
	set_guard(&open->guard, frame, count);
	operations.count++;
	if (!open->silent && library->tensors)
		tt_tensors_taken(library, arguments, count);
}

void tt_operation_ends(struct tt_library *library, const struct tt_any *result, const void *frame)
{
	struct abort abort = {.all = false};
	bool aborted = is_abort(result, &abort);

	end_those_not_at((uintptr_t)frame);
	if (operations.count && operations.count <= MOST_OPEN)
		tt_guard_held(&operations.open[operations.count - 1].guard);
	if (result && !aborted && library->tensors && is_reported())
		tt_tensors_given(library, result);
	if (operations.count)
		end_innermost(aborted);
	while (abort.all && operations.count)
		end_innermost(aborted);
}
