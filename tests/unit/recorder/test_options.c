/* SPDX-License-Identifier: Apache-2.0
 *
 * test_options.c - the command line, and the names of files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder/options.h"
#include "recorder/output.h"

#define PARSE(options, status, error, ...)                                                                             \
	options_parse((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__, NULL}, options, \
	              status, error)

static void modes(void **state)
{
	struct recorder_options options;
	struct sql_error error;
	int status;

	(void)state;
	assert_int_equal(PARSE(&options, &status, &error, "r", "-o", "f.db", "--", "ls", "-l"), 0);
	assert_int_equal(options.mode, MODE_WRAP);
	assert_string_equal(options.output, "f.db");
	assert_int_equal(PARSE(&options, &status, &error, "r", "ls", "-o", "x"), 0);
	assert_int_equal(options.mode, MODE_WRAP);
	assert_null(options.output);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--socket=/s", "-of", "-q"), 0);
	assert_int_equal(options.mode, MODE_DAEMON);
	assert_true(options.quiet);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--append", "-o", "f.db"), 0);
	assert_int_equal(options.mode, MODE_DAEMON);
	assert_true(options.append);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--env"), 0);
	assert_int_equal(options.mode, MODE_ENV);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--help"), 0);
	assert_int_equal(options.mode, MODE_HELP);
	assert_int_equal(PARSE(&options, &status, &error, "r", "-V"), 0);
	assert_int_equal(options.mode, MODE_VERSION);
}

/* Each wrong line fails with the status given. */
static void wrong_usage(void **state)
{
	struct recorder_options options;
	struct sql_error error;
	int status;

	(void)state;
	assert_int_equal(PARSE(&options, &status, &error, "r"), -1);
	assert_int_equal(status, STATUS_USAGE);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--bogus"), -1);
	assert_int_equal(status, STATUS_USAGE);
	assert_non_null(strstr(error.text, "--bogus"));
	assert_int_equal(PARSE(&options, &status, &error, "r", "--bogus", "ls"), -1);
	assert_int_equal(status, STATUS_NOT_STARTED);
	assert_int_equal(PARSE(&options, &status, &error, "r", "-Z", "ls"), -1);
	assert_non_null(strstr(error.text, "-Z"));
	assert_int_equal(PARSE(&options, &status, &error, "r", "-o"), -1);
	assert_int_equal(status, STATUS_USAGE);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--append", "ls"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--append", "--force", "-o", "x"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--host-malloc", "-o", "x"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--env", "ls"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "-o", "", "ls"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--commit-ms=0", "ls"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--commit-ms=-5", "ls"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--commit-ms=10001", "ls"), -1);
	assert_int_equal(PARSE(&options, &status, &error, "r", "--commit-ms=10x", "ls"), -1);
}

static void names(void **state)
{
	struct sql_error error;
	char path[64];
	struct job none = {.rank = -1}, job = {.name = "train/7", .rank = 3};
	struct output_words words = {12, "ho/st", 0, &none}, of_job = {12, "host", 0, &job};

	(void)state;
	assert_int_equal(output_expand("a/%p-%h%%.db", &words, path, sizeof(path), &error), 0);
	assert_string_equal(path, "a/12-ho_st%.db");
	assert_int_equal(output_expand("%t", &words, path, sizeof(path), &error), 0);
	assert_int_equal(strlen(path), strlen("19700101T000000"));
	assert_int_equal(output_expand("%x", &words, path, sizeof(path), &error), -1);
	assert_int_equal(output_expand("100%", &words, path, sizeof(path), &error), -1);
	words.host = "0123456789";
	assert_int_equal(output_expand("%h", &words, path, 8, &error), -1);
	assert_int_equal(output_expand("%j-%r.db", &of_job, path, sizeof(path), &error), 0);
	assert_string_equal(path, "train_7-3.db");
	assert_int_equal(output_expand("%r.db", &words, path, sizeof(path), &error), -1);
	assert_non_null(strstr(error.text, "TTALLOC_RANK"));
	assert_int_equal(output_expand("%j.db", &words, path, sizeof(path), &error), -1);
	assert_non_null(strstr(error.text, "TTALLOC_JOB"));
	output_default_name("/usr/bin/python3", 7, path, sizeof(path));
	assert_string_equal(path, "ttalloc-python3-7.db");
	output_default_name(NULL, 7, path, sizeof(path));
	assert_string_equal(path, "ttalloc-recorder-7.db");
}

/* What a client calls itself is said with --verbose. */
static void what_drives_a_terminal_is_not_said(void **state)
{
	char said[256] = "";
	int ends[2], stderr_copy = dup(STDERR_FILENO);

	(void)state;
	say_program("ttalloc-recorder");
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	say("%s", "a\033[2Jb\nc\177d\xc2\x9b"
	          "e\xc3\xa9 \xe2\x80\xae"
	          "f\xe2\x81\xa6"
	          "g\xff"); /* U+202E, U+2066 */
	dup2(stderr_copy, STDERR_FILENO);
	close(stderr_copy);
	close(ends[1]);
	assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
	close(ends[0]);
	assert_string_equal(said, "ttalloc-recorder: a\\x1b[2Jb\\nc\\x7fd\\u009be\xc3\xa9 \\u202ef\\u2066g\\xff\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(modes),
	    cmocka_unit_test(wrong_usage),
	    cmocka_unit_test(names),
	    cmocka_unit_test(what_drives_a_terminal_is_not_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
