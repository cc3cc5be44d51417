/* SPDX-License-Identifier: Apache-2.0
 *
 * growth.c - step_growth(by, warm_up): the groups of each process that grow from step to step, by device and region.
 *
 *   process, device, region, origin, key, size_bytes   whose group it is: attribution() tells it of these
 *   steps, of_steps      the steps after warm_up of them that ended before the process's last step began; and in how
 * many of these something was allocated that was still live when the last step began kept_bytes, kept_blocks  that;
 * live_bytes is all of the group that was live then step_bytes, step_bank_bytes  growth per step: the median of the
 * slopes between any two ends of steps (Theil-Sen), of which at most ENDS_MAX are looked at, spread evenly
 *   top_bank_bytes       what the process took most in each bank, in its last step but one, all groups together
 *
 * A group grows where both are so: at least nine of ten steps left something behind, and the slope is positive. Weights
 * were there before; what only lives into the next step is gone when the last one begins; a cache that filled up has
 * stopped.
 *
 * One reading backwards: down to the begin of a process's last step, where what is live tells which steps left
 * something behind; from there on only the groups that may grow are followed, down to the end of the warm-up.
 */
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/replay/figures.h"
#include "sql/answers/attribution.h"
#include "sql/answers/grouping.h"
#include "sql/answers/period.h"
#include "sql/answers/table_function.h"
#include "sql/store/recording.h"

#define ENDS_MAX 512
#define STEPS_MIN 3 /* after the warm-up: fewer show no growth */
#define GROWS_IN 9  /* of ten steps */

/* A block that was live when its process's last step began. */
struct survivor {
	struct replay_block block;
	uint32_t series, group;
	size_t step; /* that it was allocated in: how many had begun */
};

/* What was live of a group at the end of a step. */
struct step_end {
	size_t step;
	int64_t bytes, bank_bytes;
};

/* A group that may grow. */
struct candidate {
	const struct catalog_series *series;
	struct replay_block example;
	uint32_t process;
	int64_t steps, kept_bytes, kept_blocks, live_bytes, top_bank_bytes;
	struct level level;
	struct step_end *ends; /* of the process's end_count, the last first */
	size_t end_count;      /* that are filled in */
};

struct lane {
	bool is_over;             /* its last step's begin lies behind, seen backwards */
	bool is_done;             /* and so does the end of its warm-up, or nothing is left to find */
	size_t first_step;        /* after the warm-up */
	size_t of_steps;          /* from there to the last one that is whole; 0: too few to tell */
	size_t candidates, first; /* how many of the list, from which on */
};

struct search {
	struct table_call *call;
	struct catalog catalog;
	struct grouping *grouping;
	struct replay *replay;
	struct lane *lanes;         /* per process */
	struct level *levels;       /* per series, from the begin of its process's last step on */
	int64_t *tops;              /* per series */
	struct survivor *survivors; /* of one process at a time */
	size_t survivor_count, survivor_capacity;
	struct candidate *candidates; /* by process */
	size_t candidate_count, candidate_capacity;
	struct map map; /* (series, group) -> candidates */
	size_t undone;  /* processes in which something may be found yet */
	bool failed;    /* the call's error says how */
};

static int no_memory(struct search *search)
{
	return sql_fail(search->call->error, "out of memory");
}

static size_t steps_of(const struct search *search, uint32_t process)
{
	return search->catalog.processes[process].step_count;
}

/* ---- What the last step began with ---- */

static void add_survivor(const struct replay_block *block, void *context)
{
	struct search *search = context;
	const struct catalog_origin *origin = &search->catalog.origins[block->origin];
	struct survivor survivor = {.block = *block, .series = origin->series};

	level_change(&search->levels[origin->series], origin, block->size_bytes, block->bank_bytes, 1);
	if (origin->aliased || search->failed)
		return;
	survivor.group = grouping_of(search->grouping, block, search->call->error);
	survivor.step = catalog_steps_begun(&search->catalog, origin->process, block->alloc_key);
	search->failed = survivor.group == GROUPING_FAILED;
	if (array_reserve(&search->survivors, &search->survivor_capacity, search->survivor_count) < 0)
		search->failed = no_memory(search) < 0;
	else
		search->survivors[search->survivor_count++] = survivor;
}

