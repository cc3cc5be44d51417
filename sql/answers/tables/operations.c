/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c - operation_figures(): each operation with the memory of each bank before, at most, and after it, and
 * what it left behind; and range_figures(), the same of each time that a label was open. Time runs backwards: an
 * operation is met at its end, and told at its begin. In memory is what is live, and the operations that are under way.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/answers/table_function.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/operations/choice.h"
#include "sql/operations/operations.h"
#include "sql/replay/figures.h"
#include "sql/replay/replay.h"
#include "operation_end.h"
#include "ttalloc.h"

#define ROWS_AT_ONCE 1024

/* What an operation saw of a series, in each bank. */
struct seen {
	int64_t after, most;
	int64_t left; /* of what it allocated, what was there when it ended */
};

struct open {
	struct operation operation;
	struct seen *seen; /* a series each */
};

/* The operations of a thread that are under way, the innermost last. */
struct thread_stack {
	uint32_t thread;
	struct open *open;
	size_t count, capacity; /* capacity: those that have seen */
};

struct lane {
	struct operations_cursor cursor;
	struct operation next; /* that ended last of those not met */
	bool has_next;
	struct thread_stack *stacks;
	size_t stack_count, stack_capacity;
	struct place boundary; /* of the next begin or end; place.at_ns INT64_MIN: none */
	size_t begins;         /* the stack whose innermost one begins there, plus 1; 0: next ends there */
};

struct telling_operations {
	struct table_call call;
	struct catalog catalog;
	struct operations *operations;
	struct operation_choice *choice;
	struct replay *replay;
	struct level *levels; /* a series each */
	struct lane *lanes;   /* a process each */
	uint32_t latest;      /* the lane whose boundary is; UINT32_MAX: none */
};

static int no_memory(struct telling_operations *telling)
{
	return sql_fail(telling->call.error, "out of memory");
}

/* ---- boundaries ---- */

static void look(struct telling_operations *telling, uint32_t process)
{
	struct lane *lane = &telling->lanes[process];

	lane->boundary = (struct place){INT64_MIN, process, INT64_MIN};
	lane->begins = 0;
	if (lane->has_next)
		lane->boundary = operation_end(&telling->catalog, process, &lane->next);
	for (size_t i = 0; i < lane->stack_count; i++) {
		const struct thread_stack *stack = &lane->stacks[i];

		if (stack->count == 0)
			continue;
		const struct operation *innermost = &stack->open[stack->count - 1].operation;
		if (innermost->key < lane->boundary.key)
			continue;
		lane->boundary = (struct place){innermost->begin_ns, process, innermost->key};
		lane->begins = i + 1;
	}
}

static void choose_latest(struct telling_operations *telling)
{
	telling->latest = UINT32_MAX;
	for (uint32_t i = 0; i < telling->catalog.process_count; i++)
		if (telling->lanes[i].boundary.at_ns != INT64_MIN &&
		    (telling->latest == UINT32_MAX ||
		     place_is_before(telling->lanes[telling->latest].boundary, telling->lanes[i].boundary)))
			telling->latest = i;
}

static void fetch(struct telling_operations *telling, uint32_t process)
{
	struct lane *lane = &telling->lanes[process];

	lane->has_next =
	    operations_next(telling->operations, telling->catalog.processes[process].id, &lane->cursor, &lane->next);
}

/* ---- ends and begins ---- */

static struct thread_stack *stack_of(struct lane *lane, uint32_t thread, bool make)
{
	for (size_t i = 0; i < lane->stack_count; i++)
		if (lane->stacks[i].thread == thread)
			return &lane->stacks[i];
	if (!make || array_reserve(&lane->stacks, &lane->stack_capacity, lane->stack_count) < 0)
		return NULL;
	lane->stacks[lane->stack_count] = (struct thread_stack){.thread = thread};
	return &lane->stacks[lane->stack_count++];
}

static int grow(struct telling_operations *telling, struct thread_stack *stack)
{
	size_t capacity = stack->capacity;

	if (array_reserve(&stack->open, &capacity, stack->count) < 0)
		return -1;
	for (; stack->capacity < capacity; stack->capacity++) {
		struct open *open = &stack->open[stack->capacity];

		*open = (struct open){.seen = calloc(telling->catalog.series_count + 1, sizeof(*open->seen))};
		if (!open->seen)
			return -1;
	}
	return 0;
}

/* Going backwards, it begins here. */
static int meet_end(struct telling_operations *telling, uint32_t process)
{
	struct lane *lane = &telling->lanes[process];
	uint32_t thread = operations_what(telling->operations, lane->next.what)->thread;
	struct thread_stack *stack = stack_of(lane, thread, true);

	if (!stack || grow(telling, stack) < 0)
		return no_memory(telling);
	struct open *open = &stack->open[stack->count++];
	open->operation = lane->next;
	for (size_t i = 0; i < telling->catalog.series_count; i++) {
		int64_t level = (int64_t)telling->levels[i].bank_bytes;

		open->seen[i] = (struct seen){.after = level, .most = level};
	}
	fetch(telling, process);
	return 0;
}

