/* SPDX-License-Identifier: Apache-2.0
 *
 * import.h - a recording made of what ttnn itself has written: a graph capture, a report, tables of blocks.
 */
#ifndef SQL_IMPORT_H
#define SQL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/base/sql.h"

struct import_options {
	const char *version; /* of the program, for the new file */
	bool force;          /* replace OUT */
};

/* Makes OUT of the COUNT files at PATHS: one graph capture, one report, or any number of tables of blocks, in the order
 * of time. 0, or -1 with ERROR, and OUT is what it was. */
int import_files(const char *out, const char *const *paths, size_t count, const struct import_options *options,
                 struct sql_error *error);

#endif
