/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.h - which recording is meant when none is named.
 */
#ifndef SQL_DISCOVER_H
#define SQL_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/base/sql.h"

/* Whether PATH is a regular file whose header says that it is a recording. Opens it read-only, waits for nothing. */
bool discover_is_recording(const char *path);

/* $TTALLOC_DB, else the recording in DIRECTORY that was written to last. 0 with PATH filled, or -1 with ERROR. */
int discover(char *path, size_t size, const char *directory, struct sql_error *error);

#endif
