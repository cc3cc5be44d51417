/* SPDX-License-Identifier: Apache-2.0
 *
 * merge.h - recordings of several processes, ranks and hosts put together into one, on one time.
 */
#ifndef SQL_MERGE_H
#define SQL_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/base/sql.h"

struct merge_options {
	const char *version; /* of the program, for the new file */
	bool force;          /* replace OUT, and merge parts of different jobs */
	/* Told one line of what the user ought to know, such as which ranks are missing. */
	void (*say)(void *context, const char *line);
	void *context;
};

/* Makes OUT of the COUNT recordings at PATHS. 0, or -1 with ERROR, and OUT is what it was. */
int merge_recordings(const char *out, const char *const *paths, size_t count, const struct merge_options *options,
                     struct sql_error *error);

/* Whether PATH is a recording that was not put together itself, of JOB unless that is NULL. */
bool merge_is_part(const char *path, const char *job);

#endif
