/* SPDX-License-Identifier: Apache-2.0
 *
 * new_file.h - a file that gets its name only once it is complete.
 */
#ifndef SQL_NEW_FILE_H
#define SQL_NEW_FILE_H

#include <stdbool.h>

#include "sql/base/sql.h"

/* Makes PATH, mode 0600, which must not exist unless FORCE. FILL is given another name in the same folder, where an
 * empty file is, and returns 0, or -1 with ERROR. 0, or -1 with ERROR, and PATH is what it was. */
int new_file_make(const char *path, bool force, int (*fill)(void *context, const char *made, struct sql_error *error),
                  void *context, struct sql_error *error);

/* Gives the file MADE the name PATH, which must not exist unless FORCE. 0, or -1 with ERROR. */
int new_file_put_in_place(const char *made, const char *path, bool force, struct sql_error *error);

#endif
