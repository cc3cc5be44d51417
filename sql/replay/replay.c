/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - see replay.h. Each process is read by itself, a run of its keys after the other, and undone in the order
 * of its keys; a heap of processes merges them by time.
 */
#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "freed.h"
#include "sql/store/recording.h"
#include "ttalloc/heap.h"

/* What a process's next event is. */
enum source {
	SOURCE_NONE,
	SOURCE_PROCESS_END, /* ended[]: what it held when it ended */
	SOURCE_CLOSE,       /* closed[]: what a device close ended */
	SOURCE_FREED,       /* rows of freed */
	SOURCE_ALLOC,       /* the top of the heap */
};

/* A block that ended without a row in freed. */
struct late_end {
	int64_t end_key, end_ns;
	struct replay_block block;
};

struct lane {
	struct freed_cursor freed;
	struct late_end *ends; /* by (end_key), the latest last */
	size_t end_count, end_capacity;
	struct {
		struct replay_block *blocks; /* a heap: the newest on top */
		size_t count, capacity;
	} live;
	enum source source; /* of the next event */
	int64_t at_ns, key; /* of the next event */
};

struct replay {
	struct recording *recording;
	const struct catalog *catalog;
	struct freed_reader *reader;
	struct lane *lanes; /* one per process */
	uint32_t *order;    /* a heap of lanes: the latest event on top */
	size_t order_count;
};

static int no_memory(struct replay *replay, struct sql_error *error)
{
	return sql_fail(error, "%s: out of memory", replay->recording->path);
}

/* Finds the next event of a lane: the largest key of what it has. */
static int lane_look(struct replay *replay, uint32_t process, struct sql_error *error)
{
	struct lane *lane = &replay->lanes[process];
	const struct freed_block *row = NULL;

	if (freed_peek(replay->reader, &lane->freed, process, &row, error) < 0)
		return -1;
	lane->source = SOURCE_NONE;
	lane->key = INT64_MIN;
	if (row) {
		lane->source = SOURCE_FREED;
		lane->key = row->key;
		lane->at_ns = row->free_ns;
	}
	if (lane->live.count > 0 && lane->live.blocks[0].alloc_key > lane->key) {
		lane->source = SOURCE_ALLOC;
		lane->key = lane->live.blocks[0].alloc_key;
		lane->at_ns = lane->live.blocks[0].alloc_ns;
	}
	if (lane->end_count > 0 && lane->ends[lane->end_count - 1].end_key >= lane->key) {
		const struct late_end *end = &lane->ends[lane->end_count - 1];

		lane->source = end->end_key == REPLAY_PROCESS_END ? SOURCE_PROCESS_END : SOURCE_CLOSE;
		lane->key = end->end_key;
		lane->at_ns = end->end_ns;
	}
	return 0;
}

/* Whether lane *A's next event comes later than lane *B's; of two processes' events at the same time, the second's. */
static inline bool is_later(const struct replay *replay, const uint32_t *a, const uint32_t *b)
{
	const struct lane *first = &replay->lanes[*a], *second = &replay->lanes[*b];

	return first->at_ns != second->at_ns ? first->at_ns > second->at_ns : *a > *b;
}

static inline bool is_newer(const void *nothing, const struct replay_block *a, const struct replay_block *b)
{
	(void)nothing;
	return a->alloc_key > b->alloc_key;
}

TTA_HEAP(order, uint32_t, const struct replay *, is_later)
TTA_HEAP(live, struct replay_block, const void *, is_newer)

static int add_live(struct lane *lane, const struct replay_block *block)
{
	if (array_reserve(&lane->live.blocks, &lane->live.capacity, lane->live.count) < 0)
		return -1;
	live_push(NULL, lane->live.blocks, lane->live.count++, *block);
	return 0;
}

/* Takes a row of held: what is live, or ended without being freed. */
static int take_held(struct replay *replay, sqlite3_stmt *row, struct sql_error *error)
{
	struct late_end end = {.block = {.alloc_key = sqlite3_column_int64(row, 0),
	                                 .alloc_ns = sqlite3_column_int64(row, 1),
	                                 .address = sqlite3_column_int64(row, 2),
	                                 .size_bytes = sqlite3_column_int64(row, 3)}};
	const struct catalog_origin *origin = catalog_origin(replay->catalog, sqlite3_column_int64(row, 5));

	if (!origin)
		return sql_fail(error, "%s: corrupt: a block without origin; 'verify' says more",
		                replay->recording->path);
	if (!origin->chosen || !catalog_key_chosen(replay->catalog, origin, end.block.alloc_key))
		return 0;
	bool has_bank = sqlite3_column_type(row, 4) != SQLITE_NULL;
	end.block.bank_bytes = has_bank ? sqlite3_column_int64(row, 4) : end.block.size_bytes;
	end.block.origin = (uint32_t)sqlite3_column_int64(row, 5);

	const struct catalog_process *process = &replay->catalog->processes[origin->process];
	struct lane *lane = &replay->lanes[origin->process];
	bool closed = sqlite3_column_type(row, 6) != SQLITE_NULL;
	if (!closed && !process->ended)
		return add_live(lane, &end.block) < 0 ? no_memory(replay, error) : 0;
	end.end_key = closed ? sqlite3_column_int64(row, 6) : REPLAY_PROCESS_END;
	end.end_ns = closed ? sqlite3_column_int64(row, 7) : process->ended_ns;
	if (array_reserve(&lane->ends, &lane->end_capacity, lane->end_count) < 0)
		return no_memory(replay, error);
	lane->ends[lane->end_count++] = end;
	return 0;
}

