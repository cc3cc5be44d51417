/* SPDX-License-Identifier: Apache-2.0
 *
 * test_key_rows.c - rows from the pages of a file are those that SQL has, of any shape; where pages cannot be relied
 * upon, SQL is asked; damaged pages lead nowhere.
 */
#include "tests/unit/sql/fixture.h"

#include <fcntl.h>

#include "sql/store/key_rows.h"
#include "sql/store/table_pages.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ROWS 3000

static const char *const columns[] = {"key", "life", "bank_bytes", "free_ns", "free_origin", "address"};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_make(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	free(*state);
	return 0;
}

/* Integers of all lengths, 0 and 1, which take no room, NULLs, and holes among the keys. */
static void fill(struct fixture *fixture, int page_bytes)
{
	run(fixture, "DELETE FROM freed; PRAGMA page_size = %d; VACUUM", page_bytes);
	run(fixture,
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " INSERT INTO freed SELECT (i - 500) * (1 + i / 1000 * 5000000000), i & 1, (1 << (i %% 63)) - (i & 1), -i,"
	    "  -(1 << (i %% 63)), i * 7, iif(i %% 3, NULL, i), i, iif(i %% 5, NULL, 0) FROM n",
	    ROWS - 1);
}

/* What was read, as one number for all. */
struct seen {
	size_t rows, most;
	int64_t last, sum;
};

static bool see(const int64_t *cells, void *context)
{
	struct seen *seen = context;

	if (seen->rows > 0)
		assert_true(cells[0] > seen->last);
	seen->last = cells[0];
	for (size_t i = 0; i < COUNT(columns); i++)
		seen->sum = (int64_t)((uint64_t)seen->sum * 31 + (uint64_t)cells[i]);
	return ++seen->rows < seen->most;
}

/* The same by SQL. */
static struct seen expected(struct fixture *fixture, int64_t first, int64_t last, size_t most)
{
	struct seen seen = {.most = most};
	int64_t cells[COUNT(columns)];
	sqlite3_stmt *rows;

	assert_int_equal(sqlite3_prepare_v2(fixture->db,
	                                    "SELECT key, life, bank_bytes, free_ns, free_origin, address FROM freed "
	                                    "WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
	                                    -1, &rows, NULL),
	                 SQLITE_OK);
	sqlite3_bind_int64(rows, 1, first);
	sqlite3_bind_int64(rows, 2, last);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		for (size_t i = 0; i < COUNT(columns); i++)
			cells[i] = sqlite3_column_type(rows, (int)i) == SQLITE_NULL
			               ? KEY_ROWS_NULL
			               : sqlite3_column_int64(rows, (int)i);
		if (!see(cells, &seen))
			break;
	}
	sqlite3_finalize(rows);
	return seen;
}

static void begin(struct fixture *fixture)
{
	struct sql_error error;

	assert_int_equal(recording_begin(opened(fixture), &error), 0);
}

static const int64_t ranges[][2] = {
    {INT64_MIN, INT64_MAX},     {0, 100}, {-500, -500},     {-499, -498}, {501, 4999999999},
    {2500000002500, INT64_MAX}, {7, 6},   {INT64_MIN, -501}};

static void assert_same(struct seen seen, struct seen wanted)
{
	assert_int_equal(seen.rows, wanted.rows);
	assert_int_equal(seen.sum, wanted.sum);
}

static void pages_say_what_sql_says(void **state)
{
	static const int page_bytes[] = {512, 4096, 65536};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(page_bytes); i++) {
		fill(fixture, page_bytes[i]);
		begin(fixture);
		struct table_pages *pages = table_pages_open(fixture->recording, "freed", columns, COUNT(columns));
		assert_non_null(pages);
		for (size_t range = 0; range < COUNT(ranges); range++) {
			for (size_t most = 1; most <= 2 * ROWS; most = most * 40) {
				int64_t first = ranges[range][0], last = ranges[range][1], next;
				struct seen seen = {.most = most};
				enum table_pages_end end = table_pages_read(pages, first, last, see, &seen, &next);

				assert_int_equal(end, seen.rows == most ? TABLE_PAGES_STOPPED : TABLE_PAGES_DONE);
				assert_int_equal(next, seen.rows ? seen.last + 1 : first);
				assert_same(seen, expected(fixture, first, last, most));
			}
		}
		table_pages_close(pages);
		recording_close(fixture->recording);
		fixture->recording = NULL;
	}
}

