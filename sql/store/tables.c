/* SPDX-License-Identifier: Apache-2.0
 *
 * tables.c - whether a file's tables are the schema's: a hostile file may have views, virtual tables or generated
 * columns in their place, which would run code of its own when they are read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "recording.h"
#include "sql/store/embedded.h"

/* Whether NAME is a table that is stored as one; 0, or -1 with ERROR. */
static int check_kind(struct recording *recording, const char *name, struct sql_error *error)
{
	sqlite3_stmt *statement = recording_prepare(
	    recording, "SELECT rootpage FROM main.sqlite_schema WHERE type = 'table' AND name = ?1", error);
	if (!statement)
		return -1;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	int result = recording_step(recording, statement, error);
	if (result == 0)
		result = sql_fail(error, "%s: not a ttalloc recording, or damaged: it has no table %s", recording->path,
		                  name);
	else if (result == 1 && sqlite3_column_int64(statement, 0) <= 0)
		result =
		    sql_fail(error, "%s: not a ttalloc recording: its %s is not a plain table", recording->path, name);
	sqlite3_finalize(statement);
	return result < 0 ? -1 : 0;
}

/* Whether TABLE of the file has the column NAME, plain and with that place in the primary key. */
static int check_column(struct recording *recording, const char *table, const char *name, int key,
                        struct sql_error *error)
{
	sqlite3_stmt *statement = recording_prepare(
	    recording, "SELECT 1 FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 AND pk = ?3 AND hidden = 0",
	    error);
	if (!statement)
		return -1;
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
	sqlite3_bind_int(statement, 3, key);
	int result = recording_step(recording, statement, error);
	if (result == 0)
		result = sql_fail(error, "%s: not a ttalloc recording, or damaged: table %s has no proper column %s",
		                  recording->path, table, name);
	sqlite3_finalize(statement);
	return result < 0 ? -1 : 0;
}

static int check_against(struct recording *recording, sqlite3 *model, struct sql_error *error)
{
	sqlite3_stmt *columns = NULL;
	char last[64] = "";
	int result = 0;
	int code =
	    sqlite3_prepare_v2(model,
	                       "SELECT s.name, c.name, c.pk FROM sqlite_schema s JOIN pragma_table_xinfo(s.name) c "
	                       "WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite%' ORDER BY s.rowid",
	                       -1, &columns, NULL);

	while (code == SQLITE_OK && result == 0 && sqlite3_step(columns) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(columns, 0);
		const char *column = (const char *)sqlite3_column_text(columns, 1);

		if (strcmp(table, last) != 0)
			result = check_kind(recording, table, error);
		snprintf(last, sizeof(last), "%s", table);
		if (result == 0)
			result = check_column(recording, table, column, sqlite3_column_int(columns, 2), error);
	}
	if (code != SQLITE_OK)
		result = sql_fail_db(error, recording->path, model);
	sqlite3_finalize(columns);
	return result;
}

int recording_check_tables(struct recording *recording, struct sql_error *error)
{
	sqlite3 *model = NULL;
	int code = sqlite3_open(":memory:", &model), result;

	/* What the schema of its version makes of an empty database is what the file must have. */
	for (int version = 0; code == SQLITE_OK && version < recording->version; version++)
		code = sqlite3_exec(model, sql_schemas[version], NULL, NULL, NULL);
	if (code != SQLITE_OK)
		result = sql_fail_db(error, recording->path, model);
	else
		result = check_against(recording, model, error);
	sqlite3_close(model);
	return result;
}
