/* SPDX-License-Identifier: Apache-2.0
 *
 * test_options.c - the table of environment variables.
 */
#include "tests/unit/hook/harness.h"

#include "hook/base/options.h"

static void test_defaults(void **state)
{
	struct tta_options options = {0};

	(void)state;
	for (size_t i = 0; i < tta_option_count; i++)
		unsetenv(tta_option_table[i].name);
	tta_options_read(&options);
	assert_int_equal(options.spool_mib, 256);
	assert_int_equal(options.ring_events, 16384);
	assert_int_equal(options.full_wait_ms, 1000);
	assert_int_equal(options.lossless, 0);
	assert_int_equal(options.flush_ms, 100);
	assert_int_equal(options.verbose, 1);
	assert_false(tta_options_want_recording());
}

static uint32_t ring_events_of(const char *text)
{
	struct tta_options options = {0};

	setenv("TTALLOC_RING_EVENTS", text, 1);
	tta_options_read(&options);
	unsetenv("TTALLOC_RING_EVENTS");
	return options.ring_events;
}

static void test_limits_and_nonsense(void **state)
{
	(void)state;
	assert_int_equal(ring_events_of("100"), 100);
	assert_int_equal(ring_events_of("1"), 64);
	assert_int_equal(ring_events_of("99999999"), 1 << 20);
	assert_int_equal(ring_events_of("99999999999999999999999"), 1 << 20);
	assert_int_equal(ring_events_of(""), 16384);
	assert_int_equal(ring_events_of("-5"), 16384);
	assert_int_equal(ring_events_of(" 100"), 16384);
	assert_int_equal(ring_events_of("100k"), 16384);
}

static void test_every_row_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < tta_option_count; i++) {
		const struct tta_option *option = &tta_option_table[i];

		assert_non_null(strstr(option->name, "TT"));
		assert_non_null(option->unit);
		assert_true(strlen(option->default_text) > 0);
		assert_true(strlen(option->help) > 0);
		assert_true(option->field == TTA_OPTION_NO_FIELD || option->max > option->min);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_limits_and_nonsense),
	    cmocka_unit_test(test_every_row_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
