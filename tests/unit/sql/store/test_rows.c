/* SPDX-License-Identifier: Apache-2.0
 *
 * test_rows.c - rows.def and the schema say the same: every statement fits the tables, every column is there, and what
 * may be NULL in a struct may be so in the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sql/store/embedded.h"
#include "sql/store/shapes.h"
#include "sql/store/write.h"

static int open_schema(void **state)
{
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return -1;
	for (int version = 0; version < SQL_SCHEMA_VERSION; version++)
		if (sqlite3_exec(db, sql_schemas[version], NULL, NULL, NULL) != SQLITE_OK)
			return -1;
	*state = db;
	return 0;
}

static int close_schema(void **state)
{
	return sqlite3_close(*state);
}

static sqlite3_stmt *prepared(sqlite3 *db, const struct row_statement *statement)
{
	sqlite3_stmt *made;
	char *sql = row_sql(statement);

	if (sqlite3_prepare_v2(db, sql, -1, &made, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_free(sql);
	return made;
}

static void test_statements_fit_the_tables(void **state)
{
	int places[ROW_MOST_COLUMNS];

	for (int i = 0; i < ROW_KINDS; i++) {
		sqlite3_stmt *statement = prepared(*state, &row_statements[i]);

		if (!row_parameters(statement, row_statements[i].shape(), places))
			fail_msg("%s: a column is not used", row_statements[i].sql);
		assert_int_equal(sqlite3_bind_parameter_count(statement), row_statements[i].shape()->column_count);
		sqlite3_finalize(statement);
	}
	for (int i = 0; i < LOAD_KINDS; i++) {
		sqlite3_stmt *statement = prepared(*state, &load_statements[i]);

		if (!row_results(statement, load_statements[i].shape(), places))
			fail_msg("%s: does not yield all columns", load_statements[i].sql);
		sqlite3_finalize(statement);
	}
}

static const struct row_column *column_named(const struct row_shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->column_count; i++)
		if (strcmp(shape->columns[i].name, name) == 0)
			return &shape->columns[i];
	return NULL;
}

/* Which columns TABLE has that the row lacks or must not leave out. */
static void check_insert(sqlite3 *db, const struct row_statement *statement)
{
	const struct row_shape *shape = statement->shape();
	const char *table = strstr(statement->sql, "INTO ") + strlen("INTO ");
	sqlite3_stmt *columns;

	assert_int_equal(sqlite3_prepare_v2(db,
	                                    "SELECT name, \"notnull\" AND dflt_value IS NULL, pk FROM "
	                                    "pragma_table_info(?1)",
	                                    -1, &columns, NULL),
	                 SQLITE_OK);
	sqlite3_bind_text(columns, 1, table, -1, SQLITE_STATIC);
	while (sqlite3_step(columns) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(columns, 0);
		const struct row_column *column = column_named(shape, name);

		if (!column && sqlite3_column_int(columns, 1))
			fail_msg("%s.%s has to be given, and struct %s_row has no such column", table, name,
			         shape->name);
		if (column && column->optional && (sqlite3_column_int(columns, 1) || sqlite3_column_int(columns, 2)))
			fail_msg("%s.%s is never NULL, but may be in struct %s_row", table, name, shape->name);
	}
	sqlite3_finalize(columns);
}

static void test_inserts_give_what_tables_need(void **state)
{
	for (int i = 0; i < BULK_KINDS; i++)
		if (strncmp(bulk_statements[i].sql, "INSERT", 6) == 0)
			check_insert(*state, &bulk_statements[i]);
	for (int i = 0; i < ROW_KINDS; i++)
		if (strncmp(row_statements[i].sql, "INSERT", 6) == 0 && !strchr(row_statements[i].sql, '('))
			check_insert(*state, &row_statements[i]);
}

static bool check_label(void *context, const void *untyped)
{
	const struct label_row *row = untyped;
	int *count = context;

	assert_int_equal(row->id, ++*count);
	assert_int_equal(row->parent, *count - 1); /* 0: none, which the file has as NULL */
	assert_int_equal(row->name.count, *count == 1 ? 1 : 3);
	assert_memory_equal(row->name.bytes, *count == 1 ? "a" : "\xEF\xBF\xBD", row->name.count);
	return true;
}

static void test_rows_come_back(void **state)
{
	char path[] = "/tmp/ttalloc-rows-XXXXXX";
	struct writer_identity identity = {.uuid = "00112233445566778899aabbccddeeff", .version = "1"};
	struct rowlog log = {0};
	struct write_rows rows = {.logs = {&log}};
	struct writer *writer;
	struct sql_error error;
	int count = 0;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(writer_create(path, &identity, &writer, &error), 0);
	rowlog_label(&log, &(struct label_row){.id = 1, .name = row_text("a\0b", 3), .path = row_string("a")});
	rowlog_label(&log,
	             &(struct label_row){.id = 2, .parent = 1, .name = row_string("\xFF"), .path = row_string("a/?")});
	assert_int_equal(writer_store(writer, &rows, &error), WRITE_DONE);
	assert_int_equal(writer_load(writer, LOAD_LABELS, check_label, &count, &error), 0);
	assert_int_equal(count, 2);
	rowlog_free(&log);
	assert_int_equal(writer_finish(writer, 1, "clean", 0, &error), WRITE_DONE);
	writer_close(writer);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_statements_fit_the_tables, open_schema, close_schema),
	    cmocka_unit_test_setup_teardown(test_inserts_give_what_tables_need, open_schema, close_schema),
	    cmocka_unit_test(test_rows_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
