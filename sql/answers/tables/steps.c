/* SPDX-License-Identifier: Apache-2.0
 *
 * steps.c - step_figures(): what each process did in each of its steps, by device and region. A step lasts from its
 * mark to the next one, the last one to the end of its process, whose own taking back is no part of it. What came
 * before the first mark is a row without a step. Steps in which nothing was live and nothing happened have no row.
 * Where no step was marked, they are those that come again (period.h); found_steps() says which.
 *
 * Blocks are read backwards, circular buffers forwards; which of both only matters to where a step is entered.
 */
#include <stdlib.h>

#include "sql/base/error.h"
#include "sql/replay/circular.h"
#include "sql/replay/figures.h"
#include "sql/store/recording.h"
#include "sql/answers/period.h"
#include "sql/answers/table_function.h"
#include "ttalloc.h"

/* Rows of all series together. */
#define ROWS_MAX 1000000

/* One device and region of a process. */
struct line {
	struct level level;
	size_t step; /* the one that is being read: how many had begun */
	struct {
		int64_t allocs, frees, allocated_bytes, freed_bytes;
		int64_t live_bytes; /* at its end */
		int64_t peak_bytes, peak_ns, peak_bank_bytes;
	} figures; /* of the step */
};

struct reading {
	struct table_call *call;
	struct filter chosen; /* its steps choose rows, not blocks */
	struct catalog catalog;
	struct line *lines; /* per series */
	int64_t end_ns;     /* of the recording */
	bool failed;        /* going forwards; the call's error says how */
};

static const struct catalog_step *mark_of(const struct reading *reading, uint32_t process, size_t step)
{
	return step > 0 ? &reading->catalog.steps[reading->catalog.processes[process].first_step + step - 1] : NULL;
}

/* When STEP of PROCESS began. */
static int64_t start_of(const struct reading *reading, uint32_t process, size_t step)
{
	const struct catalog_step *mark = mark_of(reading, process, step);

	return mark ? mark->at_ns : 0;
}

/* The next step's begin; TABLE_NULL: there is none. */
static int64_t end_of(const struct reading *reading, uint32_t process, size_t step)
{
	if (step == reading->catalog.processes[process].step_count)
		return TABLE_NULL;
	return start_of(reading, process, step + 1);
}

/* Of a file that was cut, steps that it does not have whole. */
static bool is_cut_off(const struct reading *reading, uint32_t process, size_t step)
{
	const struct recording *recording = reading->call->recording;
	const struct catalog_process *owner = &reading->catalog.processes[process];
	int64_t end_ns = end_of(reading, process, step);

	if (!recording->cut)
		return false;
	if (end_ns == TABLE_NULL)
		end_ns = owner->ended ? owner->ended_ns : reading->end_ns;
	return start_of(reading, process, step) < recording->cut_from_ns || end_ns > recording->cut_to_ns;
}

static bool is_wanted(const struct reading *reading, const struct catalog_step *mark)
{
	const struct filter *chosen = &reading->chosen;

	return !chosen->has_steps || (mark && mark->number >= chosen->step_first && mark->number <= chosen->step_last);
}

/* Adds the row of the step that LINE has read, unless it is an idle one. */
static int add_step(struct reading *reading, uint32_t series, const struct line *line)
{
	const struct catalog_series *of = &reading->catalog.series[series];
	const struct catalog_step *mark = mark_of(reading, of->process, line->step);
	bool idle = line->figures.allocs == 0 && line->figures.frees == 0 && line->figures.peak_bytes == 0;

	if (idle || !is_wanted(reading, mark) || is_cut_off(reading, of->process, line->step))
		return 0;
	if (reading->call->table->count == ROWS_MAX)
		return sql_fail(reading->call->error, "more than %d rows: --step, --device or --region choose some",
		                ROWS_MAX);
	int64_t cells[] = {reading->catalog.processes[of->process].id,
	                   of->device,
	                   of->region,
	                   mark ? mark->number : TABLE_NULL,
	                   start_of(reading, of->process, line->step),
	                   end_of(reading, of->process, line->step),
	                   line->figures.allocs,
	                   line->figures.frees,
	                   line->figures.allocated_bytes,
	                   line->figures.freed_bytes,
	                   line->figures.live_bytes,
	                   line->figures.peak_bytes,
	                   line->figures.peak_ns,
	                   line->figures.peak_bank_bytes};

	return table_add(reading->call->table, cells, reading->call->error);
}

/* What is live now is what a step begins, or read backwards ends, with. */
static void enter(const struct reading *reading, uint32_t series, struct line *line, size_t step)
{
	int64_t start_ns = start_of(reading, reading->catalog.series[series].process, step);

	line->step = step;
	line->figures.allocs = line->figures.frees = 0;
	line->figures.allocated_bytes = line->figures.freed_bytes = 0;
	line->figures.live_bytes = line->figures.peak_bytes = (int64_t)line->level.bytes;
	line->figures.peak_bank_bytes = (int64_t)line->level.bank_bytes;
	line->figures.peak_ns = start_ns;
}