static int by_group(const void *a, const void *b)
{
	const struct survivor *first = a, *second = b;

	if (first->series != second->series)
		return first->series < second->series ? -1 : 1;
	if (first->group != second->group)
		return first->group < second->group ? -1 : 1;
	if (first->step != second->step)
		return first->step < second->step ? -1 : 1;
	return (first->block.alloc_key > second->block.alloc_key) - (first->block.alloc_key < second->block.alloc_key);
}

/* Whether two survivors, neighbours by_group(), are of one group. */
static bool same_group(const struct survivor *a, const struct survivor *b)
{
	return a->series == b->series && a->group == b->group;
}

/* What COUNT survivors of a group make of it. */
static struct candidate sum_up(const struct search *search, const struct lane *lane, const struct survivor *survivors,
                               size_t count)
{
	const struct survivor *last = &survivors[count - 1];
	const struct catalog_origin *origin = &search->catalog.origins[last->block.origin];
	struct candidate candidate = {
	    .series = &search->catalog.series[last->series], .example = last->block, .process = origin->process};

	for (size_t i = 0; i < count; i++) {
		const struct survivor *one = &survivors[i];

		level_change(&candidate.level, origin, one->block.size_bytes, one->block.bank_bytes, 1);
		if (one->step < lane->first_step)
			continue;
		candidate.steps += i == 0 || survivors[i - 1].step != one->step;
		candidate.kept_blocks++;
		candidate.kept_bytes = (int64_t)((uint64_t)candidate.kept_bytes + (uint64_t)one->block.size_bytes);
	}
	candidate.live_bytes = (int64_t)candidate.level.bytes;
	return candidate;
}

static size_t ends_of(const struct lane *lane)
{
	return lane->of_steps < ENDS_MAX ? lane->of_steps : ENDS_MAX;
}

/* The step whose end is the one of that INDEX, from the last one back. */
static size_t step_of_end(const struct lane *lane, size_t index)
{
	size_t back = index * (lane->of_steps - 1) / (ends_of(lane) - 1);

	return lane->first_step + lane->of_steps - 1 - back;
}

static int add_candidate(struct search *search, struct lane *lane, const struct survivor *of,
                         struct candidate candidate)
{
	if (array_reserve(&search->candidates, &search->candidate_capacity, search->candidate_count) < 0 ||
	    map_put(&search->map, (struct map_key){of->series, of->group, 0}, (uint32_t)search->candidate_count) < 0)
		return no_memory(search);
	candidate.ends = calloc(ends_of(lane), sizeof(*candidate.ends));
	if (!candidate.ends)
		return no_memory(search);
	lane->candidates++;
	search->candidates[search->candidate_count++] = candidate;
	return 0;
}

static int find_candidates(struct search *search, struct lane *lane)
{
	const struct survivor *survivors = search->survivors;

	lane->first = search->candidate_count;
	for (size_t from = 0, to; from < search->survivor_count; from = to) {
		for (to = from + 1; to < search->survivor_count && same_group(&survivors[from], &survivors[to]);)
			to++;
		struct candidate candidate = sum_up(search, lane, &survivors[from], to - from);
		if ((size_t)candidate.steps * 10 >= lane->of_steps * GROWS_IN &&
		    add_candidate(search, lane, &survivors[from], candidate) < 0)
			return -1;
	}
	return 0;
}

/* Comes back to the begin of the last step of PROCESS. */
static int end_last_step(struct search *search, uint32_t process)
{
	struct lane *lane = &search->lanes[process];

	lane->is_over = true;
	search->survivor_count = 0;
	replay_each_of(search->replay, process, add_survivor, search);
	if (search->failed)
		return -1;
	if (search->survivor_count > 1)
		qsort(search->survivors, search->survivor_count, sizeof(*search->survivors), by_group);
	for (uint32_t i = 0; i < search->catalog.series_count; i++)
		if (search->catalog.series[i].process == process)
			search->tops[i] = (int64_t)search->levels[i].bank_bytes;
	return find_candidates(search, lane);
}

