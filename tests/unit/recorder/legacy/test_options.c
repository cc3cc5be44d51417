/* SPDX-License-Identifier: Apache-2.0
 *
 * test_options.c - --poc-socket, whose path may be left out, be joined to it, or be the next word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/options.h"
#include "recorder/legacy/legacy.h"

#define PARSE(options, ...)                                                                                            \
	options_parse((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__, NULL}, options, \
	              &(int){0}, &(struct sql_error){""})

static void paths(void **state)
{
	struct recorder_options options;

	(void)state;
	assert_int_equal(PARSE(&options, "r", "--poc-socket", "-o", "f.db"), 0);
	assert_string_equal(options.legacy_socket, LEGACY_DEFAULT_PATH);
	assert_int_equal(options.mode, MODE_DAEMON);
	assert_int_equal(PARSE(&options, "r", "--poc-socket=/no/such/s", "-o", "f.db", "--log-events"), 0);
	assert_string_equal(options.legacy_socket, "/no/such/s");
	assert_true(options.log_events);
	assert_int_equal(PARSE(&options, "r", "--poc-socket", "/no/such/s", "-o", "f.db", "--", "ls"), 0);
	assert_string_equal(options.legacy_socket, "/no/such/s");
	assert_string_equal(options.output, "f.db");
	assert_string_equal(options.command[0], "ls");
	assert_int_equal(PARSE(&options, "r", "--poc-socket", "/bin/sh", "-c", "ls"), 0);
	assert_string_equal(options.legacy_socket, LEGACY_DEFAULT_PATH);
	assert_string_equal(options.command[0], "/bin/sh");
	assert_int_equal(PARSE(&options, "r", "--poc-socket", "ls"), 0);
	assert_string_equal(options.command[0], "ls");
}

static void mistakes(void **state)
{
	struct recorder_options options;

	(void)state;
	assert_int_equal(PARSE(&options, "r", "--poc-socket=", "ls"), -1);
	assert_int_equal(PARSE(&options, "r", "--log-events", "ls"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
