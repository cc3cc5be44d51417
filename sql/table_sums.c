/* SPDX-License-Identifier: Apache-2.0
 *
 * table_sums.c - allocated_sums(): how much was allocated over the whole recording, by origin, and by size or step
 * where that is asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "error.h"
#include "map.h"
#include "recording.h"
#include "table_function.h"

struct sum {
	int64_t origin, extra, blocks, bytes;
};

struct sums {
	struct table_call *call;
	struct catalog catalog;
	struct sum *list;
	size_t count, capacity;
	struct map map; /* (origin, extra) -> list */
};

/* What tells groups apart beside the origin. */
enum extra { EXTRA_NONE, EXTRA_SIZE, EXTRA_STEP };

static int add_block(struct sums *sums, int64_t origin_id, int64_t key, int64_t size_bytes, int64_t extra)
{
	const struct catalog_origin *origin = catalog_origin(&sums->catalog, origin_id);
	int64_t value = TABLE_NULL;

	if (!origin)
		return sql_fail(sums->call->error, "%s: corrupt: a block without origin", sums->call->recording->path);
	if (!origin->chosen)
		return 0;
	if (extra == EXTRA_SIZE)
		value = size_bytes;
	else if (extra == EXTRA_STEP)
		value = catalog_step(&sums->catalog, origin->process, key, TABLE_NULL);
	struct map_key group = {origin_id, value, 0};
	uint32_t index = map_get(&sums->map, group);
	if (index == MAP_NONE) {
		index = (uint32_t)sums->count;
		if (array_reserve(&sums->list, &sums->capacity, sums->count) < 0 ||
		    map_put(&sums->map, group, index) < 0)
			return sql_fail(sums->call->error, "out of memory");
		sums->list[sums->count++] = (struct sum){.origin = origin_id, .extra = value};
	}
	if (origin->aliased)
		return 0;
	sums->list[index].blocks++;
	sums->list[index].bytes = (int64_t)((uint64_t)sums->list[index].bytes + (uint64_t)size_bytes);
	return 0;
}

static int add_table(struct sums *sums, const char *sql, int64_t extra)
{
	struct table_call *call = sums->call;
	sqlite3_stmt *rows = recording_prepare(call->recording, sql, call->error);
	int state = -1;

	while (rows && (state = recording_step(call->recording, rows, call->error)) == 1) {
		if (add_block(sums, sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 2),
		              sqlite3_column_int64(rows, 1), extra) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

static int fill_allocated_sums(struct table_call *call)
{
	struct sums sums = {.call = call};
	int64_t extra = call->own == TABLE_NULL ? EXTRA_NONE : call->own;
	int result;

	/* steps are loaded for a filter; this one takes all, those before the first step included */
	call->filter.has_steps = extra == EXTRA_STEP;
	result = catalog_load(&sums.catalog, call->recording, &call->filter, false, call->error);
	if (result == 0)
		result = add_table(&sums, "SELECT origin, size_bytes, key - life FROM main.freed", extra);
	if (result == 0)
		result = add_table(&sums, "SELECT origin, size_bytes, key FROM main.held", extra);
	if (result == 0)
		result = add_table(&sums, "SELECT origin, size_bytes, key FROM main.circular_buffer", extra);
	for (size_t i = 0; result == 0 && i < sums.count; i++) {
		const struct sum *sum = &sums.list[i];
		int64_t cells[] = {sum->origin, sum->extra, sum->blocks, sum->bytes};

		result = table_add(call->table, cells, call->error);
	}
	free(sums.list);
	map_clear(&sums.map);
	catalog_clear(&sums.catalog);
	return result;
}

const struct table_function table_allocated_sums = {
    .name = "allocated_sums",
    .columns = "origin, extra, blocks, bytes",
    .own_parameter = "by_extra",
    .fill = fill_allocated_sums,
};
