/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.c - making one consistent file of a recording, in progress or not: what SQLite's backup reads in one
 * transaction, in rollback mode, under its name only once it is complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/error.h"
#include "recording.h"

/* Copies all pages into the file at PATH. */
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

static int put_in_place(const char *made, const char *path, bool force, struct sql_error *error)
{
	if (force ? rename(made, path) == 0 : link(made, path) == 0)
		return 0;
	if (errno == EEXIST)
		return sql_fail(error, "%s: exists already; --force replaces it", path);
	if (!force && (errno == EPERM || errno == EOPNOTSUPP) && access(path, F_OK) < 0 && rename(made, path) == 0)
		return 0; /* a file system without hard links */
	return sql_fail(error, "%s: %s", path, strerror(errno));
}

int recording_copy(struct recording *recording, const char *path, bool force, struct sql_error *error)
{
	char *made = NULL;
	int result = -1;

	if (!force && access(path, F_OK) == 0)
		return sql_fail(error, "%s: exists already; --force replaces it", path);
	if (asprintf(&made, "%s%s.XXXXXX", strncmp(path, "file:", 5) == 0 ? "./" : "", path) < 0)
		return sql_fail(error, "%s: out of memory", path);
	int file = mkostemp(made, O_CLOEXEC); /* mode 0600 */
	if (file < 0) {
		sql_fail(error, "%s: %s", path, strerror(errno));
		goto out;
	}
	result = copy_pages(recording, made, error);
	if (result == 0 && fsync(file) < 0)
		result = sql_fail(error, "%s: %s", path, strerror(errno));
	if (result == 0)
		result = put_in_place(made, path, force, error);
	close(file);
	unlink(made);
out:
	free(made);
	return result;
}
