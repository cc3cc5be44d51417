/* SPDX-License-Identifier: Apache-2.0
 *
 * buckets.c - buckets(): a time line of each device and region in equal parts.
 */
#include <stdlib.h>

#include "sql/replay/circular.h"
#include "sql/base/error.h"
#include "sql/replay/figures.h"
#include "sql/store/recording.h"
#include "sql/replay/replay.h"
#include "sql/answers/table_function.h"
#include "ttalloc.h"

#define BUCKETS_DEFAULT 100
#define BUCKETS_MAX 1000000
/* Rows of all series together. */
#define CELLS_MAX 1000000

struct bucket {
	int64_t max_bytes, end_bytes, allocs, frees;
};

struct lines {
	const struct catalog *catalog;
	struct bucket *buckets; /* count of each series */
	struct level *levels;   /* per series */
	int64_t *edges;         /* per series: up to which bucket the line is drawn; count: past the window */
	bool *chosen;           /* per series */
	int64_t count, start_ns, end_ns;
	int64_t cursor, cursor_start_ns, cursor_end_ns; /* the bucket that was looked up last: [start, end) */
};

/* The window is [start, end]; a bucket ends where the next one begins, the last one with the window. */
static int64_t bucket_start(const struct lines *lines, int64_t index)
{
	return lines->start_ns +
	       (int64_t)(__extension__((__int128)lines->end_ns - lines->start_ns) * index / lines->count);
}

static void move_cursor(struct lines *lines, int64_t index)
{
	lines->cursor = index;
	lines->cursor_start_ns = bucket_start(lines, index);
	lines->cursor_end_ns = index + 1 < lines->count ? bucket_start(lines, index + 1) : INT64_MAX;
}

/* The bucket of a time that is not before the window; count: after it. Times come in order, one way or the other. */
static int64_t bucket_of(struct lines *lines, int64_t at_ns)
{
	if (at_ns > lines->end_ns)
		return lines->count;
	while (at_ns >= lines->cursor_end_ns && lines->cursor + 1 < lines->count)
		move_cursor(lines, lines->cursor + 1);
	while (at_ns < lines->cursor_start_ns && lines->cursor > 0)
		move_cursor(lines, lines->cursor - 1);
	return lines->cursor;
}

/* The level of SERIES was what it is now from somewhere in bucket FIRST until it changed in bucket LAST. A level that
 * changed at the very start of a bucket is what the bucket started with. */
static void hold(struct lines *lines, uint32_t series, int64_t first, int64_t last)
{
	struct bucket *buckets = &lines->buckets[(int64_t)series * lines->count];
	int64_t bytes = (int64_t)lines->levels[series].bytes;

	for (int64_t i = first; i <= last && i < lines->count; i++) {
		if (bytes > buckets[i].max_bytes)
			buckets[i].max_bytes = bytes;
		if (i < last)
			buckets[i].end_bytes = bytes;
	}
}

static void count_event(struct lines *lines, uint32_t series, int64_t bucket, bool is_alloc, bool freed)
{
	if (bucket == lines->count)
		return;
	lines->buckets[(int64_t)series * lines->count + bucket].allocs += is_alloc;
	lines->buckets[(int64_t)series * lines->count + bucket].frees += !is_alloc && freed;
}

/* ---- Blocks, backwards: an edge is where the line was drawn back to ---- */

static void start_with(const struct replay_block *block, void *context)
{
	struct lines *lines = context;
	const struct catalog_origin *origin = &lines->catalog->origins[block->origin];

	level_change(&lines->levels[origin->series], origin, block->size_bytes, block->bank_bytes, 1);
	if (block->alloc_ns <= lines->end_ns)
		lines->chosen[origin->series] = true;
}

static void take_event(struct lines *lines, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &lines->catalog->origins[block->origin];
	uint32_t series = origin->series;

	if (block->alloc_ns <= lines->end_ns)
		lines->chosen[series] = true;
	int64_t bucket = bucket_of(lines, event->at_ns);
	hold(lines, series, bucket, lines->edges[series]);
	lines->edges[series] = bucket;
	count_event(lines, series, bucket, event->is_alloc, block->freed);
	level_change(&lines->levels[series], origin, block->size_bytes, block->bank_bytes, event->is_alloc ? -1 : 1);
}

static int draw_blocks(struct table_call *call, struct lines *lines)
{
	struct replay *replay = replay_open(call->recording, lines->catalog, call->error);
	struct replay_event event;
	int state = -1;

	if (!replay)
		return -1;
	replay_each(replay, start_with, lines);
	while ((state = replay_peek(replay, &event, call->error)) == 1 && event.at_ns >= lines->start_ns) {
		take_event(lines, &event);
		if (replay_undo(replay, call->error) < 0) {
			state = -1;
			break;
		}
	}
	for (uint32_t i = 0; state >= 0 && i < lines->catalog->series_count; i++)
		if (lines->catalog->series[i].region != TTALLOC_CB)
			hold(lines, i, 0, lines->edges[i]);
	replay_close(replay);
	return state < 0 ? -1 : 0;
}

