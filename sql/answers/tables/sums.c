/* SPDX-License-Identifier: Apache-2.0
 *
 * sums.c - allocated_sums(): how much was allocated over the whole recording, by origin, and by size or
 * step where that is asked for, and how much of that in steps. A time window takes what was allocated in it.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/answers/attribution.h"
#include "sql/store/key_rows.h"
#include "sql/store/recording.h"
#include "sql/answers/table_function.h"

struct sum {
	int64_t origin, key, size_bytes, blocks, bytes, step_blocks, step_bytes;
};

struct sums {
	struct table_call *call;
	struct catalog catalog;
	struct sum *list;
	size_t count, capacity;
	struct map map; /* (origin, what tells its blocks apart) -> list */
	enum telling telling;
	bool failed;
};

static bool is_chosen(const struct sums *sums, const struct catalog_origin *origin, int64_t key, int64_t alloc_ns)
{
	const struct filter *filter = &sums->catalog.filter;

	return origin->chosen && alloc_ns >= filter->start_ns && alloc_ns <= filter->end_ns &&
	       catalog_key_chosen(&sums->catalog, origin, key);
}

static bool is_in_step(const struct catalog *catalog, uint32_t process, int64_t key)
{
	const struct catalog_process *owner = &catalog->processes[process];

	return owner->step_count > 0 && key > catalog->steps[owner->first_step].key;
}

/* The sum of a block's group, which is there from its first block on; NULL: no memory. */
static struct sum *find_sum(struct sums *sums, int64_t origin_id, const struct catalog_origin *origin,
                            int64_t size_bytes, int64_t key)
{
	int64_t told = telling_of(sums->telling, &sums->catalog, origin, size_bytes, key);
	uint32_t index = map_enter(&sums->map, (struct map_key){origin_id, told, 0}, (uint32_t)sums->count);

	if (index != sums->count)
		return index == MAP_NONE ? NULL : &sums->list[index];
	if (array_reserve(&sums->list, &sums->capacity, sums->count) < 0)
		return NULL;
	sums->list[sums->count++] = (struct sum){.origin = origin_id, .key = key, .size_bytes = size_bytes};
	return &sums->list[index];
}

static int add_block(struct sums *sums, int64_t origin_id, int64_t size_bytes, int64_t key, int64_t alloc_ns)
{
	const struct catalog_origin *origin = catalog_origin(&sums->catalog, origin_id);

	if (!origin)
		return sql_fail(sums->call->error, "%s: corrupt: a block without origin", sums->call->recording->path);
	if (!is_chosen(sums, origin, key, alloc_ns))
		return 0;
	struct sum *sum = find_sum(sums, origin_id, origin, size_bytes, key);
	if (!sum)
		return sql_fail(sums->call->error, "out of memory");
	if (origin->aliased)
		return 0;
	sum->blocks++;
	sum->bytes = (int64_t)((uint64_t)sum->bytes + (uint64_t)size_bytes);
	if (is_in_step(&sums->catalog, origin->process, key)) {
		sum->step_blocks++;
		sum->step_bytes = (int64_t)((uint64_t)sum->step_bytes + (uint64_t)size_bytes);
	}
	return 0;
}

static int add_table(struct sums *sums, const char *sql)
{
	struct table_call *call = sums->call;
	sqlite3_stmt *rows = recording_prepare(call->recording, sql, call->error);
	int state = -1;

	while (rows && (state = recording_step(call->recording, rows, call->error)) == 1) {
		if (add_block(sums, sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
		              sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3)) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

enum freed_column { KEY, LIFE, FREE_NS, HELD_NS, SIZE_BYTES, ORIGIN, COLUMNS };
static const char *const freed_columns[COLUMNS] = {"key", "life", "free_ns", "held_ns", "size_bytes", "origin"};

static bool add_freed(const int64_t *cells, void *context)
{
	struct sums *sums = context;
	/* unsigned, because a corrupt row may overflow */
	uint64_t key = (uint64_t)cells[KEY] - (uint64_t)cells[LIFE];
	uint64_t alloc_ns = (uint64_t)cells[FREE_NS] - (uint64_t)cells[HELD_NS];

	sums->failed = add_block(sums, cells[ORIGIN], cells[SIZE_BYTES], (int64_t)key, (int64_t)alloc_ns) < 0;
	return !sums->failed;
}

static int add_all_freed(struct sums *sums)
{
	struct table_call *call = sums->call;
	struct key_rows *rows = key_rows_open(call->recording, "freed", freed_columns, COLUMNS, call->error);
	int result = rows ? key_rows_read(rows, INT64_MIN, INT64_MAX, add_freed, sums, call->error) : -1;

	key_rows_close(rows);
	return sums->failed ? -1 : result;
}

static int add_tables(struct sums *sums)
{
	static const char *const tables[] = {
	    "SELECT origin, size_bytes, key, alloc_ns FROM main.held",
	    "SELECT origin, size_bytes, key, alloc_ns FROM main.circular_buffer",
	};

	if (add_all_freed(sums) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (add_table(sums, tables[i]) < 0)
			return -1;
	return 0;
}

static int fill_allocated_sums(struct table_call *call)
{
	struct sums sums = {.call = call, .telling = telling_by(call->arguments[0].text)};
	int result;

	call->filter.needs_steps = true;
	telling_need(sums.telling, &call->filter);
	result = catalog_load(&sums.catalog, call->recording, &call->filter, false, call->error);
	if (result == 0)
		result = add_tables(&sums);
	if (result == 0)
		result = catalog_check(&sums.catalog, call->error);
	for (size_t i = 0; result == 0 && i < sums.count; i++) {
		const struct sum *sum = &sums.list[i];
		int64_t cells[] = {sum->origin, sum->key,         sum->size_bytes, sum->blocks,
		                   sum->bytes,  sum->step_blocks, sum->step_bytes};

		result = table_add(call->table, cells, call->error);
	}
	free(sums.list);
	map_clear(&sums.map);
	catalog_clear(&sums.catalog);
	return result;
}

const struct table_function table_allocated_sums = {
    .name = "allocated_sums",
    .columns = "origin, key, size_bytes, blocks, bytes, step_blocks, step_bytes",
    .arguments = {"by"},
    .fill = fill_allocated_sums,
};
