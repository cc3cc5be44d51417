/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c - where a thread's operations begin and end.
 *
 * An operation that is left by an exception tells so since 0.81. Before, its end never comes: what begins or ends then
 * further out on the thread's stack shows that it is over.
 */
#include <string.h>

#include "preload.h"
#include "processor.h"
#include "ttalloc.h"

#define MOST_OPEN 64 /* operations of a thread; deeper ones are not reported */

struct open {
	uintptr_t frame; /* where on the stack it began */
	bool silent;     /* not reported */
};

static __thread struct {
	uint32_t count;
	struct open open[MOST_OPEN];
} operations; /* of this thread */

static void end_innermost(bool aborted)
{
	operations.count--;
	if (operations.count < MOST_OPEN && !operations.open[operations.count].silent)
		ttalloc_operation_end(aborted);
}

/* What was open further in than FRAME, where an operation begins now, has been left. */
static void end_those_within(uintptr_t frame)
{
	while (operations.count && operations.count <= MOST_OPEN &&
	       operations.open[operations.count - 1].frame <= frame)
		end_innermost(true);
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

static void report_begin(struct tt_string_view name)
{
	char text[TTALLOC_NAME_MAX + 1];

	if (name.bytes >= sizeof(text))
		name.bytes = sizeof(text) - 1;
	memcpy(text, name.text, name.bytes);
	text[name.bytes] = '\0';
	ttalloc_operation_begin(text);
}

void tt_operation_begins(const struct tt_library *library, struct tt_string_view name,
                         const struct tt_argument *arguments, size_t count, uintptr_t frame)
{
	bool silent;

	(void)arguments;
	(void)count;
	if (!library->tells_aborts)
		end_those_within(frame);
	if (operations.count >= MOST_OPEN) {
		operations.count++;
		return;
	}
	silent = is_silent(library);
	operations.open[operations.count++] = (struct open){.frame = frame, .silent = silent};
	if (!silent)
		report_begin(name);
}

void tt_operation_ends(const struct tt_library *library, const struct tt_any *result, uintptr_t frame)
{
	struct tt_abort abort = {.all = false};
	bool aborted = result && tt_any_is_abort(result, &abort);

	if (!library->tells_aborts)
		end_those_not_at(frame);
	if (operations.count)
		end_innermost(aborted);
	while (abort.all && operations.count)
		end_innermost(aborted);
}