/* ---- Circular buffers, forwards: an edge is where the line was drawn up to ---- */

static bool take_circular(const struct circular_event *event, void *context)
{
	struct lines *lines = context;

	if (event->kind == CIRCULAR_OVER) {
		for (uint32_t i = 0; i < lines->catalog->series_count; i++)
			if (lines->catalog->series[i].region == TTALLOC_CB)
				hold(lines, i, lines->edges[i], lines->count);
		return true;
	}
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &lines->catalog->origins[block->origin];
	uint32_t series = origin->series;

	bool before = event->at_ns < lines->start_ns;
	int64_t bucket = before ? 0 : bucket_of(lines, event->at_ns);

	lines->chosen[series] = true;
	if (event->kind == CIRCULAR_ALLOC || event->kind == CIRCULAR_END) {
		if (!before)
			count_event(lines, series, bucket, event->kind == CIRCULAR_ALLOC, block->freed);
		return true;
	}
	if (!before)
		hold(lines, series, lines->edges[series], bucket);
	lines->edges[series] = bucket;
	level_change(&lines->levels[series], origin, block->size_bytes, block->bank_bytes,
	             event->kind == CIRCULAR_RESIDENT ? 1 : -1);
	return true;
}

/* ---- The table ---- */

static int add_rows(struct table_call *call, const struct lines *lines)
{
	for (size_t i = 0; i < lines->catalog->series_count; i++) {
		for (int64_t index = 0; lines->chosen[i] && index < lines->count; index++) {
			const struct bucket *bucket = &lines->buckets[(int64_t)i * lines->count + index];
			int64_t cells[] = {lines->catalog->series[i].device,
			                   lines->catalog->series[i].region,
			                   bucket_start(lines, index),
			                   bucket_start(lines, index + 1),
			                   bucket->max_bytes,
			                   bucket->end_bytes,
			                   bucket->allocs,
			                   bucket->frees};

			if (table_add(call->table, cells, call->error) < 0)
				return -1;
		}
	}
	return 0;
}

static int set_window(struct table_call *call, struct lines *lines)
{
	int64_t length_ns;

	lines->count = table_number(call, 0, BUCKETS_DEFAULT);
	if (lines->count < 1 || lines->count > BUCKETS_MAX)
		return sql_fail(call->error, "buckets: from 1 to %d", BUCKETS_MAX);
	if (recording_integer(call->recording, "SELECT end_ns FROM main.recording_info", 0, &length_ns, call->error) <
	    0)
		return -1;
	lines->start_ns = call->filter.start_ns == INT64_MIN ? 0 : call->filter.start_ns;
	lines->end_ns = call->filter.end_ns < length_ns ? call->filter.end_ns : length_ns;
	if (lines->end_ns < lines->start_ns)
		return sql_fail(call->error, "the time window is empty: the recording ends before it starts");
	return 0;
}

static int draw(struct table_call *call, struct lines *lines)
{
	size_t series = lines->catalog->series_count, cells = (series + 1) * (size_t)lines->count;

	if (series * (size_t)lines->count > CELLS_MAX)
		return sql_fail(call->error, "too many buckets for %zu devices and regions: at most %zu", series,
		                CELLS_MAX / series);
	lines->buckets = calloc(cells, sizeof(*lines->buckets));
	lines->levels = calloc(series + 1, sizeof(*lines->levels));
	lines->edges = calloc(series + 1, sizeof(*lines->edges));
	lines->chosen = calloc(series + 1, sizeof(*lines->chosen));
	if (!lines->buckets || !lines->levels || !lines->edges || !lines->chosen)
		return sql_fail(call->error, "out of memory");
	for (size_t i = 0; i < series; i++)
		lines->edges[i] = lines->catalog->series[i].region == TTALLOC_CB ? 0 : lines->count;
	move_cursor(lines, 0);
	if (draw_blocks(call, lines) < 0 ||
	    circular_replay(call->recording, lines->catalog, take_circular, lines, call->error) < 0)
		return -1;
	return add_rows(call, lines);
}

static int fill_buckets(struct table_call *call)
{
	struct catalog catalog = {0};
	struct lines lines = {.catalog = &catalog};
	int result = -1;

	if (set_window(call, &lines) == 0 &&
	    catalog_load(&catalog, call->recording, &call->filter, false, call->error) == 0)
		result = draw(call, &lines);
	free(lines.buckets);
	free(lines.levels);
	free(lines.edges);
	free(lines.chosen);
	catalog_clear(&catalog);
	return result;
}

const struct table_function table_buckets = {
    .name = "buckets",
    .columns = "device, region, from_ns, to_ns, max_bytes, end_bytes, allocs, frees",
    .arguments = {"count"},
    .fill = fill_buckets,
};
