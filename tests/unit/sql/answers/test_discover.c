/* SPDX-License-Identifier: Apache-2.0
 *
 * Which recording is taken when none is named.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sql/answers/discover.h"

/* Makes NAME in the current directory, last written to at AT seconds, with the header of a recording or of another
 * file. */
static void make(const char *name, time_t at, const char *application_id)
{
	char header[100] = "SQLite format 3";
	FILE *file = fopen(name, "wb");
	memcpy(header + 68, application_id, 4);
	assert_int_equal(fwrite(header, sizeof header, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(utimensat(AT_FDCWD, name, (struct timespec[]){{.tv_sec = at}, {.tv_sec = at}}, 0), 0);
}

static void test_is_recording(void **state)
{
	(void)state;
	make("run.db", 1, "ttal");
	make("other.db", 1, "GPKG");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_true(discover_is_recording("run.db"));
	assert_false(discover_is_recording("other.db"));
	assert_false(discover_is_recording("missing.db"));
	assert_false(discover_is_recording("fifo"));
	assert_false(discover_is_recording("."));
	assert_false(discover_is_recording("/dev/zero"));
	assert_int_equal(truncate("run.db", 99), 0);
	assert_false(discover_is_recording("run.db"));
}

static void test_newest(void **state)
{
	char path[256];
	struct sql_error error;
	(void)state;
	make("old.db", 1000, "ttal");
	make("new", 2000, "ttal"); /* whatever its name */
	make("foreign.db", 3000, "GPKG");
	assert_int_equal(discover(path, sizeof path, ".", &error), 0);
	assert_string_equal(path, "new");
}

/* What is being recorded is written to its -wal first. */
static void test_newest_by_wal(void **state)
{
	char path[256];
	struct sql_error error;
	(void)state;
	make("live.db", 1000, "ttal");
	make("live.db-wal", 3000, "none");
	make("done.db", 2000, "ttal");
	assert_int_equal(discover(path, sizeof path, ".", &error), 0);
	assert_string_equal(path, "live.db");
}

static void test_none(void **state)
{
	char path[256];
	struct sql_error error;
	(void)state;
	assert_int_equal(discover(path, sizeof path, ".", &error), -1);
	assert_non_null(strstr(error.text, "TTALLOC_DB"));
	assert_int_equal(discover(path, sizeof path, "missing", &error), -1);
}

static void test_environment(void **state)
{
	char path[256];
	struct sql_error error;
	(void)state;
	make("here.db", 1000, "ttal");
	setenv("TTALLOC_DB", "/elsewhere/run.db", 1);
	assert_int_equal(discover(path, sizeof path, ".", &error), 0);
	assert_string_equal(path, "/elsewhere/run.db");
	setenv("TTALLOC_DB", "", 1);
	assert_int_equal(discover(path, sizeof path, ".", &error), 0);
	assert_string_equal(path, "here.db");
}

static int enter_directory(void **state)
{
	char name[] = "/tmp/ttalloc-discover-XXXXXX";
	unsetenv("TTALLOC_DB");
	if (mkdtemp(name) == NULL || chdir(name) != 0)
		return -1;
	*state = strdup(name);
	return *state == NULL ? -1 : 0;
}

static int leave_directory(void **state)
{
	static const char *const names[] = {"run.db",     "other.db", "fifo",        "old.db",  "new",
	                                    "foreign.db", "live.db",  "live.db-wal", "done.db", "here.db"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(names[i]);
	int result = chdir("/") == 0 && rmdir(*state) == 0 ? 0 : -1;
	free(*state);
	return result;
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_DIRECTORY(test_is_recording), IN_DIRECTORY(test_newest),      IN_DIRECTORY(test_newest_by_wal),
	    IN_DIRECTORY(test_none),         IN_DIRECTORY(test_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
