/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_lists.c - see tensor_lists.h. The file is not trusted: lists may be no JSON, and their numbers anything.
 */
#include "tensor_lists.h"

#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

static const char largest_sql[] = "SELECT CASE WHEN max(id) > 4 * count(*) + 64 + "
                                  "coalesce((SELECT min(last_list, 1 << 24) FROM recording_file), 0) OR min(id) < 0 "
                                  "THEN -1 ELSE max(id) END FROM tensor_list";
static const char tensors_sql[] =
    "SELECT t.id, json_extract(x.value, '$[3]'), json_extract(x.value, '$[4]'), json_extract(x.value, '$[2]') FROM "
    "tensor_list t, json_each(iif(json_valid(t.list), t.list, '[]')) x ORDER BY t.id";

static int add(struct tensor_lists *lists, sqlite3_stmt *row)
{
	if (array_reserve(&lists->tensors, &lists->capacity, lists->count) < 0)
		return -1;
	lists->tensors[lists->count++] = (struct used_tensor){.base = sqlite3_column_int64(row, 1),
	                                                      .offset = sqlite3_column_int64(row, 2),
	                                                      .spec = sqlite3_column_int64(row, 3)};
	return 0;
}

int tensor_lists_load(struct tensor_lists *lists, struct recording *recording, struct sql_error *error)
{
	int64_t largest;
	size_t next = 0; /* the id whose list begins where tensors end */
	sqlite3_stmt *rows;
	int state = -1;

	if (recording_integer(recording, largest_sql, 0, &largest, error) < 0)
		return -1;
	if (largest < 0)
		return sql_fail(error, "%s: corrupt: the numbers of its tensor lists have holes", recording->path);
	lists->begins = calloc((size_t)largest + 2, sizeof(*lists->begins));
	if (!lists->begins)
		return sql_fail(error, "%s: out of memory", recording->path);
	lists->id_count = (size_t)largest + 1;
	rows = recording_prepare(recording, tensors_sql, error);
	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		for (size_t id = (size_t)sqlite3_column_int64(rows, 0); next <= id && next < lists->id_count; next++)
			lists->begins[next] = lists->count;
		if (add(lists, rows) < 0) {
			state = sql_fail(error, "%s: out of memory", recording->path);
			break;
		}
	}
	sqlite3_finalize(rows);
	for (; next <= lists->id_count; next++)
		lists->begins[next] = lists->count;
	return state;
}

void tensor_lists_clear(struct tensor_lists *lists)
{
	free(lists->tensors);
	free(lists->begins);
	*lists = (struct tensor_lists){0};
}

struct tensor_list tensor_lists_at(const struct tensor_lists *lists, int64_t id)
{
	if (id < 0 || (uint64_t)id >= lists->id_count || !lists->tensors)
		return (struct tensor_list){0};
	return (struct tensor_list){.tensors = lists->tensors + lists->begins[id],
	                            .count = lists->begins[id + 1] - lists->begins[id]};
}

int64_t tensor_block(const struct used_tensor *tensor, int64_t operation_key)
{
	/* unsigned, because a corrupt row may overflow */
	return (int64_t)((uint64_t)tensor->base * (uint64_t)operation_key + (uint64_t)tensor->offset);
}
