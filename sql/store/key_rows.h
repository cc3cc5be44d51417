/* SPDX-License-Identifier: Apache-2.0
 *
 * key_rows.h - rows of integers of a table, by its key: of a file at rest from its pages (table_pages.h), else by SQL.
 */
#ifndef SQL_KEY_ROWS_H
#define SQL_KEY_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

#define KEY_ROWS_NULL INT64_MIN

struct key_rows;
struct recording;

/* COLUMNS of TABLE, up to ten, of which the first is its INTEGER PRIMARY KEY; both outlive the call. For one
 * transaction. NULL with ERROR. */
struct key_rows *key_rows_open(struct recording *recording, const char *table, const char *const *columns, size_t count,
                               struct sql_error *error);
void key_rows_close(struct key_rows *rows);

/* Calls EACH for the rows with keys from FIRST to LAST, as they rise, until it returns false; NULL is KEY_ROWS_NULL. 0,
 * or -1 with ERROR. */
int key_rows_read(struct key_rows *rows, int64_t first, int64_t last, bool (*each)(const int64_t *cells, void *context),
                  void *context, struct sql_error *error);

#endif
