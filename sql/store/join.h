/* SPDX-License-Identifier: Apache-2.0
 *
 * join.h - several files of one recording (ttalloc-recorder --rotate), as one.
 */
#ifndef SQL_JOIN_H
#define SQL_JOIN_H

#include "sql/base/sql.h"

/* Puts the files that NAMES names, RECORDING_AND between them, or those in a directory of that name, together in a
 * temporary file. Its path, in memory that is the caller's; NULL with ERROR: they are not of one recording, or one of
 * them is missing.
 */
char *join_files(const char *names, struct sql_error *error);

#endif
