/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h - the file that an export writes: under its name only once it is whole.
 */
#ifndef ANALYZE_EXPORT_FILE_H
#define ANALYZE_EXPORT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "sql/base/sql.h"

struct export_file {
	FILE *stream; /* to write to; errors are its own */
	char *made;   /* the name until then */
	const char *path;
	bool force; /* PATH may be there */
};

/* 0, or -1 with ERROR: PATH is there and FORCE is not set, or nothing can be made beside it. */
int export_file_open(struct export_file *file, const char *path, bool force, struct sql_error *error);

/* Ends FILE: RESULT 0 puts it in its place, -1 removes it. 0, or -1 with ERROR. */
int export_file_close(struct export_file *file, int result, struct sql_error *error);

#endif
