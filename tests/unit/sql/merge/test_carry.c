/* SPDX-License-Identifier: Apache-2.0
 *
 * test_carry.c - every column of the schema is carried somehow, or its table stays behind; and the lists of tensors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sql/merge/carry.h"
#include "sql/merge/tensors.h"
#include "sql/store/embedded.h"

static const struct carried_table *table_named(const char *name)
{
	const struct carried_table *table;

	for (unsigned i = 0; (table = carry_table(i)); i++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* Whether COLUMN stands in the list, before a colon or alone. */
static bool has_column(const char *columns, const char *column)
{
	size_t bytes = strlen(column);

	for (const char *at = columns; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strncmp(at, column, bytes) == 0 && strchr(" :", at[bytes]))
			return true;
	return false;
}

static void test_knows_every_column(void **state)
{
	sqlite3 *db;
	sqlite3_stmt *rows;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (int version = 0; version < SQL_SCHEMA_VERSION; version++)
		assert_int_equal(sqlite3_exec(db, sql_schemas[version], NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db,
	                       "SELECT s.name, c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c "
	                       "WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite%'",
	                       -1, &rows, NULL),
	    SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(rows, 0);
		const char *column = (const char *)sqlite3_column_text(rows, 1);
		const struct carried_table *table = table_named(name);

		if (!table)
			fail_msg("how is %s carried when recordings are put together? (sql/merge/carry.c)", name);
		else if (*table->columns && !has_column(table->columns, column))
			fail_msg("how is %s.%s carried when recordings are put together? (sql/merge/carry.c)", name,
			         column);
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
}

static struct words *words_with_specs(void)
{
	struct words *words = words_new();
	struct word_hash hash = {{7, 7}};
	bool is_new;

	words_next_input(words);
	words_enter(words, WORD_SPEC, 1, NULL, &is_new);
	words_next_input(words);
	assert_int_equal(words_enter(words, WORD_SPEC, 1, &hash, &is_new), 2);
	assert_int_equal(words_enter(words, WORD_SPEC, 9, &hash, &is_new), 2);
	assert_false(is_new);
	return words;
}

static void expect_moved(const char *list, const char *expected)
{
	struct words *words = words_with_specs();
	struct tensor_text moved = {0};
	int result = tensors_move(&moved, list, strlen(list), words, 1000);

	assert_int_equal(result, expected ? 0 : -1);
	if (expected) {
		assert_int_equal(moved.count, strlen(expected));
		assert_memory_equal(moved.text, expected, moved.count);
	}
	free(moved.text);
	words_free(words);
}

static void test_moves_lists_of_tensors(void **state)
{
	(void)state;
	expect_moved("[]", "[]");
	expect_moved("[[1,0,1,1,-5],[0,2,9,0,77]]", "[[1,0,2,1,-5],[0,2,2,0,1077]]"); /* a distance, and a key */
	expect_moved("[[0,0,0,0,0]]", "[[0,0,0,0,0]]");
	expect_moved("[[0,0,null,1,3]]", "[[0,0,null,1,3]]");
}

static void test_refuses_what_is_no_list(void **state)
{
	static const char *const lists[] = {"",
	                                    "[",
	                                    "[[",
	                                    "[[1,2,3]]",
	                                    "[[0,0,5,1,3]]",
	                                    "[[1,2,1,1]",
	                                    "[1]",
	                                    "[[a,0,1,1,3]]",
	                                    "[[0,0,1,1,1234567890123456789]]",
	                                    "no list",
	                                    "[[0,0,1,1,3],"};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		expect_moved(lists[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_knows_every_column),
	    cmocka_unit_test(test_moves_lists_of_tensors),
	    cmocka_unit_test(test_refuses_what_is_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
