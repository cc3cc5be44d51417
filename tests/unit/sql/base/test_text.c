/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile strings on their way to a terminal, JSON and CSV.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/base/text.h"

static void check_terminal(const char *text, size_t bytes, const char *expected, size_t width)
{
	char out[256];
	assert_int_equal(text_terminal(out, sizeof out, text, bytes), width);
	assert_string_equal(out, expected);
	assert_int_equal(text_width(out), width);
}

static void test_terminal(void **state)
{
	(void)state;
	check_terminal("plain", 5, "plain", 5);
	check_terminal("a\tb\nc\rd", 7, "a\\tb\\nc\\rd", 10);
	check_terminal("\033[31m", 5, "\\x1b[31m", 8);
	check_terminal("nul\0in", 6, "nul\\x00in", 9);
	check_terminal("\x7f", 1, "\\x7f", 4);
	check_terminal("\xc2\x9b"
	               "2J",
	               4, "\\u009b2J", 8); /* C1: CSI in one character */
	check_terminal("a\xe2\x80\xae"
	               "b",
	               5, "a\\u202eb", 8); /* right-to-left override */
	check_terminal("\xe2\x81\xa6\xe2\x80\x8b", 6, "\\u2066\\u200b", 12);
	check_terminal("\xf3\xa0\x81\x81", 4, "\\U000e0041", 10); /* tag character */
	check_terminal("gr\xc3\xb6\xc3\x9f"
	               "e",
	               7,
	               "gr\xc3\xb6\xc3\x9f"
	               "e",
	               5);
	check_terminal("\xe6\xbc\xa2", 3, "\xe6\xbc\xa2", 2); /* wide */
	check_terminal("e\xcc\x81", 3, "e\xcc\x81", 1);       /* combining */
}

static void test_terminal_invalid(void **state)
{
	(void)state;
	check_terminal("\xff", 1, "\\xff", 4);
	check_terminal("\xc3", 1, "\\xc3", 4);                    /* cut off */
	check_terminal("\xc0\xaf", 2, "\\xc0\\xaf", 8);           /* overlong */
	check_terminal("\xed\xa0\x80", 3, "\\xed\\xa0\\x80", 12); /* surrogate */
	check_terminal("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80", 16);
	check_terminal("\x80"
	               "a",
	               2,
	               "\\x80"
	               "a",
	               5);
}

static void test_terminal_bounds(void **state)
{
	char text[300], out[300];
	(void)state;
	memset(text, '\033', sizeof text);
	for (size_t size = 8; size < 64; size++) {
		out[size] = 'X';
		text_terminal(out, size, text, sizeof text);
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], 'X');
	}
}

static void check_shorten(const char *text, size_t width, const char *expected)
{
	char copy[128];
	strcpy(copy, text);
	text_shorten(copy, width);
	assert_string_equal(copy, expected);
	assert_true(text_width(copy) <= width);
}

static void test_shorten(void **state)
{
	(void)state;
	check_shorten("model/layer.3/attention", 30, "model/layer.3/attention");
	check_shorten("model/layer.3/attention", 11, "mod\xe2\x80\xa6tention");
	check_shorten("abcdef", 6, "abcdef");
	check_shorten("abcdefghij", 5, "a\xe2\x80\xa6hij");
}

/* Whatever the width and the characters, the result fits and stays UTF-8. */
static void test_shorten_any(void **state)
{
	(void)state;
	for (size_t width = 1; width < 24; width++) {
		char text[] = "a\xe6\xbc\xa2"
		              "b\xe6\xbc\xa2\xe6\xbc\xa2"
		              "c\xc3\xb6"
		              "d\xe6\xbc\xa2"
		              "e\xcc\x81"
		              "f";
		text_shorten(text, width);
		assert_true(text_width(text) <= width);
		for (size_t at = 0, bytes = strlen(text); at < bytes;) {
			int32_t code;
			at += text_decode(text + at, bytes - at, &code);
			assert_int_not_equal(code, TEXT_INVALID);
		}
	}
}

typedef void (*encoder)(FILE *out, const char *text, size_t bytes);

static void check_encoded(encoder encode, const char *text, size_t bytes, const char *expected)
{
	char *out;
	size_t size;
	FILE *stream = open_memstream(&out, &size);
	encode(stream, text, bytes);
	fclose(stream);
	assert_string_equal(out, expected);
	free(out);
}

static void test_json(void **state)
{
	(void)state;
	check_encoded(text_json, "", 0, "\"\"");
	check_encoded(text_json, "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
	check_encoded(text_json, "\n\t\r\033\0", 5, "\"\\n\\t\\u000d\\u001b\\u0000\"");
	check_encoded(text_json,
	              "\xff"
	              "a",
	              2,
	              "\"\xef\xbf\xbd"
	              "a\"");
	check_encoded(text_json, "\xe2\x80\xae", 3, "\"\\u202e\"");
	check_encoded(text_json, "\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\"");
	check_encoded(text_json, "</script>", 9, "\"\\u003c/script\\u003e\"");
	check_encoded(text_json, "gr\xc3\xb6", 4, "\"gr\xc3\xb6\"");
}

static void test_csv(void **state)
{
	(void)state;
	check_encoded(text_csv, "plain", 5, "plain");
	check_encoded(text_csv, "", 0, "\"\"");
	check_encoded(text_csv, "a,b", 3, "\"a,b\"");
	check_encoded(text_csv, "a\"b", 3, "\"a\"\"b\"");
	check_encoded(text_csv, "a\nb", 3, "\"a\nb\"");
	check_encoded(text_csv, "a\033b", 3, "a\\x1bb");
	check_encoded(text_csv, "\xfe", 1, "\xef\xbf\xbd");
}

static void test_csv_formula(void **state)
{
	(void)state;
	check_encoded(text_csv, "=1+1", 4, "\"'=1+1\"");
	check_encoded(text_csv, "=cmd|' /C calc'!A0", 18, "\"'=cmd|' /C calc'!A0\"");
	check_encoded(text_csv, "+1", 2, "\"'+1\"");
	check_encoded(text_csv, "-1", 2, "\"'-1\"");
	check_encoded(text_csv, "@SUM(A1)", 8, "\"'@SUM(A1)\"");
	check_encoded(text_csv, "\t=1", 3, "\"'\t=1\"");
	check_encoded(text_csv, "\r=1", 3, "\"'\\r=1\"");
	check_encoded(text_csv,
	              "\xef\xbc\x9d"
	              "1",
	              4,
	              "\"'\xef\xbc\x9d"
	              "1\""); /* fullwidth = */
	check_encoded(text_csv, "a=1", 3, "a=1");
}

static int use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") == NULL ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_terminal),
	    cmocka_unit_test(test_terminal_invalid),
	    cmocka_unit_test(test_terminal_bounds),
	    cmocka_unit_test(test_shorten),
	    cmocka_unit_test(test_shorten_any),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_csv),
	    cmocka_unit_test(test_csv_formula),
	};
	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
