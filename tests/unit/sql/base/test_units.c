/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures for people, and what people type for figures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "sql/base/units.h"

static void test_bytes(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
	    {0, "0 B"},
	    {1023, "1023 B"},
	    {1024, "1.00 KiB"},
	    {1536, "1.50 KiB"},
	    {10 * 1024 - 1, "10.0 KiB"},
	    {102349, "100 KiB"}, /* 99.95 would be 100.0 with one digit */
	    {1023 * 1024, "1023 KiB"},
	    {1024 * 1024 - 1, "1.00 MiB"}, /* not 1024 KiB */
	    {1610612736, "1.50 GiB"},
	    {183397344, "175 MiB"},
	    {-1536, "-1.50 KiB"},
	    {INT64_MAX, "8.00 EiB"},
	    {INT64_MIN, "-8.00 EiB"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[UNITS_TEXT_MAX];
		units_bytes(text, cases[i].bytes);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_ns(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
	    {0, "0 ns"},
	    {999, "999 ns"},
	    {1000, "1.000 us"},
	    {12345678, "12.345 ms"},
	    {1500000000, "1.500 s"},
	    {59999999999, "59.999 s"},
	    {123456000000, "2m 03.456s"},
	    {3723000000000, "1h 02m 03s"},
	    {-1500, "-1.500 us"},
	    {INT64_MIN, "-2562047h 47m 16s"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[UNITS_TEXT_MAX];
		units_ns(text, cases[i].ns);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_ratio_and_real(void **state)
{
	char text[UNITS_TEXT_MAX];
	(void)state;
	units_ratio(text, 1 - 3382944.0 / 183397344.0);
	assert_string_equal(text, "98.2 %");
	units_real(text, 0.1);
	assert_string_equal(text, "0.1");
	units_real(text, 1.0 / 3);
	assert_string_equal(text, "0.3333333333333333");
	units_real(text, 2);
	assert_string_equal(text, "2.0");
	units_real(text, -1e300);
	assert_string_equal(text, "-1e+300");
}

static void test_column_units(void **state)
{
	(void)state;
	assert_int_equal(unit_of_column("size_bytes"), UNIT_BYTES);
	assert_int_equal(unit_of_column("bytes"), UNIT_BYTES);
	assert_int_equal(unit_of_column("megabytes"), UNIT_NONE);
	assert_int_equal(unit_of_column("at_ns"), UNIT_NS);
	assert_int_equal(unit_of_column("start_realtime_ns"), UNIT_NONE);
	assert_int_equal(unit_of_column("columns"), UNIT_NONE);
	assert_int_equal(unit_of_column("address"), UNIT_ADDRESS);
	assert_int_equal(unit_by_name("ratio"), UNIT_RATIO);
	assert_int_equal(unit_by_name(NULL), UNIT_NONE);
}

static void check_size(const char *text, int64_t expected)
{
	int64_t bytes = -1;
	assert_null(parse_size(text, &bytes));
	assert_int_equal(bytes, expected);
}

static void test_parse_size(void **state)
{
	static const char *const wrong[] = {
	    "", "x", "-1", "-1K", "1.5", "1Q", "1e3", "nan", "99999999999999999999", "9999999999T", "0x", " "};
	int64_t bytes;
	(void)state;
	check_size("4096", 4096);
	check_size("0x1000", 4096);
	check_size("64K", 65536);
	check_size("64kib", 65536);
	check_size("1.5GiB", 1610612736);
	check_size("1.50 GiB", 1610612736);
	check_size("2MB", 2000000);
	check_size("9223372036854775807", INT64_MAX);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_non_null(parse_size(wrong[i], &bytes));
}

static void check_moment(const char *text, int64_t expected)
{
	struct moment moment;
	assert_null(parse_moment(text, &moment));
	assert_false(moment.is_share);
	assert_int_equal(moment.ns, expected);
}

static void test_parse_moment(void **state)
{
	static const char *const wrong[] = {"",  "now", "-1s",         "-5", "1.5", "101%",
	                                    "%", "1s1", "1 fortnight", "--", "1e9"};
	struct moment moment;
	(void)state;
	check_moment("1500", 1500);
	check_moment("1500ns", 1500);
	check_moment("1.5s", 1500000000);
	check_moment("200ms", 200000000);
	check_moment("30us", 30000);
	check_moment("30\xc2\xb5s", 30000);
	check_moment("2m", 120000000000);
	check_moment("12.345 ms", 12345000);
	assert_null(parse_moment("30%", &moment));
	assert_true(moment.is_share && moment.share > 0.29 && moment.share < 0.31);
	assert_null(parse_moment("@after warm-up", &moment));
	assert_string_equal(moment.name, "after warm-up");
	assert_non_null(parse_moment("@", &moment));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_non_null(parse_moment(wrong[i], &moment));
}

static void test_parse_steps(void **state)
{
	static const char *const wrong[] = {
	    "", "a", "-1", "1..", "..3", "3..1", "1..2..3", "1.5", "00000000000000000000000000000000000001"};
	int64_t first, last;
	(void)state;
	assert_null(parse_steps("7", &first, &last));
	assert_true(first == 7 && last == 7);
	assert_null(parse_steps("3..9", &first, &last));
	assert_true(first == 3 && last == 9);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_non_null(parse_steps(wrong[i], &first, &last));
}

static void test_parse_integer(void **state)
{
	static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "1x", "1.0", "9223372036854775808", "0x"};
	int64_t number;
	(void)state;
	assert_null(parse_integer("-42", &number));
	assert_int_equal(number, -42);
	assert_null(parse_integer("0x10", &number));
	assert_int_equal(number, 16);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_non_null(parse_integer(wrong[i], &number));
}

static void test_parse_real(void **state)
{
	char long_text[400];
	double number;

	(void)state;
	assert_null(parse_real("-2.5", &number));
	assert_true(number == -2.5);
	memset(long_text, '1', sizeof(long_text));
	long_text[308] = '\0';
	assert_null(parse_real(long_text, &number));
	long_text[308] = '1';
	long_text[sizeof(long_text) - 1] = '\0';
	assert_non_null(parse_real(long_text, &number)); /* more than a double can be */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bytes),          cmocka_unit_test(test_ns),
	    cmocka_unit_test(test_ratio_and_real), cmocka_unit_test(test_column_units),
	    cmocka_unit_test(test_parse_size),     cmocka_unit_test(test_parse_moment),
	    cmocka_unit_test(test_parse_steps),    cmocka_unit_test(test_parse_integer),
	    cmocka_unit_test(test_parse_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