static void count_alloc(struct line *line, const struct catalog_origin *origin, int64_t size_bytes)
{
	line->figures.allocs++;
	if (!origin->aliased)
		line->figures.allocated_bytes =
		    (int64_t)((uint64_t)line->figures.allocated_bytes + (uint64_t)size_bytes);
}

static void count_free(struct line *line, const struct catalog_origin *origin, int64_t size_bytes)
{
	line->figures.frees++;
	if (!origin->aliased)
		line->figures.freed_bytes = (int64_t)((uint64_t)line->figures.freed_bytes + (uint64_t)size_bytes);
}

/* ---- Blocks, backwards ---- */

/* Reads back to STEP. */
static int go_back(struct reading *reading, uint32_t series, struct line *line, size_t step)
{
	while (line->step > step) {
		if (add_step(reading, series, line) < 0)
			return -1;
		if (line->level.present == 0) { /* nothing will be read of the steps between */
			enter(reading, series, line, step);
			break;
		}
		enter(reading, series, line, line->step - 1);
	}
	return 0;
}

/* LEVEL, about to be undone, is what was live since AT_NS. */
static void see_backwards(struct line *line, int64_t at_ns)
{
	if ((int64_t)line->level.bytes >= line->figures.peak_bytes) {
		line->figures.peak_bytes = (int64_t)line->level.bytes;
		line->figures.peak_ns = at_ns;
	}
	if ((int64_t)line->level.bank_bytes > line->figures.peak_bank_bytes)
		line->figures.peak_bank_bytes = (int64_t)line->level.bank_bytes;
}

static int undo(struct reading *reading, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &reading->catalog.origins[block->origin];
	struct line *line = &reading->lines[origin->series];
	bool ends = event->key == REPLAY_PROCESS_END;

	if (!ends && go_back(reading, origin->series, line,
	                     catalog_steps_begun_near(&reading->catalog, event->process, event->key, line->step)) < 0)
		return -1;
	if (!ends)
		see_backwards(line, event->at_ns);
	if (event->is_alloc)
		count_alloc(line, origin, block->size_bytes);
	else if (!ends)
		count_free(line, origin, block->size_bytes);
	level_change(&line->level, origin, block->size_bytes, block->bank_bytes, event->is_alloc ? -1 : 1);
	if (ends) /* still part of what the step ended with */
		enter(reading, origin->series, line, line->step);
	else
		see_backwards(line, start_of(reading, event->process, line->step));
	return 0;
}

static void start_with(const struct replay_block *block, void *context)
{
	struct reading *reading = context;
	const struct catalog_origin *origin = &reading->catalog.origins[block->origin];
	struct line *line = &reading->lines[origin->series];

	level_change(&line->level, origin, block->size_bytes, block->bank_bytes, 1);
	enter(reading, origin->series, line, line->step);
}

static int read_blocks(struct reading *reading)
{
	struct table_call *call = reading->call;
	struct replay *replay = replay_open(call->recording, &reading->catalog, call->error);
	struct replay_event event;
	int state = -1;

	if (!replay)
		return -1;
	replay_each(replay, start_with, reading);
	while ((state = replay_peek(replay, &event, call->error)) == 1) {
		if (undo(reading, &event) < 0 || replay_undo(replay, call->error) < 0) {
			state = -1;
			break;
		}
	}
	for (uint32_t i = 0; state == 0 && i < reading->catalog.series_count; i++)
		if (reading->catalog.series[i].region != TTALLOC_CB)
			state = add_step(reading, i, &reading->lines[i]);
	replay_close(replay);
	return state;
}

/* ---- Circular buffers, forwards ---- */

static void see_forwards(struct line *line, int64_t at_ns)
{
	line->figures.live_bytes = (int64_t)line->level.bytes;
	if ((int64_t)line->level.bytes > line->figures.peak_bytes) {
		line->figures.peak_bytes = (int64_t)line->level.bytes;
		line->figures.peak_ns = at_ns;
	}
	if ((int64_t)line->level.bank_bytes > line->figures.peak_bank_bytes)
		line->figures.peak_bank_bytes = (int64_t)line->level.bank_bytes;
}

static int go_forth(struct reading *reading, uint32_t series, struct line *line, size_t step)
{
	while (line->step < step) {
		if (add_step(reading, series, line) < 0)
			return -1;
		enter(reading, series, line, line->level.present == 0 ? step : line->step + 1);
	}
	return 0;
}