/* ---- Before it ---- */

/* Notes what was live of CANDIDATE at the ends of steps from STEP on. */
static void note_ends(const struct lane *lane, struct candidate *candidate, size_t step)
{
	while (candidate->end_count < ends_of(lane) && step_of_end(lane, candidate->end_count) >= step) {
		struct step_end *end = &candidate->ends[candidate->end_count];

		*end = (struct step_end){.step = step_of_end(lane, candidate->end_count),
		                         .bytes = (int64_t)candidate->level.bytes,
		                         .bank_bytes = (int64_t)candidate->level.bank_bytes};
		candidate->end_count++;
	}
}

static int follow(struct search *search, struct lane *lane, const struct replay_event *event, size_t step)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &search->catalog.origins[block->origin];
	int sign = event->is_alloc ? -1 : 1;

	if (step + 1 == steps_of(search, event->process)) {
		level_change(&search->levels[origin->series], origin, block->size_bytes, block->bank_bytes, sign);
		if ((int64_t)search->levels[origin->series].bank_bytes > search->tops[origin->series])
			search->tops[origin->series] = (int64_t)search->levels[origin->series].bank_bytes;
	}
	if (lane->candidates == 0)
		return 0;
	uint32_t group = grouping_of(search->grouping, block, search->call->error);
	if (group == GROUPING_FAILED)
		return -1;
	uint32_t index = map_get(&search->map, (struct map_key){origin->series, group, 0});
	if (index == MAP_NONE)
		return 0;
	note_ends(lane, &search->candidates[index], step);
	level_change(&search->candidates[index].level, origin, block->size_bytes, block->bank_bytes, sign);
	return 0;
}

/* Takes in what is about to be undone. */
static int take_event(struct search *search, const struct replay_event *event)
{
	struct lane *lane = &search->lanes[event->process];
	size_t step;

	if (lane->is_done || event->key == REPLAY_PROCESS_END)
		return 0;
	step = catalog_steps_begun(&search->catalog, event->process, event->key);
	if (step == steps_of(search, event->process))
		return 0;
	if (!lane->is_over && end_last_step(search, event->process) < 0)
		return -1;
	lane->is_done =
	    step < lane->first_step || (lane->candidates == 0 && step + 1 < steps_of(search, event->process));
	search->undone -= lane->is_done;
	return lane->is_done ? 0 : follow(search, lane, event, step);
}

/* ---- The table ---- */