/* The series of REGION in which OPEN saw the most; UINT32_MAX: there is none. */
static uint32_t fullest(const struct telling_operations *telling, const struct open *open, int64_t region)
{
	uint32_t found = UINT32_MAX;

	for (uint32_t i = 0; i < telling->catalog.series_count; i++)
		if (telling->catalog.series[i].region == region &&
		    (found == UINT32_MAX || open->seen[i].most > open->seen[found].most))
			found = i;
	return found;
}

static void put_region(const struct telling_operations *telling, const struct open *open, int64_t region,
                       int64_t *cells)
{
	uint32_t series = fullest(telling, open, region);

	if (series == UINT32_MAX) {
		for (size_t i = 0; i < 5; i++)
			cells[i] = TABLE_NULL;
		return;
	}
	cells[0] = telling->catalog.series[series].device;
	cells[1] = (int64_t)telling->levels[series].bank_bytes;
	cells[2] = open->seen[series].most;
	cells[3] = open->seen[series].after;
	cells[4] = open->seen[series].left;
}

static bool is_wanted(struct telling_operations *telling, const struct operation *operation)
{
	const struct filter *filter = &telling->call.filter;
	struct operation around = *operation;
	bool chosen = !telling->choice;

	if (operation->begin_ns > filter->end_ns || operation->end_ns < filter->start_ns)
		return false;
	for (bool there = true; !chosen && there; there = operations_around(telling->operations, &around, &around))
		chosen = operation_is_named(telling->choice, &around);
	return chosen;
}

static int tell(struct telling_operations *telling, const struct open *open)
{
	const struct operation *operation = &open->operation;
	const struct operation_what *what = operations_what(telling->operations, operation->what);
	bool ended = operation->end_key != OPERATION_OPEN;
	int64_t cells[17] = {operation->process,
	                     operation->number,
	                     operation->key,
	                     operation->begin_ns,
	                     ended ? operation->end_ns : TABLE_NULL,
	                     operation->what,
	                     what->is_helper};

	if (!is_wanted(telling, operation))
		return 0;
	put_region(telling, open, TTALLOC_L1, &cells[7]);
	put_region(telling, open, TTALLOC_DRAM, &cells[12]);
	return table_add(telling->call.table, cells, telling->call.error);
}

/* Going backwards, it ends here. */
static int meet_begin(struct telling_operations *telling, struct thread_stack *stack)
{
	struct open *open = &stack->open[--stack->count], *around = stack->count ? open - 1 : NULL;

	for (size_t i = 0; around && i < telling->catalog.series_count; i++) {
		if (open->seen[i].most > around->seen[i].most)
			around->seen[i].most = open->seen[i].most;
		around->seen[i].left += open->seen[i].left;
	}
	return tell(telling, open);
}

/* ---- events ---- */

/* An alloc is the doing of its thread's innermost operation; what was freed before that one ended is not left. */
static void count_left(struct telling_operations *telling, const struct replay_event *event,
                       const struct catalog_origin *origin)
{
	struct thread_stack *stack = stack_of(&telling->lanes[origin->process], origin->thread, false);
	int64_t bytes = origin->aliased ? 0 : event->block->bank_bytes;

	for (size_t i = stack ? stack->count : 0; i-- > 0;) {
		struct open *open = &stack->open[i];

		if (event->block->alloc_key < open->operation.key)
			continue; /* it began after the alloc */
		open->seen[origin->series].left += event->is_alloc ? bytes : -bytes;
		return;
	}
}

/* The level before the event, which is about to be undone, was seen by all that are under way. */
static void see_level(struct telling_operations *telling, uint32_t series)
{
	int64_t level = (int64_t)telling->levels[series].bank_bytes;

	for (size_t i = 0; i < telling->catalog.process_count; i++)
		for (size_t at = 0; at < telling->lanes[i].stack_count; at++) {
			struct thread_stack *stack = &telling->lanes[i].stacks[at];
			struct seen *seen = stack->count ? &stack->open[stack->count - 1].seen[series] : NULL;

			if (seen && level > seen->most)
				seen->most = level;
		}
}

static int undo_event(struct telling_operations *telling, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &telling->catalog.origins[block->origin];

	count_left(telling, event, origin);
	level_change(&telling->levels[origin->series], origin, block->size_bytes, block->bank_bytes,
	             event->is_alloc ? -1 : 1);
	see_level(telling, origin->series);
	return replay_undo(telling->replay, telling->call.error);
}

static int cross_boundary(struct telling_operations *telling)
{
	uint32_t process = telling->latest;
	struct lane *lane = &telling->lanes[process];
	int result = lane->begins ? meet_begin(telling, &lane->stacks[lane->begins - 1]) : meet_end(telling, process);

	look(telling, process);
	choose_latest(telling);
	return result;
}

