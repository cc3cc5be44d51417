/* SPDX-License-Identifier: Apache-2.0
 *
 * test_clock.c - the map from ticks to nanoseconds: never backwards, close to the truth, the same after a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "recorder/serve/clock.h"

#define START_NS 5000000000ull
#define NEAR_NS 2000 /* how far jittered anchors may lead the map astray, once it has settled */

static const struct clock_origin tsc = {.clock = TTA_CLOCK_TSC, .anchor = {.ticks = 1000, .monotonic_ns = 1000}};

/* A machine of 2.5 ticks per ns. */
static struct clock_reading true_reading(uint64_t ns)
{
	return (struct clock_reading){.ticks = 77 + ns * 5 / 2, .monotonic_ns = ns};
}

/* The same, read with up to a microsecond between the clocks. */
static struct clock_reading jittered(uint64_t ns)
{
	struct clock_reading reading = true_reading(ns);

	reading.monotonic_ns += (uint64_t)(rand() % 1000);
	return reading;
}

static void never_goes_back(void **state)
{
	struct clock_map *map = clock_map_new(START_NS);
	uint64_t last_ns = 0;

	(void)state;
	srand(1);
	for (uint64_t ns = START_NS; ns < START_NS + 20000000000ull; ns += 1 + (uint64_t)(rand() % 3000000)) {
		uint64_t at_ns;

		if (rand() % 20 == 0)
			clock_map_advance(map, jittered(ns));
		at_ns = clock_map_convert(map, &tsc, true_reading(ns).ticks);
		assert_true(at_ns >= last_ns);
		last_ns = at_ns;
	}
	clock_map_free(map);
}

static void is_close_and_stays_what_it_was(void **state)
{
	enum { SAMPLES = 20000 };
	struct clock_map *map = clock_map_new(START_NS), *again = clock_map_new(START_NS);
	uint64_t *ticks = calloc(SAMPLES, sizeof(*ticks)), *first = calloc(SAMPLES, sizeof(*first));
	struct clock_reading nodes[4];
	size_t count;

	(void)state;
	srand(2);
	for (size_t i = 0; i < SAMPLES; i++) {
		uint64_t ns = START_NS + i * 1000000;

		clock_map_advance(map, jittered(ns));
		ticks[i] = true_reading(ns).ticks;
		first[i] = clock_map_convert(map, &tsc, ticks[i]);
		if (i > 3000)
			assert_in_range(first[i] + NEAR_NS, i * 1000000, i * 1000000 + 2 * NEAR_NS);
	}
	while ((count = clock_map_take_new(map, nodes, 4)))
		for (size_t i = 0; i < count; i++)
			clock_map_restore(again, nodes[i]);
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(clock_map_convert(map, &tsc, ticks[i]), first[i]);
		assert_int_equal(clock_map_convert(again, &tsc, ticks[i]), first[i]);
	}
	free(ticks);
	free(first);
	clock_map_free(map);
	clock_map_free(again);
}

static void a_claim_of_the_future_is_cut(void **state)
{
	static const struct clock_origin monotonic = {.clock = TTA_CLOCK_MONOTONIC_NS};
	struct clock_map *map = clock_map_new(START_NS);

	(void)state;
	clock_map_advance(map, true_reading(START_NS));
	clock_map_advance(map, true_reading(START_NS + 2000000));
	assert_in_range(clock_map_convert(map, &tsc, UINT64_MAX), 0, 2000000000);
	assert_in_range(clock_map_convert(map, &monotonic, UINT64_MAX), 0, 2000000000);
	assert_int_equal(clock_map_convert(map, &monotonic, START_NS + 1234), 1234);
	assert_int_equal(clock_map_convert(map, &monotonic, 3), 0);
	clock_map_free(map);
}

/* A program that was there before the recorder: its own anchor tells the rate. */
static void before_the_first_node_the_clients_anchor_counts(void **state)
{
	struct clock_map *map = clock_map_new(START_NS);
	struct clock_origin origin = {.clock = TTA_CLOCK_TSC, .anchor = true_reading(START_NS + 1000000)};
	struct clock_origin absurd = {.clock = TTA_CLOCK_TSC, .anchor = {UINT64_MAX, UINT64_MAX}};

	(void)state;
	clock_map_advance(map, true_reading(START_NS + 9000000000));
	assert_in_range(clock_map_convert(map, &origin, true_reading(START_NS + 4000000000).ticks), 4000000000 - 10,
	                4000000000 + 10);
	assert_int_equal(clock_map_convert(map, &origin, 5), 1000000);
	assert_int_equal(clock_map_convert(map, &absurd, 5), 9000000000);
	clock_map_free(map);
}

/* The recorder was stopped for a minute: what happened meanwhile lies on one line. */
static void a_gap_is_bridged(void **state)
{
	struct clock_map *map = clock_map_new(START_NS);

	(void)state;
	for (uint64_t ms = 0; ms < 3000; ms += 50)
		clock_map_advance(map, true_reading(START_NS + ms * 1000000));
	clock_map_advance(map, true_reading(START_NS + 63000000000));
	assert_in_range(clock_map_convert(map, &tsc, true_reading(START_NS + 33000000000).ticks), 33000000000 - 1000,
	                33000000000 + 1000);
	clock_map_free(map);
}

static void the_real_clocks_agree(void **state)
{
	struct clock_map *map = clock_map_new(0);
	struct clock_reading now;
	uint64_t at_ns;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct clock_origin origin = {.clock = clock_has_ticks() ? TTA_CLOCK_TSC : TTA_CLOCK_MONOTONIC_NS};

		clock_map_advance(map, clock_read());
		now = clock_read();
		at_ns = clock_map_convert(map, &origin, now.ticks);
		if (i > 10)
			assert_in_range(at_ns + 1000000, now.monotonic_ns, now.monotonic_ns + 2000000);
	}
	clock_map_free(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(never_goes_back),
	    cmocka_unit_test(is_close_and_stays_what_it_was),
	    cmocka_unit_test(a_claim_of_the_future_is_cut),
	    cmocka_unit_test(before_the_first_node_the_clients_anchor_counts),
	    cmocka_unit_test(a_gap_is_bridged),
	    cmocka_unit_test(the_real_clocks_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
