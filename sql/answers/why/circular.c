/* SPDX-License-Identifier: Apache-2.0
 *
 * circular.c - which program memory lay in the cores at the moment that is asked about: circular buffers, dataflow
 * buffers, scratchpads.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/replay/circular.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "private.h"
#include "ttalloc.h"
#include "ttalloc/vocabulary.h"

#define SHOWN 8

struct resident {
	struct place until;
	struct replay_block *blocks;
	size_t count, capacity;
	bool failed;
};

static void add_block(const struct replay_block *block, void *context)
{
	struct resident *resident = context;

	if (array_reserve(&resident->blocks, &resident->capacity, resident->count) < 0) {
		resident->failed = true;
		return;
	}
	resident->blocks[resident->count] = *block;
	resident->blocks[resident->count++].size_bytes = circular_size(block);
}

static bool take(const struct circular_event *event, void *context)
{
	struct resident *resident = context;
	struct place place = {event->at_ns, event->process, event->key};

	if (event->kind != CIRCULAR_OVER && place_is_before(place, resident->until))
		return true;
	circular_each(event->circular, add_block, resident);
	return false;
}

static uint64_t end_of(const struct replay_block *block)
{
	return (uint64_t)block->address + (uint64_t)block->size_bytes;
}

static int highest_first(const void *a, const void *b)
{
	uint64_t first = end_of(a), second = end_of(b);

	return (first < second) - (first > second);
}

static const char *class_name(int class)
{
	const char *word = class >= 0 && class <= UINT8_MAX ? tta_class_word((uint32_t) class) : NULL;

	return word ? word : "something";
}

/* What they are called together: by what they are, or by all that they may be. */
static const char *name_of(unsigned classes)
{
	switch (classes) {
	case 1u << TTA_CLASS_CIRCULAR_BUFFER:
		return "circular buffers";
	case 1u << TTA_CLASS_DATAFLOW_BUFFER:
		return "dataflow buffers";
	case 1u << TTA_CLASS_SCRATCHPAD:
		return "scratchpads";
	case 1u << TTA_CLASS_DATAFLOW_BUFFER | 1u << TTA_CLASS_SCRATCHPAD:
		return "dataflow buffers and scratchpads";
	default:
		return "circular buffers and other program memory";
	}
}

static int tell(struct recording *recording, const struct resident *resident, struct why *why, struct sql_error *error)
{
	sqlite3_stmt *row = recording_prepare(
	    recording,
	    "SELECT c.program, c.idx, c.cores, p.pid, o.class FROM main.circular_buffer c JOIN main.origin o ON "
	    "o.id = c.origin LEFT JOIN main.process_info p ON p.id = o.process WHERE c.key = ?1",
	    error);
	unsigned classes = 0;
	int state = row ? 0 : -1;

	for (size_t i = 0; state >= 0 && i < resident->count; i++) {
		const struct replay_block *block = &resident->blocks[i];

		sqlite3_reset(row);
		sqlite3_bind_int64(row, 1, block->alloc_key);
		state = recording_step(recording, row, error);
		if (state == 1)
			classes |= 1u << (sqlite3_column_int(row, 4) & 31);
		if (state != 1 || i >= SHOWN)
			continue;
		const char *cores = (const char *)sqlite3_column_text(row, 2);
		why_add_line(
		    why->circular,
		    "0x%" PRIx64 "..0x%" PRIx64 ", %" PRId64 " B: %s of program %lld, index %lld, pid %lld, %s%.200s",
		    (uint64_t)block->address, end_of(block), block->size_bytes, class_name(sqlite3_column_int(row, 4)),
		    (long long)sqlite3_column_int64(row, 0), (long long)sqlite3_column_int64(row, 1),
		    (long long)sqlite3_column_int64(row, 3), cores ? "cores " : "cores not known", cores ? cores : "");
	}
	if (state >= 0 && resident->count > SHOWN)
		why_add_line(why->circular, "and %zu more", resident->count - SHOWN);
	why->grower = name_of(classes);
	sqlite3_finalize(row);
	return state < 0 ? -1 : 0;
}

int why_collect_circular(struct recording *recording, const struct why_moment *moment, struct why *why, int64_t *end,
                         struct sql_error *error)
{
	struct catalog catalog = {0};
	struct filter filter = filter_all();
	struct resident resident = {.until = moment->until};
	int result = -1;

	filter.has_device = filter.has_region = true;
	filter.device = why->device;
	filter.region = TTALLOC_CB;
	*end = 0;
	if (catalog_load(&catalog, recording, &filter, false, error) == 0)
		result = circular_replay(recording, &catalog, take, &resident, error);
	if (result == 0 && resident.failed)
		result = sql_fail(error, "out of memory");
	if (result == 0 && resident.count) {
		qsort(resident.blocks, resident.count, sizeof(*resident.blocks), highest_first);
		*end = end_of(&resident.blocks[0]) < INT64_MAX ? (int64_t)end_of(&resident.blocks[0]) : INT64_MAX;
		result = tell(recording, &resident, why, error);
	}
	free(resident.blocks);
	catalog_clear(&catalog);
	return result;
}
