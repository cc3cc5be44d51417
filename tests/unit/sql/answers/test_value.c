/* SPDX-License-Identifier: Apache-2.0
 *
 * test_value.c - sizes, times, steps and regions as people type them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/answers/value.h"
#include "sql/base/units.h"

static void check(enum query_type type, const char *text, int64_t expected)
{
	struct query_value value = {0};
	const char *problem = value_parse(&value, type, text, 2000);

	if (problem)
		fail_msg("'%s' %s", text, problem);
	assert_int_equal(value.number, expected);
}

static void refuse(enum query_type type, const char *text)
{
	struct query_value value = {0};

	if (!value_parse(&value, type, text, 2000))
		fail_msg("'%s' was taken for %lld", text, (long long)value.number);
}

static void test_sizes(void **state)
{
	(void)state;
	check(QUERY_SIZE, "4096", 4096);
	check(QUERY_SIZE, "9223372036854775807", INT64_MAX);
	check(QUERY_SIZE, "1.5MiB", 1572864);
	check(QUERY_SIZE, "64K", 65536);
	check(QUERY_SIZE, "2 GB", 2000000000);
	check(QUERY_SIZE, "4mb", 4000000); /* as on the command line */
	check(QUERY_SIZE, "64kib", 65536);
	refuse(QUERY_SIZE, "");
	refuse(QUERY_SIZE, "-1");
	refuse(QUERY_SIZE, "1.5MiBs");
	refuse(QUERY_SIZE, "1e30");
	refuse(QUERY_SIZE, "nan");
}

static void test_times(void **state)
{
	(void)state;
	check(QUERY_TIME, "1500", 1500);
	check(QUERY_TIME, "1.5s", 1500000000);
	check(QUERY_TIME, "200ms", 200000000);
	check(QUERY_TIME, "30us", 30000);
	check(QUERY_TIME, "1min", 60000000000);
	check(QUERY_TIME, "2 H", 7200000000000);
	check(QUERY_TIME, "30%", 600);
	check(QUERY_TIME, "100%", 2000);
	refuse(QUERY_TIME, "101%");
	refuse(QUERY_TIME, "-5s");
	refuse(QUERY_TIME, "soon");
	refuse(QUERY_TIME, "%");
}

static void test_steps(void **state)
{
	int64_t first, last;

	(void)state;
	assert_null(parse_steps("7", &first, &last));
	assert_int_equal(first, 7);
	assert_int_equal(last, 7);
	assert_null(parse_steps("3..12", &first, &last));
	assert_int_equal(first, 3);
	assert_int_equal(last, 12);
	assert_non_null(parse_steps("12..3", &first, &last));
	assert_non_null(parse_steps("..3", &first, &last));
	assert_non_null(parse_steps("3..", &first, &last));
	assert_non_null(parse_steps("x", &first, &last));
	assert_non_null(parse_steps("-3", &first, &last));
	assert_non_null(parse_steps("-3..2", &first, &last));
}

static void test_regions(void **state)
{
	struct query_value value = {0};

	(void)state;
	assert_int_equal(region_number("l1_small", NULL), 3);
	assert_int_equal(region_number("HOST", NULL), 32);
	assert_int_equal(region_number("77", NULL), 77);
	assert_int_equal(region_number("nowhere", NULL), -1);
	assert_null(region_word(77));
	assert_null(value_parse(&value, QUERY_REGION, "dram", 0));
	assert_string_equal(value.text, "DRAM");
	refuse(QUERY_REGION, "L2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_regions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
