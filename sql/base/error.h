/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h - filling a struct sql_error: one line, safe for a terminal, whatever the strings in it are.
 */
#ifndef SQL_ERROR_H
#define SQL_ERROR_H

#include "sql.h"

struct sqlite3;

/* Formats the message; controls and bytes that are no UTF-8 become '?'. Returns -1, so that callers can return it. */
__attribute__((format(printf, 2, 3))) int sql_fail(struct sql_error *error, const char *format, ...);

/* PATH: what DB says went wrong, with the remedy where there is a known one. Returns -1. */
int sql_fail_db(struct sql_error *error, const char *path, struct sqlite3 *db);

#endif
