/* SPDX-License-Identifier: Apache-2.0
 *
 * migrate.c - the ladder of schema versions. Step N leads from version N to N + 1, in a transaction of its own, so that
 * an interrupted migration goes on where it was.
 */
#include "migrate.h"

#include <stdio.h>

#include "sql/store/embedded.h"

static int pragma_integer(sqlite3 *db, const char *text)
{
	sqlite3_stmt *statement;
	int value = -1;

	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static int exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The views are those of this version, whatever the file's were. */
static int drop_views(sqlite3 *db)
{
	sqlite3_stmt *rows;
	int code = sqlite3_prepare_v2(db,
	                              "SELECT group_concat('DROP VIEW \"' || replace(name, '\"', '\"\"') || '\"', ';') "
	                              "FROM sqlite_schema WHERE type = 'view'",
	                              -1, &rows, NULL);
	char *drops = NULL;

	if (code == SQLITE_OK && sqlite3_step(rows) == SQLITE_ROW)
		drops = sqlite3_mprintf("%s", sqlite3_column_text(rows, 0));
	sqlite3_finalize(rows);
	if (code == SQLITE_OK && drops)
		code = exec(db, drops);
	sqlite3_free(drops);
	return code;
}

static int take_step(sqlite3 *db, int version)
{
	int code = exec(db, "BEGIN IMMEDIATE");

	if (code == SQLITE_OK)
		code = drop_views(db);
	if (code == SQLITE_OK)
		code = exec(db, sql_schemas[version]);
	if (code == SQLITE_OK)
		code = exec(db, sql_views);
	return code == SQLITE_OK ? exec(db, "COMMIT") : code;
}

int migrate(sqlite3 *db, const char *path, struct sql_error *error)
{
	int version = pragma_integer(db, "PRAGMA user_version");

	if (version < 0 || pragma_integer(db, "PRAGMA application_id") != SQL_APPLICATION_ID || version == 0) {
		snprintf(error->text, sizeof(error->text), "%s is not a ttalloc recording", path);
		return -1;
	}
	if (version > SQL_SCHEMA_VERSION) {
		snprintf(error->text, sizeof(error->text),
		         "%s was made by a newer ttalloc (schema version %d, this one knows %d); use that one", path,
		         version, SQL_SCHEMA_VERSION);
		return -1;
	}
	for (; version < SQL_SCHEMA_VERSION; version++) {
		if (take_step(db, version) == SQLITE_OK)
			continue;
		snprintf(error->text, sizeof(error->text), "%s could not be brought to schema version %d: %s", path,
		         version + 1, sqlite3_errmsg(db));
		exec(db, "ROLLBACK");
		return -1;
	}
	return 0;
}
