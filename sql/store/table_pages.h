/* SPDX-License-Identifier: Apache-2.0
 *
 * table_pages.h - rows of integers straight from the pages of the file, several times as fast as SQLite's byte code
 * hands them out. For key_rows.c, which asks SQL wherever this gives up; so it never says that a file is wrong.
 *
 * It works where what SQLite would read is what the file holds: of a file at rest, or in rollback mode while the read
 * transaction has its lock.
 */
#ifndef SQL_TABLE_PAGES_H
#define SQL_TABLE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_PAGES_COLUMNS 10

struct recording;
struct table_pages;

/* COLUMNS of TABLE; the first is its key. NULL: it cannot be read in this way, or there is no memory. */
struct table_pages *table_pages_open(struct recording *recording, const char *table, const char *const *columns,
                                     size_t count);
void table_pages_close(struct table_pages *pages);

enum table_pages_end {
	TABLE_PAGES_DONE,
	TABLE_PAGES_STOPPED, /* EACH said so */
	TABLE_PAGES_ODD,     /* something is not as it should be, from the key *NEXT on */
};

/* Calls EACH for the rows with keys from FIRST to LAST, as they rise. *NEXT is the key to go on with. */
enum table_pages_end table_pages_read(struct table_pages *pages, int64_t first, int64_t last,
                                      bool (*each)(const int64_t *cells, void *context), void *context, int64_t *next);

#endif
