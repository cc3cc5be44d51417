/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.c - see rows.h.
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

#define COLUMNS_MOST 64

struct table {
	char name[64];
	int column_count;
	enum rule rules[COLUMNS_MOST];
	bool stack[COLUMNS_MOST]; /* ids of call stacks */
	char *columns;            /* with commas between */
};

static void table_free(struct table *table)
{
	sqlite3_free(table->columns);
}

/* What columns TABLE has in the database TO, which is ours. 0; -1: no memory. */
static int table_describe(struct table *table, sqlite3 *to, const char *name)
{
	sqlite3_stmt *columns;

	*table = (struct table){0};
	snprintf(table->name, sizeof(table->name), "%s", name);
	if (sqlite3_prepare_v2(to, "SELECT name FROM pragma_table_info(?1)", -1, &columns, NULL) != SQLITE_OK)
		return -1;
	sqlite3_bind_text(columns, 1, name, -1, SQLITE_STATIC);
	while (sqlite3_step(columns) == SQLITE_ROW && table->column_count < COLUMNS_MOST) {
		const char *column = (const char *)sqlite3_column_text(columns, 0);
		char *before = table->columns;

		table->rules[table->column_count] = rule_of(name, column, NULL);
		table->stack[table->column_count++] = rule_is_stack_column(column);
		table->columns = sqlite3_mprintf("%z%s\"%w\"", before, before ? ", " : "", column);
	}
	sqlite3_finalize(columns);
	return table->columns ? 0 : -1;
}

/* Calls EACH for every table of TO, in the order of the schema. 0 or -1. */
static int each_table(sqlite3 *to, int (*each)(void *context, const struct table *table), void *context)
{
	sqlite3_stmt *names;
	int result = 0;

	if (sqlite3_prepare_v2(
	        to, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid",
	        -1, &names, NULL) != SQLITE_OK)
		return -1;
	while (result == 0 && sqlite3_step(names) == SQLITE_ROW) {
		struct table table;

		result = table_describe(&table, to, (const char *)sqlite3_column_text(names, 0));
		if (result == 0)
			result = each(context, &table);
		table_free(&table);
	}
	sqlite3_finalize(names);
	return result;
}

struct copying {
	struct recording *recording;
	sqlite3 *to;
	const char *path;
	const struct share_options *options;
	struct secrets *secrets;
	struct sql_error *error;
};

/* The rows of TABLE that are to be in the file. NULL with ERROR. */
static sqlite3_stmt *select_rows(const struct copying *copying, const struct table *table)
{
	const struct share_options *options = copying->options;
	const char *which = options && options->cut ? cut_condition(table->name) : NULL;
	/* without a schema: what an older file lacks is a TEMP table */
	char *sql = sqlite3_mprintf("SELECT %s FROM \"%w\"%s%s", table->columns, table->name, which ? " WHERE " : "",
	                            which ? which : "");
	sqlite3_stmt *rows = sql ? recording_prepare(copying->recording, sql, copying->error) : NULL;

	sqlite3_free(sql);
	if (rows && which) {
		sqlite3_bind_int64(rows, 1, options->from_ns);
		sqlite3_bind_int64(rows, 2, options->to_ns);
	}
	return rows;
}

/* ---- what is to go ---- */

static int learn_table(void *context, const struct table *table)
{
	const struct copying *copying = context;
	bool any = false;
	int state;

	for (int i = 0; i < table->column_count; i++)
		any = any || rule_secrets(table->rules[i]);
	if (!any)
		return 0;
	sqlite3_stmt *rows = select_rows(copying, table);
	if (!rows)
		return -1;
	while ((state = recording_step(copying->recording, rows, copying->error)) == 1) {
		for (int i = 0; i < table->column_count; i++) {
			const char *text = (const char *)sqlite3_column_text(rows, i);

			if (text && rule_secrets(table->rules[i]))
				secrets_learn(copying->secrets, table->rules[i], text,
				              (size_t)sqlite3_column_bytes(rows, i));
		}
	}
	sqlite3_finalize(rows);
	return state;
}

int rows_learn(struct recording *recording, sqlite3 *to, struct secrets *secrets, struct sql_error *error)
{
	struct copying copying = {.recording = recording, .to = to, .secrets = secrets, .error = error};

	return each_table(to, learn_table, &copying);
}

/* ---- what stays ---- */

static void bind_column(const struct copying *copying, const struct table *table, sqlite3_stmt *row, sqlite3_stmt *into,
                        int i)
{
	int type = sqlite3_column_type(row, i);
	size_t bytes;

	if (type == SQLITE_TEXT) {
		const char *text = (const char *)sqlite3_column_text(row, i);
		const char *shared =
		    secrets_text(copying->secrets, table->rules[i], text, (size_t)sqlite3_column_bytes(row, i), &bytes);

		sqlite3_bind_text(into, i + 1, shared, (int)bytes, SQLITE_TRANSIENT);
	} else if (table->stack[i] && (copying->options->without & SHARE_STACKS)) {
		sqlite3_bind_null(into, i + 1);
	} else {
		sqlite3_bind_value(into, i + 1, sqlite3_column_value(row, i));
	}
}

static int copy_rows(const struct copying *copying, const struct table *table, sqlite3_stmt *rows, sqlite3_stmt *into)
{
	int state;

	while ((state = recording_step(copying->recording, rows, copying->error)) == 1) {
		for (int i = 0; i < table->column_count; i++)
			bind_column(copying, table, rows, into, i);
		if (sqlite3_step(into) != SQLITE_DONE)
			return sql_fail_db(copying->error, copying->path, copying->to);
		sqlite3_reset(into);
	}
	return state;
}

static int copy_table(void *context, const struct table *table)
{
	const struct copying *copying = context;
	sqlite3_stmt *rows, *into = NULL;
	char *sql = NULL, *marks = NULL;
	int result = -1;

	if (copying->options->without & rule_table_secrets(table->name))
		return 0;
	rows = select_rows(copying, table);
	for (int i = 0; i < table->column_count; i++)
		marks = sqlite3_mprintf("%z%s", marks, i ? ", ?" : "?");
	sql = sqlite3_mprintf("INSERT INTO \"%w\"(%s) VALUES(%s)", table->name, table->columns, marks ? marks : "");
	if (rows && sql && sqlite3_prepare_v2(copying->to, sql, -1, &into, NULL) == SQLITE_OK)
		result = copy_rows(copying, table, rows, into);
	else if (rows)
		result = sql_fail_db(copying->error, copying->path, copying->to);
	sqlite3_free(marks);
	sqlite3_free(sql);
	sqlite3_finalize(into);
	sqlite3_finalize(rows);
	return result;
}

int rows_copy(struct recording *recording, sqlite3 *to, const char *path, const struct share_options *options,
              struct secrets *secrets, struct sql_error *error)
{
	struct copying copying = {
	    .recording = recording, .to = to, .path = path, .options = options, .secrets = secrets, .error = error};

	return each_table(to, copy_table, &copying);
}
