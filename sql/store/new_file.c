/* SPDX-License-Identifier: Apache-2.0
 *
 * new_file.c - see new_file.h.
 */
#include "new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/base/error.h"

int new_file_put_in_place(const char *made, const char *path, bool force, struct sql_error *error)
{
	if (force ? rename(made, path) == 0 : link(made, path) == 0)
		return 0;
	if (errno == EEXIST)
		return sql_fail(error, "%s: exists already; --force replaces it", path);
	if (!force && (errno == EPERM || errno == EOPNOTSUPP) && access(path, F_OK) < 0 && rename(made, path) == 0)
		return 0; /* a file system without hard links */
	return sql_fail(error, "%s: %s", path, strerror(errno));
}

static int sync_file(const char *made, struct sql_error *error)
{
	int file = open(made, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), result = 0;

	if (file < 0 || fsync(file) < 0)
		result = sql_fail(error, "%s: %s", made, strerror(errno));
	if (file >= 0)
		close(file);
	return result;
}

int new_file_make(const char *path, bool force, int (*fill)(void *context, const char *made, struct sql_error *error),
                  void *context, struct sql_error *error)
{
	char *made = NULL;
	int result;

	if (!force && access(path, F_OK) == 0)
		return sql_fail(error, "%s: exists already; --force replaces it", path);
	if (asprintf(&made, "%s%s.XXXXXX", strncmp(path, "file:", 5) == 0 ? "./" : "", path) < 0)
		return sql_fail(error, "%s: out of memory", path);
	int file = mkostemp(made, O_CLOEXEC); /* mode 0600 */
	if (file < 0) {
		result = sql_fail(error, "%s: %s", path, strerror(errno));
		goto out;
	}
	close(file);
	result = fill(context, made, error);
	if (result == 0)
		result = sync_file(made, error);
	if (result == 0)
		result = new_file_put_in_place(made, path, force, error);
	unlink(made);
out:
	free(made);
	return result;
}
