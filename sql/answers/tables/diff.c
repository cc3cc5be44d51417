/* SPDX-License-Identifier: Apache-2.0
 *
 * diff.c - diff_groups(): one side of a diff; device_pairs(): which device of the older recording is which of the newer
 * one. The other recording has a connection of its own, with its own dictionary; so each side is asked with the
 * built-in query of that name, and the groups are compared by what they are called.
 */
#include "sql/base/error.h"
#include "sql/answers/device.h"
#include "sql/answers/question.h"
#include "sql/store/recording.h"
#include "sql/answers/table_function.h"

enum column {
	DEVICE,
	REGION,
	GROUP,
	BYTES,
	BLOCKS,
	NEEDED,
	RUNTIME_BYTES = NEEDED,
	RUNTIME_BLOCKS,
	LIVE_BYTES,
	LIVE_BLOCKS,
	COLUMNS
};
static const char *const column_names[COLUMNS] = {
    "device", "region", "group", "bytes", "blocks", "runtime_bytes", "runtime_blocks", "live_bytes", "live_blocks"};

/* COLUMNS that are not needed, and not there, are the count of columns. */
static int find_columns(const struct query_run *run, size_t *columns)
{
	for (size_t wanted = 0; wanted < COLUMNS; wanted++) {
		columns[wanted] = query_column_find(run, column_names[wanted]);
		if (columns[wanted] == query_column_count(run) && wanted < NEEDED)
			return -1;
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
	                   count_of(run, columns[RUNTIME_BLOCKS]),
	                   count_of(run, columns[LIVE_BYTES]),
	                   count_of(run, columns[LIVE_BLOCKS])};

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
		return sql_fail(call->error, "diff: '%s' has no groups", call->arguments[0].text);
	while ((state = query_next(run, call->error)) == 1)
		if (add_group(call, run, columns) < 0)
			return -1;
	return state;
}

static int fill_diff_groups(struct table_call *call)
{
	const char *name = call->arguments[0].text, *by = call->arguments[1].text;
	const struct query *query = name ? query_find(name) : NULL;
	struct question question = {.count = 0};

	if (!query || !by)
		return sql_fail(call->error, "diff: nothing is known of '%s'", name ? name : "");
	question_text(&question, "by", QUERY_CHOICE, by);
	question_filter(&question, &call->filter);
	struct query_run *run = query_start(call->recording, query, question.values, question.count, call->error);
	int result = run ? add_groups(call, run) : -1;
	query_finish(run);
	return result;
}

const struct table_function table_diff_groups = {
    .name = "diff_groups",
    .columns = "device, region, group_text, group_number, bytes, blocks, runtime_bytes, runtime_blocks, "
               "live_bytes, live_blocks",
    .text_columns = 1 << 1 | 1 << 2,
    .arguments = {"query", "by"},
    .fill = fill_diff_groups,
};

/* ---- device_pairs() ---- */

static int fill_device_pairs(struct table_call *call)
{
	struct device_pairs pairs;
	int result = -1;

	if (!call->recording->old)
		return sql_fail(call->error, "there is no old recording to compare with");
	if (device_pairs_load(&pairs, call->recording->old, call->recording, call->error) == 0)
		result = 0;
	for (size_t i = 0; result == 0 && i < pairs.count; i++) {
		const struct device_pair *pair = &pairs.list[i];
		int64_t cells[] = {pair->old_device, pair->shown, pair->is_there, pairs.by_chip, pairs.may_differ};

		result = table_add(call->table, cells, call->error);
	}
	device_pairs_clear(&pairs);
	return result;
}

const struct table_function table_device_pairs = {
    .name = "device_pairs",
    .columns = "old_device, shown, is_there, by_chip, may_differ",
    .fill = fill_device_pairs,
};
