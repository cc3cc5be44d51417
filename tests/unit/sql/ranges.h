/* SPDX-License-Identifier: Apache-2.0
 *
 * ranges.h - operations for recordings of fixture.h, written by the code that the recorder uses.
 */
#ifndef TESTS_SQL_RANGES_H
#define TESTS_SQL_RANGES_H

#include "fixture.h"

#include "sql/store/range_page.h"

/* Stores COUNT records of PROCESS, which begin with operation FIRST_NUMBER, as one page. */
static inline void add_page(struct fixture *fixture, int process, int64_t first_number,
                            const struct range_record *records, size_t count)
{
	static uint8_t bytes[RANGE_PAGE_BYTES];
	struct range_page_row row = {0};
	const struct row_text *const digits[] = {&row.offsets, &row.lives, &row.begins, &row.helds, &row.whats};
	sqlite3_stmt *insert;
	char *sql;

	range_page_pack(records, count, bytes, &row);
	sql = sqlite3_mprintf(
	    "INSERT INTO range_page VALUES(%lld, %d, nullif(%lld, 0), %lld, %lld, %lld, ?1, ?2, ?3, ?4, ?5)", row.key,
	    process, first_number, row.count, row.last_key, row.from_ns);
	assert_int_equal(sqlite3_prepare_v2(fixture->db, sql, -1, &insert, NULL), SQLITE_OK);
	for (int i = 0; i < 5; i++)
		sqlite3_bind_blob64(insert, i + 1, digits[i]->bytes, digits[i]->count, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
	sqlite3_finalize(insert);
	sqlite3_free(sql);
}

#endif
