/* SPDX-License-Identifier: Apache-2.0
 *
 * distance.c - see distance.h. Pages of ranges are read as keys rise; a heap for each process puts the ends of ranges
 * in order. Marks become runs of neighbouring numbers. Between two runs is an event at least, so that of the latest
 * runs as many are enough as events are asked for.
 */
#include "distance.h"

#include <stdlib.h>
#include <string.h>

#include "numbering.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/range_page.h"
#include "sql/store/recording.h"
#include "ttalloc/heap.h"

/* Marks whose numbers are neighbours. */
struct run {
	int64_t from, to; /* numbers */
	int64_t before;   /* how many marks are in the runs before it */
};

struct lane {
	struct {
		int64_t *keys; /* a heap of marks to come: the lowest on top */
		size_t count, capacity;
	} ahead;
	size_t steps; /* that were taken */
	struct run *runs;
	size_t run_count, run_capacity;
	int64_t forgotten; /* the last number of the runs that are kept no more; -1: all are */
};

struct distance {
	struct recording *recording;
	const struct catalog *catalog;
	struct numbering numbering;
	size_t events;
	sqlite3_stmt *pages;
	bool on_page; /* PAGES stands on one, which begins with */
	int64_t page_key;
	struct lane *lanes; /* one per process */
};

static inline bool is_lower(const void *nothing, const int64_t *a, const int64_t *b)
{
	(void)nothing;
	return *a < *b;
}

TTA_HEAP(ahead, int64_t, const void *, is_lower)

static int no_memory(const struct distance *distance, struct sql_error *error)
{
	return sql_fail(error, "%s: out of memory", distance->recording->path);
}

static int add_ahead(struct lane *lane, int64_t key)
{
	if (array_reserve(&lane->ahead.keys, &lane->ahead.capacity, lane->ahead.count) < 0)
		return -1;
	ahead_push(NULL, lane->ahead.keys, lane->ahead.count++, key);
	return 0;
}

/* ---- Marks become runs ---- */

static void forget_runs(struct lane *lane, size_t kept)
{
	size_t gone = lane->run_count - kept;

	lane->forgotten = lane->runs[gone - 1].to;
	memmove(lane->runs, lane->runs + gone, kept * sizeof(*lane->runs));
	lane->run_count = kept;
}

/* KEY is behind all that was taken. One that is in no batch is left to 'verify'. */
static int take_mark(struct distance *distance, uint32_t process, int64_t key)
{
	struct lane *lane = &distance->lanes[process];
	struct run *last = lane->run_count ? &lane->runs[lane->run_count - 1] : NULL;
	int64_t number = numbering_of(&distance->numbering, process, key);

	if (number < 0 || (last && number <= last->to))
		return 0;
	if (last && number == last->to + 1) {
		last->to = number;
		return 0;
	}
	if (lane->run_count == 2 * distance->events)
		forget_runs(lane, distance->events);
	if (array_reserve(&lane->runs, &lane->run_capacity, lane->run_count) < 0)
		return -1;
	last = lane->run_count ? &lane->runs[lane->run_count - 1] : NULL;
	lane->runs[lane->run_count++] =
	    (struct run){number, number, last ? last->before + (last->to - last->from + 1) : 0};
	return 0;
}

/* Takes the marks of PROCESS up to KEY. */
static int take_marks(struct distance *distance, uint32_t process, int64_t key)
{
	const struct catalog_process *owner = &distance->catalog->processes[process];
	const struct catalog_step *steps = owner->step_count ? distance->catalog->steps + owner->first_step : NULL;
	struct lane *lane = &distance->lanes[process];

	for (;;) {
		bool has_step = lane->steps < owner->step_count;
		bool has_range = lane->ahead.count > 0;
		bool is_step = has_step && (!has_range || steps[lane->steps].key < lane->ahead.keys[0]);
		if (!is_step && !has_range)
			return 0;
		int64_t next = is_step ? steps[lane->steps].key : lane->ahead.keys[0];

		if (next > key)
			return 0;
		if (is_step)
			lane->steps++;
		else
			ahead_pop(NULL, lane->ahead.keys, --lane->ahead.count);
		if (take_mark(distance, process, next) < 0)
			return -1;
	}
}

/* ---- Ranges ---- */

/* The lane of PROCESS, an id; NULL: there is no such process. */
static struct lane *lane_of(const struct distance *distance, int64_t process)
{
	size_t low = 0, high = distance->catalog->process_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (distance->catalog->processes[middle].id < process)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < distance->catalog->process_count && distance->catalog->processes[low].id == process;
	return found ? &distance->lanes[low] : NULL;
}

static int step_page(struct distance *distance, struct sql_error *error)
{
	int state = recording_step(distance->recording, distance->pages, error);

	distance->on_page = state == 1;
	if (state == 1)
		distance->page_key = sqlite3_column_int64(distance->pages, 1);
	return state < 0 ? -1 : 0;
}