/* What is live at the end lasts until the last step. */
static int end_forwards(struct reading *reading)
{
	for (uint32_t i = 0; i < reading->catalog.series_count; i++) {
		const struct catalog_series *series = &reading->catalog.series[i];

		if (series->region == TTALLOC_CB &&
		    (go_forth(reading, i, &reading->lines[i], reading->catalog.processes[series->process].step_count) <
		         0 ||
		     add_step(reading, i, &reading->lines[i]) < 0))
			return -1;
	}
	return 0;
}

static void take_circular(struct line *line, const struct catalog_origin *origin, const struct circular_event *event)
{
	const struct replay_block *block = event->block;

	switch (event->kind) {
	case CIRCULAR_ALLOC:
		count_alloc(line, origin, circular_size(block));
		break;
	case CIRCULAR_END:
		count_free(line, origin, circular_size(block));
		break;
	default:
		level_change(&line->level, origin, block->size_bytes, block->bank_bytes,
		             event->kind == CIRCULAR_RESIDENT ? 1 : -1);
		see_forwards(line, event->at_ns);
	}
}

static bool do_circular(const struct circular_event *event, void *context)
{
	struct reading *reading = context;

	if (event->kind == CIRCULAR_OVER)
		return !(reading->failed = end_forwards(reading) < 0);
	if (event->key == REPLAY_PROCESS_END)
		return true;
	const struct catalog_origin *origin = &reading->catalog.origins[event->block->origin];
	struct line *line = &reading->lines[origin->series];
	reading->failed =
	    go_forth(reading, origin->series, line,
	             catalog_steps_begun_near(&reading->catalog, event->process, event->key, line->step)) < 0;
	take_circular(line, origin, event);
	return !reading->failed;
}

static int read_circular(struct reading *reading)
{
	for (uint32_t i = 0; i < reading->catalog.series_count; i++)
		if (reading->catalog.series[i].region == TTALLOC_CB)
			enter(reading, i, &reading->lines[i], 0);
	if (circular_replay(reading->call->recording, &reading->catalog, do_circular, reading, reading->call->error) <
	    0)
		return -1;
	return reading->failed ? -1 : 0;
}

/* ---- The table ---- */

static int fill_step_figures(struct table_call *call)
{
	struct reading reading = {.call = call, .chosen = call->filter};
	int result = -1;

	call->filter.needs_steps = true;
	call->filter.has_steps = false;
	if (catalog_load(&reading.catalog, call->recording, &call->filter, true, call->error) < 0 ||
	    recording_integer(call->recording, "SELECT end_ns FROM main.recording_info", 0, &reading.end_ns,
	                      call->error) < 0)
		goto out;
	if (reading.catalog.step_count == 0 && periods_give(call->recording, &reading.catalog, call->error) < 0)
		goto out;
	if (reading.catalog.step_count == 0 && reading.catalog.series_count > 0) {
		sql_fail(call->error,
		         "%s: no step was marked: record with ttalloc_step(), or ttalloc-recorder --auto-step",
		         call->recording->path);
		goto out;
	}
	reading.lines = calloc(reading.catalog.series_count + 1, sizeof(*reading.lines));
	if (!reading.lines) {
		sql_fail(call->error, "out of memory");
		goto out;
	}
	for (uint32_t i = 0; i < reading.catalog.series_count; i++)
		enter(&reading, i, &reading.lines[i],
		      reading.catalog.processes[reading.catalog.series[i].process].step_count);
	if (read_blocks(&reading) == 0)
		result = read_circular(&reading);
out:
	free(reading.lines);
	catalog_clear(&reading.catalog);
	return result;
}

const struct table_function table_step_figures = {
    .name = "step_figures",
    .columns = "process, device, region, step, from_ns, to_ns, allocs, frees, allocated_bytes, freed_bytes, "
               "live_bytes, peak_bytes, peak_ns, peak_bank_bytes",
    .fill = fill_step_figures,
};

static int fill_found_steps(struct table_call *call)
{
	int64_t marked = 0;

	/* looking for them takes long, and SQLite may ask before it knows that nobody wants them */
	if (recording_integer(call->recording, "SELECT EXISTS (SELECT 1 FROM step_mark)", 0, &marked, call->error) < 0)
		return -1;
	const struct periods *found = marked ? &(const struct periods){0} : periods_of(call->recording, call->error);

	for (size_t i = 0; found && i < found->count; i++) {
		const struct period *period = &found->periods[i];
		int64_t cells[] = {period->process, period->region,     period->origin,
		                   period->key,     period->size_bytes, (int64_t)period->step_count,
		                   found->is_cut};

		if (table_add(call->table, cells, call->error) < 0)
			return -1;
	}
	return found ? 0 : -1;
}

const struct table_function table_found_steps = {
    .name = "found_steps",
    .columns = "process, region, origin, key, size_bytes, steps, is_cut",
    .fill = fill_found_steps,
};
