/* SPDX-License-Identifier: Apache-2.0
 *
 * file_of.h - of which recording a file is, and which of its files.
 */
#ifndef SQL_FILE_OF_H
#define SQL_FILE_OF_H

#include <stdint.h>

#include "sql/base/sql.h"

struct file_of {
	char uuid[33];
	int64_t number; /* 0: the first, or the only one */
};

/* 0, or -1 with ERROR: the file cannot be read, or is no recording. */
int file_of(const char *path, struct file_of *of, struct sql_error *error);

#endif
