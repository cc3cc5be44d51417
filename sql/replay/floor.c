/* SPDX-License-Identifier: Apache-2.0
 *
 * floor.c - see floor.h. Live blocks lie in a heap for each device and region, the lowest on top (floor_heap.h).
 */
#include "floor.h"

#include <stdlib.h>

#include "sql/base/error.h"
#include "floor_heap.h"
#include "sql/store/recording.h"

struct lane {
	struct floor_heap heap; /* of spans whose times are not set yet */
	struct floor_span span; /* under way; its from_ns is how far back it was seen */
	bool in_span;
	bool changed;      /* in the window */
	int64_t change_ns; /* the earliest change that was seen; the end of the window before the first one */
};

struct descent {
	const struct catalog *catalog;
	struct lane *lanes; /* lane_count of them */
	size_t lane_count;
	const uint32_t *lane_of; /* by origin; NULL: its series */
	int64_t *undone_keys;    /* per process: all from here on are undone */
	int64_t start_ns, end_ns;
	int (*each)(const struct floor_span *span, void *context);
	void *context;
	struct sql_error *error;
	int result; /* of what cannot return it */
};

static int no_memory(struct descent *descent)
{
	return sql_fail(descent->error, "out of memory");
}

/* ---- Spans ---- */

static int end_span(struct descent *descent, struct lane *lane)
{
	bool told = lane->in_span;

	lane->in_span = false;
	return told ? descent->each(&lane->span, descent->context) : 0;
}

/* What is the lowest now was so from FROM_NS up to the change that was seen last. */
static int hold(struct descent *descent, struct lane *lane, int64_t from_ns)
{
	const struct floor_span *block = floor_heap_lowest(&lane->heap, descent->undone_keys);

	if (lane->in_span && block && block->process == lane->span.process &&
	    block->block.alloc_key == lane->span.block.alloc_key) {
		lane->span.from_ns = from_ns;
		return 0;
	}
	if (end_span(descent, lane) < 0)
		return -1;
	if (block) {
		lane->span = *block;
		lane->span.from_ns = from_ns;
		lane->span.to_ns = lane->change_ns;
		lane->in_span = true;
	}
	return 0;
}

/* ---- The way back ---- */

static uint32_t lane_of(const struct descent *descent, const struct replay_block *block)
{
	return descent->lane_of ? descent->lane_of[block->origin] : descent->catalog->origins[block->origin].series;
}

/* A block that is live from here on back. */
static int add_block(struct descent *descent, const struct replay_block *block)
{
	const struct catalog_origin *origin = &descent->catalog->origins[block->origin];
	uint32_t lane = lane_of(descent, block);

	return floor_heap_add(
	    &descent->lanes[lane].heap,
	    &(struct floor_span){.series = origin->series, .lane = lane, .process = origin->process, .block = *block});
}

static void start_with(const struct replay_block *block, void *context)
{
	struct descent *descent = context;

	if (floor_counts(descent->catalog, block) && add_block(descent, block) < 0)
		descent->result = no_memory(descent);
}

/* Takes in what is about to be undone. */
static int take_event(struct descent *descent, const struct replay_event *event)
{
	struct lane *lane = &descent->lanes[lane_of(descent, event->block)];

	/* of several changes in one nanosecond only the last one shows what that moment left behind */
	if (event->at_ns <= descent->end_ns && (!lane->changed || event->at_ns != lane->change_ns)) {
		if (hold(descent, lane, event->at_ns) < 0)
			return -1;
		lane->change_ns = event->at_ns;
		lane->changed = true;
	}
	descent->undone_keys[event->process] = event->key;
	if (event->is_alloc) {
		floor_heap_undo(&lane->heap, descent->undone_keys);
		return 0;
	}
	return add_block(descent, event->block) < 0 ? no_memory(descent) : 0;
}

/* What was the lowest when the window began. */
static int finish(struct descent *descent)
{
	for (size_t i = 0; i < descent->lane_count; i++) {
		struct lane *lane = &descent->lanes[i];

		if ((!lane->changed || lane->change_ns > descent->start_ns) &&
		    hold(descent, lane, descent->start_ns) < 0)
			return -1;
		if (end_span(descent, lane) < 0)
			return -1;
	}
	return 0;
}

static int descend(struct descent *descent, struct replay *replay)
{
	struct replay_event event;
	int state;

	replay_each(replay, start_with, descent);
	if (descent->result < 0)
		return -1;
	while ((state = replay_peek(replay, &event, descent->error)) == 1 && event.at_ns >= descent->start_ns) {
		if (floor_counts(descent->catalog, event.block) && take_event(descent, &event) < 0)
			return -1;
		if (replay_undo(replay, descent->error) < 0)
			return -1;
	}
	return state < 0 ? -1 : finish(descent);
}

int floor_spans(struct recording *recording, const struct catalog *catalog, const struct floor_lanes *lanes,
                int64_t start_ns, int64_t end_ns, int (*each)(const struct floor_span *span, void *context),
                void *context, struct sql_error *error)
{
	size_t lane_count = lanes ? lanes->count : catalog->series_count;
	struct descent descent = {.catalog = catalog,
	                          .lanes = calloc(lane_count + 1, sizeof(*descent.lanes)),
	                          .lane_count = lane_count,
	                          .lane_of = lanes ? lanes->of : NULL,
	                          .undone_keys = calloc(catalog->process_count + 1, sizeof(*descent.undone_keys)),
	                          .start_ns = start_ns,
	                          .end_ns = end_ns,
	                          .each = each,
	                          .context = context,
	                          .error = error};
	struct replay *replay = NULL;
	int result = -1;

	if (!descent.lanes || !descent.undone_keys) {
		no_memory(&descent);
		goto out;
	}
	for (size_t i = 0; i < lane_count; i++)
		descent.lanes[i].change_ns = end_ns;
	for (size_t i = 0; i < catalog->process_count; i++)
		descent.undone_keys[i] = INT64_MAX;
	replay = replay_open(recording, catalog, error);
	if (replay)
		result = descend(&descent, replay);
out:
	replay_close(replay);
	for (size_t i = 0; descent.lanes && i < lane_count; i++)
		floor_heap_clear(&descent.lanes[i].heap);
	free(descent.lanes);
	free(descent.undone_keys);
	return result;
}