static int load_held(struct replay *replay, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(
	    replay->recording,
	    "SELECT key, alloc_ns, address, size_bytes, bank_bytes, origin, end_key, end_ns FROM main.held", error);
	int state = -1;

	while (rows && (state = recording_step(replay->recording, rows, error)) == 1) {
		if (take_held(replay, rows, error) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state < 0 ? -1 : catalog_check(replay->catalog, error);
}

static int by_end(const void *a, const void *b)
{
	const struct late_end *first = a, *second = b;

	if (first->end_key != second->end_key)
		return first->end_key < second->end_key ? -1 : 1;
	return (first->block.alloc_key > second->block.alloc_key) - (first->block.alloc_key < second->block.alloc_key);
}

static int start_lanes(struct replay *replay, struct sql_error *error)
{
	for (uint32_t i = 0; i < replay->catalog->process_count; i++) {
		struct lane *lane = &replay->lanes[i];

		if (lane->end_count > 1)
			qsort(lane->ends, lane->end_count, sizeof(*lane->ends), by_end);
		if (lane_look(replay, i, error) < 0)
			return -1;
		if (lane->source != SOURCE_NONE)
			order_push(replay, replay->order, replay->order_count++, i);
	}
	return 0;
}

struct replay *replay_open(struct recording *recording, const struct catalog *catalog, struct sql_error *error)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	*replay = (struct replay){.recording = recording, .catalog = catalog};
	replay->lanes = calloc(catalog->process_count + 1, sizeof(*replay->lanes));
	replay->order = calloc(catalog->process_count + 1, sizeof(*replay->order));
	if (!replay->lanes || !replay->order) {
		no_memory(replay, error);
		goto fail;
	}
	replay->reader = freed_reader_open(recording, catalog, error);
	if (!replay->reader || load_held(replay, error) < 0 || start_lanes(replay, error) < 0)
		goto fail;
	return replay;
fail:
	replay_close(replay);
	return NULL;
}

void replay_close(struct replay *replay)
{
	if (!replay)
		return;
	for (size_t i = 0; replay->lanes && i < replay->catalog->process_count; i++) {
		freed_cursor_clear(&replay->lanes[i].freed);
		free(replay->lanes[i].ends);
		free(replay->lanes[i].live.blocks);
	}
	freed_reader_close(replay->reader);
	free(replay->lanes);
	free(replay->order);
	free(replay);
}

int replay_peek(struct replay *replay, struct replay_event *event, struct sql_error *error)
{
	(void)error;
	if (replay->order_count == 0)
		return 0;
	struct lane *lane = &replay->lanes[replay->order[0]];
	*event = (struct replay_event){.at_ns = lane->at_ns,
	                               .key = lane->key,
	                               .process = replay->order[0],
	                               .is_alloc = lane->source == SOURCE_ALLOC,
	                               .from_freed = lane->source == SOURCE_FREED};
	if (lane->source == SOURCE_ALLOC)
		event->block = &lane->live.blocks[0];
	else if (lane->source == SOURCE_FREED)
		event->block = &freed_top(&lane->freed)->block;
	else
		event->block = &lane->ends[lane->end_count - 1].block;
	return 1;
}

int replay_undo(struct replay *replay, struct sql_error *error)
{
	uint32_t process = replay->order[0];
	struct lane *lane = &replay->lanes[process];
	int result = 0;

	if (lane->source == SOURCE_ALLOC) {
		live_pop(NULL, lane->live.blocks, --lane->live.count);
	} else if (lane->source == SOURCE_FREED) {
		result = add_live(lane, &freed_top(&lane->freed)->block);
		freed_skip(&lane->freed);
	} else {
		result = add_live(lane, &lane->ends[--lane->end_count].block);
	}
	if (result < 0)
		return no_memory(replay, error);
	if (lane_look(replay, process, error) < 0)
		return -1;
	if (lane->source == SOURCE_NONE)
		order_pop(replay, replay->order, --replay->order_count);
	else
		order_down(replay, replay->order, replay->order_count, 0, process);
	return 0;
}

void replay_each_of(const struct replay *replay, uint32_t process,
                    void (*each)(const struct replay_block *block, void *context), void *context)
{
	for (size_t at = 0; at < replay->lanes[process].live.count; at++)
		each(&replay->lanes[process].live.blocks[at], context);
}

void replay_each(const struct replay *replay, void (*each)(const struct replay_block *block, void *context),
                 void *context)
{
	for (uint32_t i = 0; i < replay->catalog->process_count; i++)
		replay_each_of(replay, i, each, context);
}
