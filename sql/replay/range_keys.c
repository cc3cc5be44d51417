/* SPDX-License-Identifier: Apache-2.0
 *
 * range_keys.c - see range_keys.h.
 */
#include "range_keys.h"

#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/range_page.h"
#include "sql/store/recording.h"

static const char pages_sql[] = "SELECT process, " RANGE_PAGE_COLUMNS " FROM range_page ORDER BY process";
static const char open_sql[] = "SELECT process, key FROM range_open ORDER BY process";

static int add(struct range_keys_of *keys, int64_t key)
{
	if (array_reserve(&keys->keys, &keys->capacity, keys->count) < 0)
		return -1;
	keys->keys[keys->count++] = key;
	return 0;
}

/* A page that is damaged has none: verify tells. */
static int add_page(struct range_keys_of *keys, sqlite3_stmt *rows)
{
	struct range_page_row row;
	struct range_record records[RANGE_PAGE_MOST];
	size_t count;

	range_page_take(rows, 1, &row);
	count = range_page_unpack(&row, records);

	for (size_t i = 0; i < count; i++)
		if (add(keys, records[i].key) < 0 || add(keys, records[i].key + records[i].life) < 0)
			return -1;
	return 0;
}

static int add_open(struct range_keys_of *keys, sqlite3_stmt *rows)
{
	return add(keys, sqlite3_column_int64(rows, 1));
}

/* ROWS come by process. */
static int take_rows(struct range_keys *keys, const struct catalog *catalog, struct recording *recording,
                     const char *sql, int (*take)(struct range_keys_of *keys, sqlite3_stmt *rows),
                     struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording, sql, error);
	size_t at = 0;
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		int64_t process = sqlite3_column_int64(rows, 0);

		while (at + 1 < catalog->process_count && catalog->processes[at].id < process)
			at++;
		if (catalog->process_count && catalog->processes[at].id == process &&
		    take(&keys->processes[at], rows) < 0) {
			state = sql_fail(error, "out of memory");
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

static int compare_keys(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

	return (first > second) - (first < second);
}

int range_keys_load(struct range_keys *keys, struct recording *recording, const struct catalog *catalog,
                    struct sql_error *error)
{
	keys->process_count = catalog->process_count;
	keys->processes = calloc(catalog->process_count + 1, sizeof(*keys->processes));
	if (!keys->processes)
		return sql_fail(error, "out of memory");
	if (take_rows(keys, catalog, recording, pages_sql, add_page, error) < 0 ||
	    take_rows(keys, catalog, recording, open_sql, add_open, error) < 0)
		return -1;
	for (size_t i = 0; i < keys->process_count; i++)
		if (keys->processes[i].count)
			qsort(keys->processes[i].keys, keys->processes[i].count, sizeof(int64_t), compare_keys);
	return 0;
}

void range_keys_clear(struct range_keys *keys)
{
	for (size_t i = 0; keys->processes && i < keys->process_count; i++)
		free(keys->processes[i].keys);
	free(keys->processes);
	*keys = (struct range_keys){.process_count = 0};
}

int64_t range_keys_until(const struct range_keys *keys, uint32_t process, int64_t key)
{
	const struct range_keys_of *of = &keys->processes[process];
	size_t low = 0, high = of->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (of->keys[middle] <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return (int64_t)low;
}
