/* SPDX-License-Identifier: Apache-2.0
 *
 * test_bank.c - what is free in a bank: cases from the field, and random ones against a map of every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/replay/bank.h"

#define MAP_BYTES 512u

static double external_fragmentation(const struct bank_figures *figures)
{
	return 1 - (double)figures->largest_free_bytes / (double)figures->free_bytes;
}

/* A bank of which FREE_BYTES are free, in pieces of at most LARGEST_BYTES with one used byte between. */
static void check_case(int64_t free_bytes, int64_t largest_bytes, double expected)
{
	struct bank bank = {.is_stale = false};
	struct bank_figures figures;
	uint64_t at = 32;

	for (int64_t left = free_bytes; left > 0; left -= largest_bytes) {
		at += (uint64_t)(left < largest_bytes ? left : largest_bytes);
		assert_int_equal(bank_change(&bank, at, 1, true), 0);
		at++;
	}
	struct bank_layout layout = {.base_address = 32, .bank_bytes = at - 32};
	assert_int_equal(bank_measure(&bank, &layout, (uint64_t)largest_bytes + 1, &figures), 0);
	assert_int_equal(figures.free_bytes, free_bytes);
	assert_int_equal(figures.largest_free_bytes, largest_bytes);
	assert_int_equal(figures.fitting_bytes, 0);
	assert_true(external_fragmentation(&figures) > expected - 0.0005);
	assert_true(external_fragmentation(&figures) < expected + 0.0005);
	bank_clear(&bank);
}

static void test_cases_from_the_field(void **state)
{
	(void)state;
	check_case(183397344, 3382944, 0.982);
	check_case(912096, 522240, 0.427);
}

static void measure_map(const unsigned char *used, uint64_t fitting_bytes, struct bank_figures *figures)
{
	*figures = (struct bank_figures){0};
	for (uint64_t at = 0; at < MAP_BYTES;) {
		uint64_t end = at;

		while (end < MAP_BYTES && used[end] == used[at])
			end++;
		int64_t bytes = (int64_t)(end - at);
		if (used[at]) {
			figures->used_bytes += bytes;
		} else {
			figures->free_bytes += bytes;
			figures->free_blocks++;
			figures->largest_free_bytes =
			    bytes > figures->largest_free_bytes ? bytes : figures->largest_free_bytes;
			figures->fitting_bytes += end - at >= fitting_bytes ? bytes : 0;
		}
		at = end;
	}
}

/* Blocks may overlap: those of two processes, or what a double allocation left. */
static void test_random(void **state)
{
	struct bank bank = {.is_stale = false};
	struct bank_block blocks[24];
	unsigned char used[MAP_BYTES];
	const struct bank_layout layout = {.base_address = 1000, .bank_bytes = MAP_BYTES};
	size_t count = 0;

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		if (count < 24 && random() % 2) {
			blocks[count] = (struct bank_block){(uint64_t)random() % 600 + 950, (uint64_t)random() % 40};
			bank_change(&bank, blocks[count].address, blocks[count].bytes, true);
			count++;
		} else if (count > 0) {
			size_t gone = (size_t)random() % count;

			bank_change(&bank, blocks[gone].address, blocks[gone].bytes, false);
			blocks[gone] = blocks[--count];
		}
		if (bank.is_stale || random() % 300 == 0) {
			bank_refill(&bank);
			for (size_t i = 0; i < count; i++)
				bank_refill_add(&bank, blocks[i].address, blocks[i].bytes);
		}
		if (random() % 8)
			continue;
		struct bank_figures figures, expected;
		uint64_t fitting_bytes = (uint64_t)random() % 100;
		memset(used, 0, sizeof(used));
		for (size_t i = 0; i < count; i++)
			for (uint64_t at = blocks[i].address; at < blocks[i].address + blocks[i].bytes; at++)
				if (at >= 1000 && at < 1000 + MAP_BYTES)
					used[at - 1000] = 1;
		measure_map(used, fitting_bytes, &expected);
		assert_int_equal(bank_measure(&bank, &layout, fitting_bytes, &figures), 0);
		assert_memory_equal(&figures, &expected, sizeof(figures));
	}
	bank_clear(&bank);
}

static void test_impossible_blocks(void **state)
{
	struct bank bank = {.is_stale = false};
	const struct bank_layout layout = {.base_address = 0, .bank_bytes = 100};
	struct bank_figures figures;

	(void)state;
	bank_change(&bank, UINT64_MAX - 1, UINT64_MAX, true);
	bank_change(&bank, 10, UINT64_MAX, true);
	assert_int_equal(bank_measure(&bank, &layout, 0, &figures), 0);
	assert_int_equal(figures.free_bytes, 10);
	assert_int_equal(figures.used_bytes, 90);
	bank_clear(&bank);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases_from_the_field),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_impossible_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
