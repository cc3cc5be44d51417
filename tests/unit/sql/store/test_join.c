/* SPDX-License-Identifier: Apache-2.0
 *
 * test_join.c - every table of the schema goes on in the next file of a recording, and comes together again when files
 * are joined, or it is said here why not.
 */
#include "tests/unit/sql/fixture.h"

#include "sql/store/join.c"
#include "sql/store/next_file.c"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What has happened stays in the file in which it did; and spans are made anew. */
static const char *const happened[] = {"freed",         "range_page", "failure_info", "other_event", "span",
                                       "snapshot_mark", "share_info", "part",         "process_part"};
static const char *const computed[] = {"span"};

static bool is_carried(const char *table, const struct carried *carried, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(carried[i].table, table) == 0)
			return true;
	return false;
}

static bool is_listed(const char *table, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], table) == 0)
			return true;
	return false;
}

static void test_every_table(void **state)
{
	sqlite3 *db;
	sqlite3_stmt *tables;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (int version = 0; version < SQL_SCHEMA_VERSION; version++)
		assert_int_equal(sqlite3_exec(db, sql_schemas[version], NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
	                                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
	                                    "'sqlite%'",
	                                    -1, &tables, NULL),
	                 SQLITE_OK);
	while (sqlite3_step(tables) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(tables, 0);

		if (is_carried(table, live, COUNT(live)) == is_listed(table, happened, COUNT(happened)))
			fail_msg("%s: does it go on in the next file? (sql/store/next_file.c)", table);
		if (is_carried(table, rows, COUNT(rows)) == is_listed(table, computed, COUNT(computed)))
			fail_msg("%s: what becomes of it when files are joined? (sql/store/join.c)", table);
	}
	sqlite3_finalize(tables);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
