/* SPDX-License-Identifier: Apache-2.0
 *
 * table_diff.c - diff_groups(): one side of a diff. The other recording has a connection of its own, with its own
 * dictionary; so each side is asked with the built-in query of that name, and the groups are compared by what they are
 * called.
 */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "query.h"
#include "recording.h"
#include "table_function.h"
#include "value.h"

enum column { DEVICE, REGION, GROUP, BYTES, BLOCKS, NEEDED, RUNTIME_BYTES = NEEDED, RUNTIME_BLOCKS, COLUMNS };
static const char *const column_names[COLUMNS] = {"device", "region",        "group",         "bytes",
                                                  "blocks", "runtime_bytes", "runtime_blocks"};

static const struct query *find_query(const char *name)
{
	const struct query *query;

	for (size_t i = 0; (query = query_builtin(i)); i++)
		if (strcmp(query->name, name) == 0)
			return query;
	return NULL;
}

/* COLUMNS that are not needed, and not there, are the count of columns. */
static int find_columns(const struct query_run *run, size_t *columns)
{
	for (size_t wanted = 0; wanted < COLUMNS; wanted++) {
		size_t at = 0, count = query_column_count(run);

		while (at < count && strcmp(query_column_name(run, at), column_names[wanted]) != 0)
			at++;
		if (at == count && wanted < NEEDED)
			return -1;
		columns[wanted] = at;
	}
	return 0;
}

/* The cell as a number, or TEXT set to what it says. */
static int64_t number_of(const struct query_run *run, size_t column, const char **text)
{
	struct query_cell cell;

	query_cell(run, column, &cell);
	*text = cell.type == CELL_TEXT ? cell.text : NULL;
	return cell.type == CELL_INTEGER ? cell.integer : TABLE_NULL;
}

/* A count that not every query has. */
static int64_t count_of(const struct query_run *run, size_t column)
{
	const char *ignored;

	return column < query_column_count(run) ? number_of(run, column, &ignored) : 0;
}

static int add_group(struct table_call *call, const struct query_run *run, const size_t *columns)
{
	const char *region, *group, *ignored;
	int64_t cells[] = {number_of(run, columns[DEVICE], &ignored),
	                   TABLE_NULL,
	                   TABLE_NULL,
	                   TABLE_NULL,
	                   number_of(run, columns[BYTES], &ignored),
	                   number_of(run, columns[BLOCKS], &ignored),
	                   count_of(run, columns[RUNTIME_BYTES]),
	                   count_of(run, columns[RUNTIME_BLOCKS])};

	number_of(run, columns[REGION], &region);
	cells[3] = number_of(run, columns[GROUP], &group);
	if (region && (cells[1] = table_text(call->table, region, call->error)) < 0)
		return -1;
	if (group && (cells[2] = table_text(call->table, group, call->error)) < 0)
		return -1;
	return table_add(call->table, cells, call->error);
}

static int add_groups(struct table_call *call, struct query_run *run)
{
	size_t columns[COLUMNS];
	int state;

	if (find_columns(run, columns) < 0)
		return sql_fail(call->error, "diff: '%s' has no groups", call->own_text);
	while ((state = query_next(run, call->error)) == 1)
		if (add_group(call, run, columns) < 0)
			return -1;
	return state;
}

static size_t make_values(const struct table_call *call, const char *key, char *region, size_t region_bytes,
                          struct query_value *values)
{
	size_t count = 0;

	values[count++] = (struct query_value){.name = "by", .type = QUERY_CHOICE, .text = key};
	if (call->filter.has_device)
		values[count++] =
		    (struct query_value){.name = "device", .type = QUERY_INTEGER, .number = call->filter.device};
	if (call->filter.has_region) {
		snprintf(region, region_bytes, "%lld", (long long)call->filter.region);
		values[count++] = (struct query_value){.name = "region", .type = QUERY_REGION, .text = region};
	}
	if (call->filter.label)
		values[count++] = (struct query_value){.name = "label", .type = QUERY_TEXT, .text = call->filter.label};
	return count;
}

static int fill_diff_groups(struct table_call *call)
{
	char name[32] = "", key[32] = "", region[24];
	struct query_value values[4];
	const struct query *query = NULL;

	if (call->own_text && sscanf(call->own_text, "%31s %31s", name, key) == 2)
		query = find_query(name);
	if (!query)
		return sql_fail(call->error, "diff: nothing is known of '%s'", call->own_text ? call->own_text : "");
	size_t count = make_values(call, key, region, sizeof(region), values);
	struct query_run *run = query_start(call->recording, query, values, count, call->error);
	int result = run ? add_groups(call, run) : -1;
	query_finish(run);
	return result;
}

const struct table_function table_diff_groups = {
    .name = "diff_groups",
    .columns = "device, region, group_text, group_number, bytes, blocks, runtime_bytes, runtime_blocks",
    .text_columns = 1 << 1 | 1 << 2,
    .own_parameter = "question",
    .fill = fill_diff_groups,
};
