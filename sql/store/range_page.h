/* SPDX-License-Identifier: Apache-2.0
 *
 * range_page.h - ranges (operations, labels) as the file has them: many in one row, as packed decimal digits, which
 * plain SQL can take apart. schema_3.sql says what a page holds.
 */
#ifndef SQL_RANGE_PAGE_H
#define SQL_RANGE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "rows.h"
#include <sqlite3.h>

struct range_record {
	int64_t key;  /* of its begin */
	int64_t life; /* key of its end, from there */
	int64_t begin_ns, held_ns;
	uint32_t what; /* range_what.id */
};

#define RANGE_PAGE_MOST 256
#define RANGE_PAGE_BYTES (RANGE_PAGE_MOST * 5 * 9) /* digits that RANGE_PAGE_MOST records have at most */
/* So many are written at a time: the file's pages are then full of them, and one that took long makes few others wide.
 */
#define RANGE_PAGE_FULL 64

/* Fills ROW, but for process and first_number, with COUNT records, 1 to RANGE_PAGE_MOST, whose keys rise. The digits
 * are in BYTES, which ROW borrows. */
void range_page_pack(const struct range_record *records, size_t count, uint8_t bytes[RANGE_PAGE_BYTES],
                     struct range_page_row *row);

/* Fills ROW, but for process and first_number, with these columns of STATEMENT's row from COLUMN on. It borrows them.
 */
#define RANGE_PAGE_COLUMNS "key, count, last_key, from_ns, offsets, lives, begins, helds, whats"
void range_page_take(sqlite3_stmt *statement, int column, struct range_page_row *row);

/* The records of ROW, of a file that nobody vouches for. Their number; 0: it is damaged. */
size_t range_page_unpack(const struct range_page_row *row, struct range_record records[RANGE_PAGE_MOST]);

#endif