static int by_slope(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

/* The median of the slopes between any two ends of steps, in SLOPES, which has room for them. */
static double median_slope(const struct candidate *candidate, bool of_banks, double *slopes)
{
	size_t count = 0;

	for (size_t i = 0; i < candidate->end_count; i++) {
		for (size_t at = i + 1; at < candidate->end_count; at++) {
			const struct step_end *later = &candidate->ends[i], *earlier = &candidate->ends[at];
			double grown = of_banks ? (double)later->bank_bytes - (double)earlier->bank_bytes
			                        : (double)later->bytes - (double)earlier->bytes;

			slopes[count++] = grown / (double)(later->step - earlier->step);
		}
	}
	qsort(slopes, count, sizeof(*slopes), by_slope);
	return (slopes[(count - 1) / 2] + slopes[count / 2]) / 2;
}

static int add_row(struct search *search, const struct lane *lane, struct candidate *candidate, double *slopes)
{
	note_ends(lane, candidate, lane->first_step);
	double slope = median_slope(candidate, false, slopes), bank_slope = median_slope(candidate, true, slopes);
	int64_t cells[] = {search->catalog.processes[candidate->process].id,
	                   candidate->series->device,
	                   candidate->series->region,
	                   candidate->example.origin,
	                   candidate->example.alloc_key,
	                   candidate->example.size_bytes,
	                   candidate->steps,
	                   (int64_t)lane->of_steps,
	                   candidate->kept_bytes,
	                   candidate->kept_blocks,
	                   candidate->live_bytes,
	                   table_real(slope),
	                   table_real(bank_slope),
	                   search->tops[candidate->series - search->catalog.series]};

	return slope > 0 ? table_add(search->call->table, cells, search->call->error) : 0;
}

static int add_rows(struct search *search)
{
	double *slopes = malloc(sizeof(*slopes) * ENDS_MAX * (ENDS_MAX - 1) / 2);
	int result = slopes ? 0 : no_memory(search);

	for (size_t i = 0; result == 0 && i < search->candidate_count; i++) {
		struct candidate *candidate = &search->candidates[i];

		result = add_row(search, &search->lanes[candidate->process], candidate, slopes);
	}
	free(slopes);
	return result;
}

/* How many steps PROCESS began before what a file was cut to. */
static size_t steps_cut_off(const struct search *search, uint32_t process)
{
	const struct recording *recording = search->call->recording;
	const struct catalog_step *steps = search->catalog.steps + search->catalog.processes[process].first_step;
	size_t count = 0;

	while (recording->cut && count < steps_of(search, process) && steps[count].at_ns < recording->cut_from_ns)
		count++;
	return count;
}

/* Which steps of each process count. */
static void choose_steps(struct search *search, int64_t warm_up)
{
	for (uint32_t i = 0; i < search->catalog.process_count; i++) {
		struct lane *lane = &search->lanes[i];
		size_t whole = steps_of(search, i) > 0 ? steps_of(search, i) - 1 : 0, before = steps_cut_off(search, i);
		size_t left_out = warm_up >= 0 ? (size_t)warm_up : (whole - (before < whole ? before : whole) + 9) / 10;

		left_out += before;
		lane->first_step = left_out + 1;
		lane->of_steps = whole > left_out ? whole - left_out : 0;
		lane->is_done = lane->of_steps < STEPS_MIN;
		search->undone += !lane->is_done;
	}
}

static int run_search(struct search *search)
{
	struct table_call *call = search->call;
	struct replay_event event;
	int state = 0;

	search->replay = replay_open(call->recording, &search->catalog, call->error);
	if (!search->replay)
		return -1;
	while (search->undone > 0 && (state = replay_peek(search->replay, &event, call->error)) == 1)
		if (take_event(search, &event) < 0 || replay_undo(search->replay, call->error) < 0)
			return -1;
	return state < 0 ? -1 : add_rows(search);
}

static int open_search(struct search *search)
{
	struct table_call *call = search->call;

	if (catalog_load(&search->catalog, call->recording, &call->filter, true, call->error) < 0 ||
	    (search->catalog.step_count == 0 && periods_give(call->recording, &search->catalog, call->error) < 0))
		return -1;
	search->grouping = grouping_open(call->recording, call->arguments[0].text, &search->catalog, call->error);
	if (!search->grouping)
		return -1;
	search->lanes = calloc(search->catalog.process_count + 1, sizeof(*search->lanes));
	search->levels = calloc(search->catalog.series_count + 1, sizeof(*search->levels));
	search->tops = calloc(search->catalog.series_count + 1, sizeof(*search->tops));
	if (!search->lanes || !search->levels || !search->tops)
		return no_memory(search);
	return 0;
}

static int fill_step_growth(struct table_call *call)
{
	struct search search = {.call = call};
	int result = -1;

	call->filter.needs_steps = true;
	telling_need(telling_by(call->arguments[0].text), &call->filter);
	call->filter.has_steps = false;
	if (open_search(&search) == 0) {
		choose_steps(&search, table_number(call, 1, -1));
		result = run_search(&search);
	}
	for (size_t i = 0; i < search.candidate_count; i++)
		free(search.candidates[i].ends);
	free(search.candidates);
	free(search.survivors);
	free(search.lanes);
	free(search.levels);
	free(search.tops);
	map_clear(&search.map);
	replay_close(search.replay);
	grouping_close(search.grouping);
	catalog_clear(&search.catalog);
	return result;
}

const struct table_function table_step_growth = {
    .name = "step_growth",
    .columns =
        "process, device, region, origin, key, size_bytes, steps, of_steps, kept_bytes, kept_blocks, live_bytes, "
        "step_bytes, step_bank_bytes, top_bank_bytes",
    .arguments = {"by", "warm_up"},
    .real_columns = 1 << 11 | 1 << 12,
    .fill = fill_step_growth,
};
