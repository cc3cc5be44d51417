/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.c - making one consistent file of a recording, in progress or not: what SQLite's backup reads in one
 * transaction, in rollback mode, under its name only once it is complete.
 */
#include "new_file.h"
#include "recording.h"
#include "sql/base/error.h"

/* Copies all pages into the file at PATH, which is empty. */
static int copy_pages(struct recording *recording, const char *path, struct sql_error *error)
{
	sqlite3 *copy = NULL;
	int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL);
	int result = 0;

	if (code == SQLITE_OK) {
		sqlite3_backup *backup = sqlite3_backup_init(copy, "main", recording->db, "main");

		while (backup && ((code = sqlite3_backup_step(backup, -1)) == SQLITE_BUSY || code == SQLITE_LOCKED))
			sqlite3_sleep(50);
		code = sqlite3_backup_finish(backup);
	}
	if (code == SQLITE_OK)
		code = sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		result = sql_fail_db(error, path, copy);
	if (sqlite3_close(copy) != SQLITE_OK && result == 0)
		result = sql_fail(error, "%s: cannot be finished", path);
	return result;
}

static int fill(void *context, const char *path, struct sql_error *error)
{
	return copy_pages(context, path, error);
}

int recording_copy(struct recording *recording, const char *path, bool force, struct sql_error *error)
{
	return new_file_make(path, force, fill, recording, error);
}
