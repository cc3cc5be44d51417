/* SPDX-License-Identifier: Apache-2.0
 *
 * l1_circular.c - see l1_circular.h.
 */
#include "l1_circular.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "circular.h"
#include "sql/base/error.h"

struct extent {
	int64_t key;
	uint64_t end;
};

/* The resident ones of a device. As a rule they go in the order in which they came, or in the opposite one. */
struct lane {
	struct extent *extents;
	size_t first, count, capacity; /* from first up to count */
	struct place change;           /* of the last one */
	bool changed;                  /* there was one */
	bool lost_highest;             /* now.end is to be found anew */
};

#define CHUNK_CHANGES ((size_t)1 << 17)
#define CHUNK_BYTES (CHUNK_CHANGES * sizeof(struct l1_change))

struct loading {
	struct l1_history *history;
	const struct catalog *catalog;
	struct lane *lanes; /* per series */
	bool failed;
};

static void find_end(struct lane *lane, struct l1_taken *now)
{
	if (!lane->lost_highest)
		return;
	lane->lost_highest = false;
	now->end = 0;
	for (size_t i = lane->first; i < lane->count; i++)
		if (lane->extents[i].end > now->end)
			now->end = lane->extents[i].end;
}

static int seek_chunk(const struct l1_history *history)
{
	return fseeko(history->file, (off_t)(history->chunks * CHUNK_BYTES), SEEK_SET);
}

/* Puts all changes that are in memory into the file. 0 or -1. */
static int put_away(struct l1_history *history)
{
	if (!history->file && !(history->file = tmpfile()))
		return -1;
	if (seek_chunk(history) < 0 || fwrite(history->changes, CHUNK_BYTES, 1, history->file) != 1)
		return -1;
	history->chunks++;
	history->count = 0;
	return 0;
}

static int push(struct l1_history *history, const struct l1_change *change)
{
	if (history->count == CHUNK_CHANGES && put_away(history) < 0)
		return -1;
	history->changes[history->count++] = *change;
	return 0;
}

int l1_history_last(struct l1_history *history, const struct l1_change **change, struct sql_error *error)
{
	*change = NULL;
	if (history->count == 0 && history->chunks > 0) {
		history->chunks--;
		if (seek_chunk(history) < 0 || fread(history->changes, CHUNK_BYTES, 1, history->file) != 1)
			return sql_fail(error, "cannot read a temporary file: %s", strerror(errno));
		history->count = CHUNK_CHANGES;
	}
	if (history->count > 0)
		*change = &history->changes[history->count - 1];
	return 0;
}

void l1_history_drop(struct l1_history *history)
{
	history->count--;
}

/* All that one event does is one moment. */
static int begin_change(struct loading *loading, const struct circular_event *event, uint32_t series)
{
	struct l1_history *history = loading->history;
	struct lane *lane = &loading->lanes[series];
	struct place place = {event->at_ns, event->process, event->key};

	if (lane->changed && !place_is_before(lane->change, place))
		return 0;
	find_end(lane, &history->now[series]);
	lane->change = place;
	lane->changed = true;
	return push(history, &(struct l1_change){.place = place, .before = history->now[series], .series = series});
}

static int add_extent(struct lane *lane, struct l1_taken *now, const struct extent *extent)
{
	if (lane->first == lane->count)
		lane->first = lane->count = 0;
	if (array_reserve(&lane->extents, &lane->capacity, lane->count) < 0)
		return -1;
	lane->extents[lane->count++] = *extent;
	if (extent->end > now->end)
		now->end = extent->end;
	return 0;
}

static void remove_extent(struct lane *lane, struct l1_taken *now, int64_t key)
{
	size_t at = lane->first;

	if (at == lane->count)
		return;
	if (lane->extents[lane->count - 1].key == key)
		at = lane->count - 1;
	while (at < lane->count && lane->extents[at].key != key)
		at++;
	if (at == lane->count)
		return;
	lane->lost_highest |= lane->extents[at].end == now->end;
	if (at == lane->first)
		lane->first++;
	else
		lane->extents[at] = lane->extents[--lane->count];
}

static bool take_event(const struct circular_event *event, void *context)
{
	struct loading *loading = context;
	const struct replay_block *block = event->block;

	if (event->kind != CIRCULAR_RESIDENT && event->kind != CIRCULAR_GONE)
		return true;
	const struct catalog_origin *origin = &loading->catalog->origins[block->origin];
	struct lane *lane = &loading->lanes[origin->series];
	struct l1_taken *now = &loading->history->now[origin->series];
	struct extent extent = {block->alloc_key, (uint64_t)block->address + (uint64_t)circular_size(block)};
	if (origin->aliased)
		return true;
	loading->failed = begin_change(loading, event, origin->series) < 0;
	if (event->kind == CIRCULAR_RESIDENT) {
		now->bytes = (int64_t)((uint64_t)now->bytes + (uint64_t)block->size_bytes);
		loading->failed |= add_extent(lane, now, &extent) < 0;
	} else {
		now->bytes = (int64_t)((uint64_t)now->bytes - (uint64_t)block->size_bytes);
		remove_extent(lane, now, extent.key);
	}
	return !loading->failed;
}

int l1_history_load(struct l1_history *history, struct recording *recording, const struct catalog *catalog,
                    struct sql_error *error)
{
	struct loading loading = {.history = history, .catalog = catalog};
	int result = -1;

	*history = (struct l1_history){.now = calloc(catalog->series_count + 1, sizeof(*history->now)),
	                               .changes = malloc(CHUNK_BYTES)};
	loading.lanes = calloc(catalog->series_count + 1, sizeof(*loading.lanes));
	loading.failed = !history->now || !history->changes || !loading.lanes;
	if (!loading.failed)
		result = circular_replay(recording, catalog, take_event, &loading, error);
	if (loading.failed)
		result = sql_fail(error, "out of memory, or of room for temporary files");
	for (size_t i = 0; loading.lanes && i < catalog->series_count; i++) {
		if (history->now)
			find_end(&loading.lanes[i], &history->now[i]);
		free(loading.lanes[i].extents);
	}
	free(loading.lanes);
	return result;
}

void l1_history_clear(struct l1_history *history)
{
	if (history->file)
		fclose(history->file);
	free(history->changes);
	free(history->now);
}
