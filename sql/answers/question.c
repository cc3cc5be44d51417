/* SPDX-License-Identifier: Apache-2.0
 *
 * question.c - see question.h.
 */
#include "question.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sql/base/error.h"

void question_text(struct question *question, const char *name, enum query_type type, const char *text)
{
	question->values[question->count++] = (struct query_value){.name = name, .type = type, .text = text};
}

static void add_number(struct question *question, const char *name, enum query_type type, int64_t number)
{
	question->values[question->count++] = (struct query_value){.name = name, .type = type, .number = number};
}

void question_filter(struct question *question, const struct filter *filter)
{
	if (filter->has_device)
		add_number(question, "device", QUERY_INTEGER, filter->device);
	if (filter->has_region) {
		snprintf(question->region, sizeof(question->region), "%" PRId64, filter->region);
		question_text(question, "region", QUERY_REGION, question->region);
	}
	if (filter->has_pid)
		add_number(question, "pid", QUERY_INTEGER, filter->pid);
	if (filter->label)
		question_text(question, "label", QUERY_TEXT, filter->label);
	if (filter->op)
		question_text(question, "op", QUERY_TEXT, filter->op);
	if (filter->start_ns != INT64_MIN)
		add_number(question, "start", QUERY_TIME, filter->start_ns);
	if (filter->end_ns != INT64_MAX)
		add_number(question, "end", QUERY_TIME, filter->end_ns);
	if (filter->has_steps) {
		snprintf(question->steps, sizeof(question->steps), "%" PRId64 "..%" PRId64, filter->step_first,
		         filter->step_last);
		question_text(question, "step", QUERY_TEXT, question->steps);
	}
}

const struct query *query_find(const char *name)
{
	const struct query *query;

	for (size_t i = 0; (query = query_builtin(i)); i++)
		if (strcmp(query->name, name) == 0)
			return query;
	return NULL;
}

struct query_run *query_start_beside(struct recording *recording, const struct query *query, const char *sql,
                                     const struct query_value *values, size_t count, struct sql_error *error)
{
	struct query beside = *query;

	beside.body = sql;
	beside.notes = beside.refuse = NULL;
	beside.columns = NULL;
	beside.column_count = 0;
	return query_start(recording, &beside, values, count, error);
}

int query_check_refused(struct recording *recording, const struct query *query, const struct query_value *values,
                        size_t count, struct sql_error *error)
{
	struct query_run *run;
	int state;

	if (!query->refuse || query->refuse[0] == '\0')
		return 0;
	run = query_start_beside(recording, query, query->refuse, values, count, error);
	if (!run)
		return -1;
	while ((state = query_next(run, error)) == 1) {
		struct query_cell cell;

		query_cell(run, 0, &cell);
		if (cell.type != CELL_TEXT)
			continue;
		state = sql_fail(error, "%.*s", (int)cell.bytes, cell.text);
		break;
	}
	query_finish(run);
	return state < 0 ? -1 : 0;
}

size_t query_column_find(const struct query_run *run, const char *name)
{
	size_t at = 0, count = query_column_count(run);

	while (at < count && strcmp(query_column_name(run, at), name) != 0)
		at++;
	return at;
}
