/* SPDX-License-Identifier: Apache-2.0
 *
 * recording.c - reading from an open recording: one transaction per answer, and errors that name the file.
 */
#include "recording.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"

const char *recording_path(const struct recording *recording)
{
	return recording->path;
}

int recording_fail(struct recording *recording, struct sql_error *error)
{
	/* no tool of SQLite's reads the shared form */
	if (recording->packed && sqlite3_errcode(recording->db) == SQLITE_CORRUPT)
		return sql_fail(error, "%s: damaged; copy it again", recording->path);
	return sql_fail_db(error, recording->path, recording->db);
}

int recording_begin(struct recording *recording, struct sql_error *error)
{
	if (recording->in_transaction)
		return 0;
	if (sqlite3_exec(recording->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return recording_fail(recording, error);
	recording->in_transaction = true;
	return 0;
}

void recording_keep(struct recording *recording, void *what, void (*free)(void *what))
{
	if (recording->kept.free)
		recording->kept.free(recording->kept.what);
	recording->kept = (struct recording_kept){what, free};
}

void recording_release(struct recording *recording)
{
	recording_keep(recording, NULL, NULL);
	if (recording->in_transaction)
		sqlite3_exec(recording->db, "ROLLBACK", NULL, NULL, NULL);
	recording->in_transaction = false;
	if (recording->old)
		recording_release(recording->old);
}

sqlite3_stmt *recording_prepare(struct recording *recording, const char *sql, struct sql_error *error)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(recording->db, sql, -1, &statement, NULL) != SQLITE_OK)
		recording_fail(recording, error);
	return statement;
}

int recording_step(struct recording *recording, sqlite3_stmt *statement, struct sql_error *error)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : recording_fail(recording, error);
}

int recording_integer(struct recording *recording, const char *sql, int64_t fallback, int64_t *value,
                      struct sql_error *error)
{
	sqlite3_stmt *statement = recording_prepare(recording, sql, error);
	int result = statement ? recording_step(recording, statement, error) : -1;

	*value = fallback;
	if (result == 1 && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		*value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result < 0 ? -1 : 0;
}

int recording_attach_old(struct recording *recording, const char *path, struct sql_error *error)
{
	struct recording *old = recording_open(path, error);

	if (!old)
		return -1;
	recording_close(recording->old);
	recording->old = old;
	return 0;
}

const char *recording_old_path(const struct recording *recording)
{
	return recording->old ? recording->old->path : NULL;
}
