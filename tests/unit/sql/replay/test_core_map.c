/* SPDX-License-Identifier: Apache-2.0
 *
 * test_core_map.c - how full the fullest core is, against counting core by core.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sql/replay/core_map.h"

#define SIDE 12

static void test_text(void **state)
{
	static const char *const unknown[] = {
	    "", "[]", "[[1,2,3]]", "[[1,2,3,4]", "[[1,2,3,4]]x", "[[1,2,3,65536]]", "[[1, 2,3,4]]", "[[1,2,3,4],]"};
	struct cores cores;
	char text[CORES_TEXT];

	(void)state;
	cores_parse(&cores, "[[0,1,2,3],[65535,0,65535,7]]");
	assert_int_equal(cores.count, 2);
	assert_int_equal(cores.ranges[1].x0, 65535);
	assert_int_equal(cores_format(&cores, text), strlen("[[0,1,2,3],[65535,0,65535,7]]"));
	assert_string_equal(text, "[[0,1,2,3],[65535,0,65535,7]]");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		cores_parse(&cores, unknown[i]);
		assert_int_equal(cores.count, 0);
	}
	cores_parse(&cores, NULL);
	assert_int_equal(cores_format(&cores, text), 0);
	assert_string_equal(text, "");
}

static void test_longest_text(void **state)
{
	struct cores cores = {.count = CORE_RANGES_MOST}, again;
	char text[CORES_TEXT];

	(void)state;
	for (size_t i = 0; i < cores.count; i++)
		cores.ranges[i] = (struct core_range){65535, 65535, 65535, 65535};
	assert_true(cores_format(&cores, text) < sizeof(text));
	cores_parse(&again, text);
	assert_int_equal(again.count, CORE_RANGES_MOST);
	assert_false(cores_are_clear(&again)); /* they share cores */
}

static uint16_t random_below(unsigned *seed, unsigned bound)
{
	return (uint16_t)((unsigned)rand_r(seed) % bound);
}

/* Up to three ranges that share no core. */
static struct cores random_cores(unsigned *seed)
{
	struct cores cores = {.count = 1u + random_below(seed, 3)};

	do {
		for (size_t i = 0; i < cores.count; i++) {
			uint16_t x = random_below(seed, SIDE), y = random_below(seed, SIDE);

			cores.ranges[i] = (struct core_range){x, y, (uint16_t)(x + random_below(seed, SIDE - x)),
			                                      (uint16_t)(y + random_below(seed, SIDE - y))};
		}
	} while (!cores_are_clear(&cores));
	return cores;
}

static void fill(int64_t core[SIDE][SIDE], const struct cores *cores, int64_t bytes)
{
	for (size_t i = 0; i < cores->count; i++)
		for (unsigned y = cores->ranges[i].y0; y <= cores->ranges[i].y1; y++)
			for (unsigned x = cores->ranges[i].x0; x <= cores->ranges[i].x1; x++)
				core[y][x] += bytes;
}

static void take_from(const struct core_cell *cell, void *context)
{
	fill(context, &(struct cores){.ranges = {cell->range}, .count = 1}, -cell->bytes);
}

static void test_against_every_core(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		int64_t core[SIDE][SIDE] = {0}, most = 0;
		struct core_map map = {0};
		struct core_cell fullest;

		for (int owner = 0; owner < 8; owner++) {
			struct cores cores = random_cores(&seed);
			int64_t bytes = 1 + random_below(&seed, 1000);

			assert_int_equal(core_map_add(&map, &cores, owner, bytes), CORE_MAP_ADDED);
			if (owner % 3)
				fill(core, &cores, bytes);
			else
				core_map_remove(&map, owner);
		}
		for (unsigned i = 0; i < SIDE * SIDE; i++)
			most = core[i / SIDE][i % SIDE] > most ? core[i / SIDE][i % SIDE] : most;
		assert_int_equal(core_map_fullest(&map, &fullest), 0);
		assert_int_equal(fullest.bytes, most);
		assert_int_equal(core[fullest.range.y1][fullest.range.x1], most);
		assert_int_equal(core_map_each(&map, take_from, core), 0);
		for (unsigned i = 0; i < SIDE * SIDE; i++)
			assert_int_equal(core[i / SIDE][i % SIDE], 0);
		core_map_clear(&map);
	}
}

/* Ranges of any size are no more work than small ones, and what would be too much is not taken. */
static void test_bounds(void **state)
{
	struct cores all = {.ranges = {{0, 0, 65535, 65535}}, .count = 1},
	             inside_out = {.ranges = {{3, 0, 2, 0}}, .count = 1};
	struct core_map map = {0};
	struct core_cell fullest;
	int64_t added = 1;

	(void)state;
	assert_int_equal(core_map_add(&map, &all, 1, 10), CORE_MAP_ADDED);
	assert_int_equal(core_map_add(&map, &inside_out, 2, 10), CORE_MAP_NO_ROOM);
	for (uint16_t i = 0; i < 1000; i++)
		added += core_map_add(&map, &(struct cores){.ranges = {{i, i, i, i}}, .count = 1}, 3 + i, 1);
	assert_true(added > 20 && added < CORE_MAP_SIDE);
	assert_int_equal(map.count, added);
	assert_int_equal(core_map_fullest(&map, &fullest), 0);
	assert_int_equal(fullest.bytes, 11);
	for (int64_t i = 0; i < CORE_MAP_LOADS; i++)
		added += core_map_add(&map, &all, 5000 + i, 1);
	assert_int_equal(added, CORE_MAP_LOADS);
	core_map_clear(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_longest_text),
	    cmocka_unit_test(test_against_every_core),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
