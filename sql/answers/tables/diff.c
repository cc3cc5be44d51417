/* SPDX-License-Identifier: Apache-2.0
 *
 * diff.c - diff_groups(): one side of a diff. The other recording has a connection of its own, with its own
 * dictionary; so each side is asked with the built-in query of that name, and the groups are compared by what they are
 * called.
 */
#include <stdio.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/answers/query.h"
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

/* What a query is asked with: VALUES, and the texts that they point into. */
struct question {
	struct query_value values[8];
	size_t count;
	char region[24], steps[48];
};

static void ask_text(struct question *question, const char *name, enum query_type type, const char *text)
{
	question->values[question->count++] = (struct query_value){.name = name, .type = type, .text = text};
}

static void ask_number(struct question *question, const char *name, enum query_type type, int64_t number)
{
	question->values[question->count++] = (struct query_value){.name = name, .type = type, .number = number};
}

static void ask(struct question *question, const struct filter *filter, const char *by)
{
	ask_text(question, "by", QUERY_CHOICE, by);
	if (filter->has_device)
		ask_number(question, "device", QUERY_INTEGER, filter->device);
	if (filter->has_region) {
		snprintf(question->region, sizeof(question->region), "%lld", (long long)filter->region);
		ask_text(question, "region", QUERY_REGION, question->region);
	}
	if (filter->has_pid)
		ask_number(question, "pid", QUERY_INTEGER, filter->pid);
	if (filter->label)
		ask_text(question, "label", QUERY_TEXT, filter->label);
	if (filter->start_ns != INT64_MIN)
		ask_number(question, "start", QUERY_TIME, filter->start_ns);
	if (filter->end_ns != INT64_MAX)
		ask_number(question, "end", QUERY_TIME, filter->end_ns);
	if (filter->has_steps) {
		snprintf(question->steps, sizeof(question->steps), "%lld..%lld", (long long)filter->step_first,
		         (long long)filter->step_last);
		ask_text(question, "step", QUERY_TEXT, question->steps);
	}
}

static int fill_diff_groups(struct table_call *call)
{
	const char *name = call->arguments[0].text, *by = call->arguments[1].text;
	const struct query *query = name ? find_query(name) : NULL;
	struct question question = {.count = 0};

	if (!query || !by)
		return sql_fail(call->error, "diff: nothing is known of '%s'", name ? name : "");
	ask(&question, &call->filter, by);
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