/* ---- the function ---- */

static void start_with(const struct replay_block *block, void *context)
{
	struct telling_operations *telling = context;
	const struct catalog_origin *origin = &telling->catalog.origins[block->origin];

	level_change(&telling->levels[origin->series], origin, block->size_bytes, block->bank_bytes, 1);
}

/* Goes on until there are rows, or all is told. */
static int more_operations(void *state, struct table *table, struct sql_error *error)
{
	struct telling_operations *telling = state;
	struct replay_event event;
	int there = 0;

	telling->call.table = table;
	telling->call.error = error;
	while (telling->latest != UINT32_MAX && table->count < ROWS_AT_ONCE) {
		there = replay_peek(telling->replay, &event, error);
		if (there < 0)
			return -1;
		bool is_event = there && place_is_before(telling->lanes[telling->latest].boundary,
		                                         (struct place){event.at_ns, event.process, event.key});
		if ((is_event ? undo_event(telling, &event) : cross_boundary(telling)) < 0)
			return -1;
	}
	return operations_check(telling->operations, error);
}

static void end_operations(void *state)
{
	struct telling_operations *telling = state;

	for (size_t i = 0; telling->lanes && i < telling->catalog.process_count; i++) {
		struct lane *lane = &telling->lanes[i];

		for (size_t at = 0; at < lane->stack_count; at++) {
			for (size_t open = 0; open < lane->stacks[at].capacity; open++)
				free(lane->stacks[at].open[open].seen);
			free(lane->stacks[at].open);
		}
		free(lane->stacks);
		operations_cursor_clear(&lane->cursor);
	}
	replay_close(telling->replay);
	operation_choice_free(telling->choice);
	operations_close(telling->operations);
	free(telling->lanes);
	free(telling->levels);
	catalog_clear(&telling->catalog);
	free(telling);
}

static bool is_of(const struct telling_operations *telling, uint32_t process)
{
	const struct filter *filter = &telling->call.filter;

	return !filter->has_pid || telling->catalog.processes[process].pid == filter->pid;
}

/* Ranges of which kind there are: those that OPEN opens. */
static int start(struct telling_operations *telling,
                 struct operations *open(struct recording *recording, struct sql_error *error))
{
	struct table_call *call = &telling->call;
	struct filter all = filter_all();

	/* what an operation saw is of all blocks, not of those that some filter chooses */
	all.has_device = call->filter.has_device;
	all.device = call->filter.device;
	if (catalog_load(&telling->catalog, call->recording, &all, false, call->error) < 0 ||
	    !(telling->operations = open(call->recording, call->error)))
		return -1;
	if (call->filter.op &&
	    !(telling->choice = operation_choice_new(telling->operations, call->filter.op, call->error)))
		return -1;
	telling->levels = calloc(telling->catalog.series_count + 1, sizeof(*telling->levels));
	telling->lanes = calloc(telling->catalog.process_count + 1, sizeof(*telling->lanes));
	if (!telling->levels || !telling->lanes)
		return no_memory(telling);
	telling->replay = replay_open(call->recording, &telling->catalog, call->error);
	if (!telling->replay)
		return -1;
	replay_each(telling->replay, start_with, telling);
	for (uint32_t i = 0; i < telling->catalog.process_count; i++) {
		if (is_of(telling, i))
			fetch(telling, i);
		look(telling, i);
	}
	choose_latest(telling);
	return more_operations(telling, call->table, call->error);
}

static int fill(struct table_call *call, struct operations *open(struct recording *recording, struct sql_error *error))
{
	struct telling_operations *telling = calloc(1, sizeof(*telling));

	if (!telling)
		return sql_fail(call->error, "out of memory");
	telling->call = *call;
	call->state = telling;
	return start(telling, open);
}

static int fill_operation_figures(struct table_call *call)
{
	return fill(call, operations_open);
}

static int fill_range_figures(struct table_call *call)
{
	return fill(call, operations_open_labels);
}

#define FIGURES                                                                                                        \
	"l1_device, l1_before_bytes, l1_peak_bytes, l1_after_bytes, l1_left_bytes, "                                   \
	"dram_device, dram_before_bytes, dram_peak_bytes, dram_after_bytes, dram_left_bytes"

const struct table_function table_operation_figures = {
    .name = "operation_figures",
    .columns = "process, number, key, begin_ns, end_ns, what, is_helper, " FIGURES,
    .fill = fill_operation_figures,
    .more = more_operations,
    .end = end_operations,
};

const struct table_function table_range_figures = {
    .name = "range_figures",
    .columns = "process, number, key, begin_ns, end_ns, what, is_helper, " FIGURES,
    .fill = fill_range_figures,
    .more = more_operations,
    .end = end_operations,
};
