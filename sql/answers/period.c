/* SPDX-License-Identifier: Apache-2.0
 *
 * period.c - see period.h.
 *
 * Blocks are alike if they are of one device, region, size, label (with its numbers as one) and name of operation. The
 * first reading counts how many allocations lie between one and the next that is like it. Where that is even over most
 * of a process, it is a period; periods lie within each other (layers in steps, steps in epochs), and the longest that
 * came often enough is taken: what every step leaves behind, every epoch does, too, but not every layer. Blocks that
 * were never freed do not count: loading weights is no step, and what leaks need not come again. The second reading
 * takes the places.
 */
#include "period.h"

#include <math.h>

#include "attribution.h"
#include "functions.h"
#include "grouping.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/replay/replay.h"
#include "sql/store/recording.h"

#define COUNT_MIN 6       /* fewer show no period */
#define KINDS_MAX 100000  /* of blocks; a program with more does not repeat itself */
#define STEPS_MAX 1000000 /* all together */
#define UNEVEN_MOST 0.2   /* of gaps, their deviation by their mean */
#define COVERED_LEAST 0.5 /* of a process's allocations, what lies between the first and the last step */
#define SAME_PERIOD 0.05  /* two that differ by less are one */

/* Blocks that are alike. Positions count the freed blocks of the process, from its last allocation backwards. */
struct kind {
	uint32_t process;
	struct replay_block first; /* in time */
	size_t count;
	int64_t from, to; /* positions of the last and the first in time */
	double gap_squares;
};

struct search {
	struct recording *recording;
	struct catalog catalog;
	struct grouping *labels, *operations;
	int64_t *positions; /* per process */
	struct kind *kinds;
	size_t kind_count, kind_capacity;
	struct map map; /* (series, label and operation, size) -> kinds */
	size_t *chosen; /* per process: the kind that its steps begin with, and one more; 0: none */
	struct periods *found;
	struct sql_error *error;
};

static int no_memory(const struct search *search)
{
	return sql_fail(search->error, "out of memory");
}

/* The kind of BLOCK in *KIND: NULL where there are too many. 0, or -1 with ERROR. */
static int find_kind(struct search *search, const struct replay_block *block, bool may_add, struct kind **kind)
{
	const struct catalog_origin *origin = &search->catalog.origins[block->origin];
	uint32_t label = grouping_of(search->labels, block, search->error);
	uint32_t operation = grouping_of(search->operations, block, search->error), index;
	struct map_key key = {origin->series, (int64_t)((uint64_t)label << 32 | operation), block->size_bytes};

	*kind = NULL;
	if (label == GROUPING_FAILED || operation == GROUPING_FAILED)
		return -1;
	index = map_get(&search->map, key);
	if (index == MAP_NONE && may_add && search->kind_count < KINDS_MAX) {
		if (array_reserve(&search->kinds, &search->kind_capacity, search->kind_count) < 0 ||
		    map_put(&search->map, key, (uint32_t)search->kind_count) < 0)
			return no_memory(search);
		index = (uint32_t)search->kind_count++;
		search->kinds[index] = (struct kind){.process = origin->process};
	}
	if (index != MAP_NONE)
		*kind = &search->kinds[index];
	return 0;
}

static int count_block(struct search *search, const struct replay_event *event)
{
	struct kind *kind;
	int64_t position;

	if (!event->block->freed)
		return 0;
	position = search->positions[event->process]++;
	if (find_kind(search, event->block, true, &kind) < 0)
		return -1;
	if (!kind)
		return 0;
	if (kind->count++ == 0)
		kind->from = position;
	else
		kind->gap_squares += pow((double)(position - kind->to), 2);
	kind->to = position;
	kind->first = *event->block;
	return 0;
}

static int take_step(struct search *search, const struct replay_event *event)
{
	struct periods *found = search->found;
	struct kind *kind;

	if (search->chosen[event->process] == 0)
		return 0;
	if (find_kind(search, event->block, false, &kind) < 0)
		return -1;
	if (!kind || kind != &search->kinds[search->chosen[event->process] - 1])
		return 0;
	if (found->step_count == STEPS_MAX) {
		found->is_cut = true;
		return 0;
	}
	if (array_reserve(&found->steps, &found->step_capacity, found->step_count) < 0)
		return no_memory(search);
	/* the process for its number, until they are in order; a step has begun for what comes behind its key */
	found->steps[found->step_count++] =
	    (struct catalog_step){event->block->alloc_key - 1, event->process, event->at_ns};
	return 0;
}

static int read_allocs(struct search *search, int (*take)(struct search *search, const struct replay_event *event))
{
	struct replay *replay = replay_open(search->recording, &search->catalog, search->error);
	struct replay_event event;
	int state = -1;

	while (replay && (state = replay_peek(replay, &event, search->error)) == 1) {
		if ((event.is_alloc && take(search, &event) < 0) || replay_undo(replay, search->error) < 0) {
			state = -1;
			break;
		}
	}
	replay_close(replay);
	return state;
}

/* ---- Which kind begins the steps ---- */

static double period_of(const struct kind *kind)
{
	return (double)(kind->to - kind->from) / (double)(kind->count - 1);
}