static void read_all(struct fixture *fixture, struct seen *seen)
{
	struct sql_error error;
	struct key_rows *rows = key_rows_open(fixture->recording, "freed", columns, COUNT(columns), &error);

	assert_non_null(rows);
	assert_int_equal(key_rows_read(rows, INT64_MIN, INT64_MAX, see, seen, &error), 0);
	key_rows_close(rows);
}

static void a_row_that_is_odd_is_read_by_sql(void **state)
{
	static const char *const odd[] = {"address = 'x'", "address = 1.5", "free_ns = zeroblob(5000)"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(odd); i++) {
		struct seen seen = {.most = SIZE_MAX}, some = {.most = SIZE_MAX};
		int64_t next;

		fill(fixture, 4096);
		run(fixture, "UPDATE freed SET %s WHERE key = 200", odd[i]);
		begin(fixture);
		struct table_pages *pages = table_pages_open(fixture->recording, "freed", columns, COUNT(columns));
		assert_int_equal(table_pages_read(pages, INT64_MIN, INT64_MAX, see, &some, &next), TABLE_PAGES_ODD);
		assert_int_equal(next, 200);
		assert_int_equal(some.rows, 700);
		table_pages_close(pages);
		read_all(fixture, &seen);
		assert_same(seen, expected(fixture, INT64_MIN, INT64_MAX, SIZE_MAX));
		recording_close(fixture->recording);
		fixture->recording = NULL;
	}
}

/* What is in a -wal is not in the pages of the file. */
static void a_wal_is_read_by_sql(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {.most = SIZE_MAX};

	fill(fixture, 4096);
	run(fixture, "PRAGMA journal_mode = WAL; DELETE FROM freed WHERE key %% 2");
	begin(fixture);
	assert_null(table_pages_open(fixture->recording, "freed", columns, COUNT(columns)));
	read_all(fixture, &seen);
	assert_same(seen, expected(fixture, INT64_MIN, INT64_MAX, SIZE_MAX));
	assert_true(seen.rows > 0 && seen.rows < ROWS);
}

static void without_a_lock_pages_may_change(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture, 4096);
	opened(fixture);
	recording_release(fixture->recording);
	assert_null(table_pages_open(fixture->recording, "freed", columns, COUNT(columns)));
}

static void an_empty_table_beside_the_file_has_no_pages(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture);
	assert_int_equal(
	    sqlite3_exec(fixture->recording->db, "CREATE TEMP TABLE mark(key INTEGER PRIMARY KEY)", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_null(table_pages_open(fixture->recording, "mark", columns, 1));
}

/* Whatever the bytes are: nothing is read that is not there, nothing out of order, and the walk ends. */
static void damaged_pages_end_the_walk(void **state)
{
	struct fixture *fixture = *state;
	unsigned seed = 1;

	fill(fixture, 512);
	begin(fixture);
	struct table_pages *pages = table_pages_open(fixture->recording, "freed", columns, COUNT(columns));
	int file = open(fixture->path, O_RDWR | O_CLOEXEC);
	off_t bytes = lseek(file, 0, SEEK_END);
	assert_non_null(pages);
	for (int i = 0; i < 3000; i++) {
		struct seen seen = {.most = SIZE_MAX};
		unsigned char damage = (unsigned char)rand_r(&seed);
		int64_t next;

		assert_int_equal(pwrite(file, &damage, 1, 512 + rand_r(&seed) % (bytes - 512)), 1);
		table_pages_close(pages);
		pages = table_pages_open(fixture->recording, "freed", columns, COUNT(columns));
		table_pages_read(pages, -100, INT64_MAX, see, &seen, &next);
		assert_true(seen.rows <= 3 * ROWS);
	}
	table_pages_close(pages);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(pages_say_what_sql_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_row_that_is_odd_is_read_by_sql, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_wal_is_read_by_sql, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_a_lock_pages_may_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_empty_table_beside_the_file_has_no_pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(damaged_pages_end_the_walk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
