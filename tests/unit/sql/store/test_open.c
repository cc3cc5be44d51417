/* SPDX-License-Identifier: Apache-2.0
 *
 * test_open.c - files that are no recordings, or not whole, or hostile: one clear line, and nothing is made.
 */
#include "tests/unit/sql/fixture.h"

#include <dirent.h>
#include <sys/stat.h>

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

static void refuse(const char *path, const char *part)
{
	struct sql_error error = {.text = ""};

	assert_null(recording_open(path, &error));
	if (!strstr(error.text, part) || strchr(error.text, '\n') || !strstr(error.text, path))
		fail_msg("'%s' does not say '%s'", error.text, part);
}

static const char *beside(struct fixture *fixture, const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
	return path;
}

static void write_file(const char *path, const char *text, size_t bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fwrite(text, 1, bytes, file);
	fclose(file);
}

static size_t count_files(const char *folder)
{
	DIR *directory = opendir(folder);
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void test_no_recording(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *db;

	refuse(beside(fixture, "missing.db"), "no such file");
	refuse("/var", "a directory without a recording");
	refuse("/dev/null", "not a regular file");
	write_file(beside(fixture, "empty.db"), "", 0);
	refuse(beside(fixture, "empty.db"), "empty");
	write_file(beside(fixture, "text.db"), "hello", 5);
	refuse(beside(fixture, "text.db"), "no SQLite database");
	assert_int_equal(sqlite3_open(beside(fixture, "foreign.db"), &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE x(a)", NULL, NULL, NULL);
	sqlite3_close(db);
	refuse(beside(fixture, "foreign.db"), "another program");
	assert_int_equal(count_files(fixture->folder), 2 + 4);
}

static void test_truncated(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(truncate(fixture->path, 3 * 4096 + 17), 0);
	refuse(fixture->path, "truncated");
	assert_int_equal(truncate(fixture->path, 50), 0);
	refuse(fixture->path, "truncated");
}

static void test_newer(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "PRAGMA user_version = 99");
	refuse(fixture->path, "newer");
}

static void test_view_instead_of_table(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "ALTER TABLE freed RENAME TO real_freed; CREATE VIEW freed AS SELECT * FROM real_freed");
	refuse(fixture->path, "no table freed");
}

static void test_generated_column(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "DROP TABLE clock_anchor; CREATE TABLE clock_anchor(ticks INTEGER PRIMARY KEY, "
	             "at_monotonic_ns INTEGER AS (ticks * 2))");
	refuse(fixture->path, "no proper column at_monotonic_ns");
}

/* The file's own views are never run. */
static void test_views_of_the_file(void **state)
{
	struct fixture *fixture = *state;
	struct sql_error error;

	run(fixture, "DROP VIEW recording; CREATE VIEW recording AS SELECT 'evil' AS host");
	opened(fixture);
	expect_answer(fixture, "SELECT host FROM recording", "host\n");
	assert_null(query_start_sql(fixture->recording, "SELECT * FROM main.recording", &error));
}

static void copy(const char *from, const char *to)
{
	char command[256];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* What a killed recorder leaves: all is in the -wal. Copied without -shm, and also without -wal. */
static void test_killed(void **state)
{
	struct fixture *fixture = *state;
	struct fixture copied = {.db = NULL};
	char wal[96];

	run(fixture, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; "
	             "UPDATE recording_info SET host = 'in the wal'");
	opened(fixture);
	expect_answer(fixture, "SELECT host FROM recording", "in the wal\n");
	snprintf(copied.path, sizeof(copied.path), "%s/copy.db", fixture->folder);
	snprintf(wal, sizeof(wal), "%s-wal", fixture->path);
	copy(fixture->path, copied.path);
	opened(&copied);
	expect_answer(&copied, "SELECT host FROM recording", "host\n");
	recording_close(copied.recording);
	copy(wal, beside(fixture, "copy.db-wal"));
	opened(&copied);
	expect_answer(&copied, "SELECT host FROM recording", "in the wal\n");
	recording_close(copied.recording);
	assert_int_not_equal(access(beside(fixture, "copy.db-shm"), F_OK), 0);
}

/* A reader sees what is committed between its answers, and nothing within one. */
static void test_in_progress(void **state)
{
	struct fixture *fixture = *state;
	struct sql_error error;

	run(fixture, "PRAGMA journal_mode = WAL; UPDATE recording_info SET host = 'in progress'");
	opened(fixture);
	expect_answer(fixture, "SELECT end_ns FROM recording", "1000\n");
	struct query_run *query = query_start_sql(fixture->recording, "SELECT end_ns FROM recording", &error);
	run(fixture, "UPDATE recording_info SET end_ns = 2000");
	struct query_cell cell;
	assert_int_equal(query_next(query, &error), 1);
	query_cell(query, 0, &cell);
	assert_int_equal(cell.integer, 1000);
	query_finish(query);
	recording_release(fixture->recording);
	expect_answer(fixture, "SELECT end_ns FROM recording", "2000\n");
}

static void test_copy(void **state)
{
	struct fixture *fixture = *state;
	struct fixture copied = {.db = NULL};
	struct sql_error error = {.text = ""};

	run(fixture, "PRAGMA journal_mode = WAL; UPDATE recording_info SET host = 'copied'");
	opened(fixture);
	snprintf(copied.path, sizeof(copied.path), "%s/copy.db", fixture->folder);
	assert_int_equal(recording_copy(fixture->recording, copied.path, false, &error), 0);
	assert_int_equal(recording_copy(fixture->recording, copied.path, false, &error), -1);
	assert_non_null(strstr(error.text, "--force"));
	assert_int_equal(recording_copy(fixture->recording, copied.path, true, &error), 0);
	opened(&copied);
	expect_answer(&copied, "SELECT host FROM recording", "copied\n");
	recording_close(copied.recording);
	/* . .. run.db run.db-wal run.db-shm copy.db */
	assert_int_equal(count_files(fixture->folder), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_no_recording, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_newer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_view_instead_of_table, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_generated_column, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_views_of_the_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_in_progress, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