static bool comes_evenly(const struct search *search, const struct kind *kind)
{
	double all = (double)search->positions[kind->process], gaps = (double)(kind->count - 1), period;

	if (kind->count < COUNT_MIN || (double)(kind->to - kind->from) < COVERED_LEAST * all)
		return false;
	period = period_of(kind);
	return kind->gap_squares / gaps - period * period <= pow(UNEVEN_MOST * period, 2);
}

/* Of those with the longest period, the one that came first: with it the first step begins. */
static bool is_better(const struct kind *kind, const struct kind *best)
{
	if (period_of(kind) > period_of(best) * (1 + SAME_PERIOD))
		return true;
	return period_of(kind) > period_of(best) * (1 - SAME_PERIOD) && kind->first.alloc_key < best->first.alloc_key;
}

static void choose_kinds(struct search *search)
{
	for (size_t i = 0; i < search->kind_count; i++) {
		const struct kind *kind = &search->kinds[i];
		size_t *chosen = &search->chosen[kind->process];

		if (comes_evenly(search, kind) && (*chosen == 0 || is_better(kind, &search->kinds[*chosen - 1])))
			*chosen = i + 1;
	}
}

/* ---- What is kept of it ---- */

static int by_process_and_key(const void *a, const void *b)
{
	const struct catalog_step *first = a, *second = b;

	if (first->number != second->number)
		return first->number < second->number ? -1 : 1;
	return (first->key > second->key) - (first->key < second->key);
}

/* Numbers the steps of each process from 0. */
static int number_steps(struct search *search)
{
	struct periods *found = search->found;

	if (found->step_count > 0)
		qsort(found->steps, found->step_count, sizeof(*found->steps), by_process_and_key);
	for (size_t i = 0; i < found->step_count;) {
		size_t process = (size_t)found->steps[i].number, first = i;
		const struct kind *kind = &search->kinds[search->chosen[process] - 1];

		if (array_reserve(&found->periods, &found->capacity, found->count) < 0)
			return no_memory(search);
		for (; i < found->step_count && found->steps[i].number == (int64_t)process; i++)
			found->steps[i].number = (int64_t)(i - first);
		found->periods[found->count++] = (struct period){
		    .process = search->catalog.processes[process].id,
		    .origin = kind->first.origin,
		    .key = kind->first.alloc_key,
		    .size_bytes = kind->first.size_bytes,
		    .region = search->catalog.series[search->catalog.origins[kind->first.origin].series].region,
		    .first_step = first,
		    .step_count = i - first};
	}
	return 0;
}

static void periods_free(void *what)
{
	struct periods *found = what;

	free(found->periods);
	free(found->steps);
	free(found);
}

static int find(struct search *search)
{
	struct filter all = filter_all();

	if (!search->found)
		return no_memory(search);
	telling_need(TELLING_OPERATION_NAME, &all);
	if (functions_add(search->recording, search->error) < 0 || /* the older one of two has none so far */
	    catalog_load(&search->catalog, search->recording, &all, true, search->error) < 0)
		return -1;
	search->labels = grouping_open(search->recording, "pattern", &search->catalog, search->error);
	search->operations =
	    search->labels ? grouping_open(search->recording, "opname", &search->catalog, search->error) : NULL;
	if (!search->operations)
		return -1;
	search->positions = calloc(search->catalog.process_count + 1, sizeof(*search->positions));
	search->chosen = calloc(search->catalog.process_count + 1, sizeof(*search->chosen));
	if (!search->positions || !search->chosen)
		return no_memory(search);
	if (read_allocs(search, count_block) < 0 || catalog_check(&search->catalog, search->error) < 0)
		return -1;
	choose_kinds(search);
	return read_allocs(search, take_step) < 0 ? -1 : number_steps(search);
}

const struct periods *periods_of(struct recording *recording, struct sql_error *error)
{
	struct search search = {.recording = recording, .error = error};
	int result;

	if (recording->kept.free == periods_free)
		return recording->kept.what;
	search.found = calloc(1, sizeof(*search.found));
	result = find(&search);
	free(search.kinds);
	free(search.positions);
	free(search.chosen);
	map_clear(&search.map);
	grouping_close(search.operations);
	grouping_close(search.labels);
	catalog_clear(&search.catalog);
	if (result == 0)
		recording_keep(recording, search.found, periods_free);
	else if (search.found)
		periods_free(search.found);
	return result == 0 ? search.found : NULL;
}

int periods_give(struct recording *recording, struct catalog *catalog, struct sql_error *error)
{
	const struct periods *found = periods_of(recording, error);

	if (!found)
		return -1;
	catalog->steps = calloc(found->step_count + 1, sizeof(*catalog->steps));
	if (!catalog->steps)
		return sql_fail(error, "out of memory");
	catalog->step_count = found->step_count;
	if (found->step_count > 0)
		memcpy(catalog->steps, found->steps, found->step_count * sizeof(*catalog->steps));
	for (size_t i = 0, j = 0; i < found->count && j < catalog->process_count; j++) { /* both by id */
		const struct period *period = &found->periods[i];

		if (catalog->processes[j].id != period->process)
			continue;
		catalog->processes[j].first_step = period->first_step;
		catalog->processes[j].step_count = period->step_count;
		i++;
	}
	return 0;
}
