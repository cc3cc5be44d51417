/* SPDX-License-Identifier: Apache-2.0
 *
 * test_exposition.c - names of programs, which anybody chooses, stay within their label; what is not known is left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "analyze/metrics/exposition.h"
#include "ttalloc.h"

static char *exposed(const struct live *live, enum exposition format)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	exposition_write(out, live, format);
	fclose(out);
	return text;
}

static void test_names_stay_within_their_label(void **state)
{
	struct live_process process = {
	    .id = 1, .pid = 7, .command = "/opt/a\"} 1\nttalloc_live_bytes{\\\x1b[31m\xff arguments"};
	struct live_usage usage = {.process = 1, .device = 3, .region = TTALLOC_DRAM, .bytes = 42};
	struct live live = {.processes = &process, .process_count = 1, .usages = &usage, .usage_count = 1};
	char *text = exposed(&live, EXPOSITION_PROMETHEUS);
	(void)state;

	assert_non_null(
	    strstr(text, "ttalloc_process_live_bytes{device=\"3\",region=\"DRAM\",pid=\"7\",program=\"a\\\"}\"} 42\n"));
	assert_null(strstr(text, "\x1b"));
	free(text);
	process.command = "b\"\\\x1b\xff";
	text = exposed(&live, EXPOSITION_PROMETHEUS);
	assert_non_null(strstr(text, "program=\"b\\\"\\\\?\xef\xbf\xbd\"} 42\n"));
	free(text);
}

static void test_what_is_not_known_is_left_out(void **state)
{
	struct live_region regions[] = {
	    {.device = 0, .region = TTALLOC_DRAM, .bytes = 5, .free_bytes = -1, .largest_free_bytes = -1},
	    {.device = 0, .region = TTALLOC_L1, .capacity_bytes = 100, .free_bytes = 50, .largest_free_bytes = 25},
	    {.device = 0, .region = 77, .capacity_bytes = 100, .free_bytes = 0, .largest_free_bytes = 0},
	};
	struct live live = {.regions = regions, .region_count = 3};
	char *text = exposed(&live, EXPOSITION_OPENMETRICS);
	(void)state;

	assert_non_null(strstr(text, "ttalloc_live_bytes{device=\"0\",region=\"DRAM\"} 5\n"));
	assert_null(strstr(text, "ttalloc_free_bank_bytes{device=\"0\",region=\"DRAM\"}"));
	assert_null(strstr(text, "ttalloc_bank_size_bytes{device=\"0\",region=\"DRAM\"}"));
	assert_non_null(strstr(text, "ttalloc_fragmentation_ratio{device=\"0\",region=\"L1\"} 0.5\n"));
	assert_null(strstr(text, "ttalloc_fragmentation_ratio{device=\"0\",region=\"77\"}"));
	assert_non_null(strstr(text, "ttalloc_free_bank_bytes{device=\"0\",region=\"77\"} 0\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_stay_within_their_label),
	    cmocka_unit_test(test_what_is_not_known_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
