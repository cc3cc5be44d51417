/* SPDX-License-Identifier: Apache-2.0
 *
 * migrate.c - the ladder of schema versions. Step N leads from version N to N + 1, in a transaction of its own, so that
 * an interrupted migration goes on where it was.
 */
#include "write_private.h"

#include <stdio.h>

/* None yet: version 1 is the first. */
static const char *const steps[SQL_SCHEMA_VERSION] = {NULL};

static int pragma_integer(sqlite3 *db, const char *text)
{
	sqlite3_stmt *statement;
	int value = -1;

	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return value;
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
		if (sqlite3_exec(db, steps[version], NULL, NULL, NULL) == SQLITE_OK)
			continue;
		snprintf(error->text, sizeof(error->text), "%s could not be brought to schema version %d: %s", path,
		         version + 1, sqlite3_errmsg(db));
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	return 0;
}
