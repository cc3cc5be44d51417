/* SPDX-License-Identifier: Apache-2.0
 *
 * resident.c - see resident.h.
 */
#include "resident.h"

#include "circular.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

struct collecting {
	struct recording *recording;
	const struct catalog *catalog;
	struct resident *list;
	size_t count, open;
	struct resident *taking;
	sqlite3_stmt *cores_of;
	struct sql_error *error;
	int result;
};

static int read_cores(struct collecting *collecting, int64_t key, struct cores *cores)
{
	int state;

	sqlite3_reset(collecting->cores_of);
	sqlite3_bind_int64(collecting->cores_of, 1, key);
	state = recording_step(collecting->recording, collecting->cores_of, collecting->error);
	cores_parse(cores, state == 1 ? (const char *)sqlite3_column_text(collecting->cores_of, 0) : NULL);
	return state < 0 ? -1 : 0;
}

static int place_block(struct collecting *collecting, const struct replay_block *block)
{
	struct resident *taking = collecting->taking;
	enum core_map_result result;
	struct cores cores;

	if (read_cores(collecting, block->alloc_key, &cores) < 0)
		return -1;
	result = core_map_add(&taking->bytes, &cores, block->alloc_key, circular_size(block));
	if (result == CORE_MAP_ADDED)
		result = core_map_add(&taking->blocks, &cores, block->alloc_key, 1);
	if (result == CORE_MAP_NO_MEMORY)
		return sql_fail(collecting->error, "out of memory");
	if (result == CORE_MAP_NO_ROOM) {
		taking->unplaced_bytes = (int64_t)((uint64_t)taking->unplaced_bytes + (uint64_t)circular_size(block));
		taking->unplaced_blocks++;
	}
	return 0;
}

static void take_block(const struct replay_block *block, void *context)
{
	struct collecting *collecting = context;
	const struct catalog_origin *origin = &collecting->catalog->origins[block->origin];

	if (collecting->result == 0 && !origin->aliased && circular_size(block) > 0 &&
	    collecting->catalog->series[origin->series].device == collecting->taking->device)
		collecting->result = place_block(collecting, block);
}

static bool take_event(const struct circular_event *event, void *context)
{
	struct collecting *collecting = context;
	struct place place = {event->at_ns, event->process, event->key};

	for (size_t i = 0; i < collecting->count; i++) {
		struct resident *resident = &collecting->list[i];

		if (resident->taken || (event->kind != CIRCULAR_OVER && !place_is_before(resident->place, place)))
			continue;
		resident->taken = true;
		collecting->open--;
		collecting->taking = resident;
		circular_each(event->circular, take_block, collecting);
	}
	return collecting->open > 0 && collecting->result == 0;
}

int resident_collect(struct recording *recording, const struct catalog *catalog, struct resident *list, size_t count,
                     struct sql_error *error)
{
	struct collecting collecting = {
	    .recording = recording, .catalog = catalog, .list = list, .count = count, .error = error};
	int result;

	for (size_t i = 0; i < count; i++)
		collecting.open += !list[i].taken;
	if (collecting.open == 0)
		return 0;
	collecting.cores_of =
	    recording_prepare(recording, "SELECT cores FROM main.circular_buffer WHERE key = ?1", error);
	if (!collecting.cores_of)
		return -1;
	result = circular_replay(recording, catalog, take_event, &collecting, error);
	sqlite3_finalize(collecting.cores_of);
	return result < 0 ? -1 : collecting.result;
}

void resident_clear(struct resident *resident)
{
	core_map_clear(&resident->bytes);
	core_map_clear(&resident->blocks);
}
