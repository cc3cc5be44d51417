/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c - see file.h.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"

int export_file_open(struct export_file *file, const char *path, bool force, struct sql_error *error)
{
	int descriptor;

	*file = (struct export_file){.path = path, .force = force};
	if (!force && access(path, F_OK) == 0)
		return sql_fail(error, "%s: exists already; --force replaces it", path);
	file->made = memory_get(strlen(path) + sizeof(".XXXXXX"), 1);
	strcat(strcpy(file->made, path), ".XXXXXX");
	descriptor = mkostemp(file->made, O_CLOEXEC); /* mode 0600 */
	file->stream = descriptor < 0 ? NULL : fdopen(descriptor, "w");
	if (file->stream)
		return 0;
	sql_fail(error, "%s: %s", path, strerror(errno));
	free(file->made);
	return -1;
}

int export_file_close(struct export_file *file, int result, struct sql_error *error)
{
	bool failed = ferror(file->stream);

	if (fclose(file->stream) != 0 || failed) {
		if (result == 0)
			sql_fail(error, "%s: %s", file->path, strerror(errno ? errno : EIO));
		result = -1;
	}
	if (result == 0 && (file->force ? rename(file->made, file->path) : link(file->made, file->path)) != 0 &&
	    (errno == EEXIST || file->force || rename(file->made, file->path) != 0)) /* where there are no hard links */
		result = sql_fail(error, "%s: %s", file->path, strerror(errno));
	unlink(file->made);
	free(file->made);
	return result;
}