/* A page that is damaged has none: verify tells. */
static int take_page(struct distance *distance)
{
	struct lane *lane = lane_of(distance, sqlite3_column_int64(distance->pages, 0));
	struct range_page_row row;
	struct range_record records[RANGE_PAGE_MOST];

	if (!lane)
		return 0;
	/* of a process that nothing is asked about, too, there is never much ahead */
	if (take_marks(distance, (uint32_t)(lane - distance->lanes), distance->page_key - 1) < 0)
		return -1;
	range_page_take(distance->pages, 1, &row);
	for (size_t i = 0, count = range_page_unpack(&row, records); i < count; i++)
		if (add_ahead(lane, records[i].key) < 0 || add_ahead(lane, records[i].key + records[i].life) < 0)
			return -1;
	return 0;
}

/* Takes in what there is up to KEY: pages of all processes, and marks of PROCESS. */
static int read_up_to(struct distance *distance, uint32_t process, int64_t key, struct sql_error *error)
{
	while (distance->on_page && distance->page_key <= key) {
		if (take_page(distance) < 0)
			return no_memory(distance, error);
		if (step_page(distance, error) < 0)
			return -1;
	}
	return take_marks(distance, process, key) < 0 ? no_memory(distance, error) : 0;
}

/* Ranges that have not ended. */
static int load_open(struct distance *distance, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(distance->recording, "SELECT process, key FROM range_open", error);
	int state = -1;

	while (rows && (state = recording_step(distance->recording, rows, error)) == 1) {
		struct lane *lane = lane_of(distance, sqlite3_column_int64(rows, 0));

		if (lane && add_ahead(lane, sqlite3_column_int64(rows, 1)) < 0) {
			state = no_memory(distance, error);
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

/* ---- Opening ---- */

static int open_all(struct distance *distance, struct sql_error *error)
{
	size_t count = distance->catalog->process_count;

	if (numbering_load(&distance->numbering, distance->recording, distance->catalog, error) < 0)
		return -1;
	distance->lanes = calloc(count + 1, sizeof(*distance->lanes));
	if (!distance->lanes)
		return no_memory(distance, error);
	for (size_t i = 0; i < count; i++)
		distance->lanes[i].forgotten = -1;
	if (load_open(distance, error) < 0)
		return -1;
	distance->pages = recording_prepare(
	    distance->recording, "SELECT process, " RANGE_PAGE_COLUMNS " FROM range_page ORDER BY key", error);
	return distance->pages ? step_page(distance, error) : -1;
}

struct distance *distance_open(struct recording *recording, const struct catalog *catalog, size_t events,
                               struct sql_error *error)
{
	struct distance *distance = calloc(1, sizeof(*distance));

	if (!distance) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	*distance = (struct distance){.recording = recording, .catalog = catalog, .events = events};
	if (open_all(distance, error) == 0)
		return distance;
	distance_close(distance);
	return NULL;
}

void distance_close(struct distance *distance)
{
	if (!distance)
		return;
	for (size_t i = 0; distance->lanes && i < distance->catalog->process_count; i++) {
		free(distance->lanes[i].ahead.keys);
		free(distance->lanes[i].runs);
	}
	free(distance->lanes);
	sqlite3_finalize(distance->pages);
	numbering_clear(&distance->numbering);
	free(distance);
}

/* ---- Asking ---- */

int distance_replaced(struct distance *distance, uint32_t process, int64_t key, struct sql_error *error)
{
	if (read_up_to(distance, process, key, error) < 0)
		return -1;
	return take_mark(distance, process, key) < 0 ? no_memory(distance, error) : 0;
}

/* How many marks of the runs that are kept come after NUMBER. */
static int64_t marks_after(const struct lane *lane, int64_t number)
{
	size_t low = 0, high = lane->run_count;

	if (high == 0)
		return 0;
	while (low < high) { /* the first run that begins behind it */
		size_t middle = (low + high) / 2;

		if (lane->runs[middle].from <= number)
			low = middle + 1;
		else
			high = middle;
	}
	const struct run *last = &lane->runs[lane->run_count - 1];
	int64_t all = last->before + (last->to - last->from + 1);
	if (low == 0)
		return all - lane->runs[0].before;
	const struct run *run = &lane->runs[low - 1];
	return all - run->before - ((number < run->to ? number : run->to) - run->from + 1);
}

int distance_is_near(struct distance *distance, uint32_t process, int64_t from, int64_t key, struct sql_error *error)
{
	struct lane *lane = &distance->lanes[process];
	int64_t begin = numbering_of(&distance->numbering, process, from);
	int64_t end = numbering_of(&distance->numbering, process, key);

	if (begin < 0 || end < 0)
		return sql_fail(error, "%s: corrupt: a block's keys are in no batch of its process",
		                distance->recording->path);
	if (read_up_to(distance, process, key, error) < 0)
		return -1;
	if (begin <= lane->forgotten)
		return 0;
	return end - begin - marks_after(lane, begin) <= (int64_t)distance->events;
}
