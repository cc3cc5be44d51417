/* SPDX-License-Identifier: Apache-2.0
 *
 * keyed.h - rows of integers of each process, by rising key, read a few at a time so that any number of processes can
 * be read side by side.
 */
#ifndef SQL_KEYED_H
#define SQL_KEYED_H

#include "catalog.h"

#define KEYED_COLUMNS 10

struct keyed_row {
	int64_t cells[KEYED_COLUMNS]; /* the first is the key; NULL is INT64_MIN */
};

/* Where the reading of one process is. All zero: before its first row. */
struct keyed_cursor {
	struct keyed_row *rows;
	size_t count, at, range;
	int64_t from; /* of the range under way: keys below are done; 0: none is under way */
};

struct keyed_reader;

/* SQL yields up to KEYED_COLUMNS integers of rows with keys from ?1 to ?2, by rising key. */
struct keyed_reader *keyed_reader_open(struct recording *recording, const struct catalog *catalog, const char *sql,
                                       struct sql_error *error);
/* The same for COLUMNS of TABLE as they are (sql/store/key_rows.h), faster. */
struct keyed_reader *keyed_reader_open_table(struct recording *recording, const struct catalog *catalog,
                                             const char *table, const char *const *columns, size_t count,
                                             struct sql_error *error);
void keyed_reader_close(struct keyed_reader *reader);

/* *ROW is the next row of PROCESS (an index), or NULL. 0, or -1 with ERROR. */
int keyed_peek(struct keyed_reader *reader, struct keyed_cursor *cursor, uint32_t process, const struct keyed_row **row,
               struct sql_error *error);
void keyed_cursor_clear(struct keyed_cursor *cursor);

#endif
