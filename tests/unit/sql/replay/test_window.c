/* SPDX-License-Identifier: Apache-2.0
 *
 * test_window.c - the cheapest window, against all windows of random banks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sql/replay/window.h"

#define BANK 64u
#define BASE 32u
#define BLOCKS 16u

static struct window cost_at(const struct bank_block *blocks, size_t count, uint64_t address, uint64_t bytes)
{
	struct window window = {.address = address};

	for (size_t i = 0; i < count; i++) {
		if (blocks[i].address >= address + bytes || blocks[i].address + blocks[i].bytes <= address)
			continue;
		window.eviction_bytes += blocks[i].bytes;
		window.eviction_blocks++;
	}
	return window;
}

static int by_address(const void *a, const void *b)
{
	const struct bank_block *first = a, *second = b;

	return (first->address > second->address) - (first->address < second->address);
}

/* Random blocks, that overlap in one of four banks. */
static size_t make_blocks(unsigned *seed, struct bank_block *blocks)
{
	size_t count = (size_t)rand_r(seed) % (BLOCKS + 1), kept = 0;
	bool overlap = rand_r(seed) % 4 == 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t address = BASE + (uint64_t)rand_r(seed) % BANK;

		blocks[i] = (struct bank_block){address, 1 + (uint64_t)rand_r(seed) % 6};
		if (address + blocks[i].bytes > BASE + BANK)
			blocks[i].bytes = BASE + BANK - address;
	}
	qsort(blocks, count, sizeof(*blocks), by_address);
	for (size_t i = 0; i < count; i++)
		if (overlap || kept == 0 || blocks[i].address >= blocks[kept - 1].address + blocks[kept - 1].bytes)
			blocks[kept++] = blocks[i];
	return kept;
}

static void check_random(unsigned seed)
{
	struct bank_block blocks[BLOCKS];
	size_t count = make_blocks(&seed, blocks);
	uint64_t bytes = 1 + (uint64_t)rand_r(&seed) % BANK;
	struct window_space space = {BASE, BASE + BANK, rand_r(&seed) % 2 == 0};
	struct window best = {0}, found;

	for (uint64_t at = BASE; at + bytes <= BASE + BANK; at++) {
		struct window window = cost_at(blocks, count, at, bytes);

		if (at == BASE || window.eviction_bytes < best.eviction_bytes ||
		    (window.eviction_bytes == best.eviction_bytes && window.eviction_blocks < best.eviction_blocks))
			best = window;
	}
	assert_int_equal(window_find(&space, blocks, count, bytes, &found), 1);
	assert_int_equal(found.eviction_bytes, best.eviction_bytes);
	assert_int_equal(found.eviction_blocks, best.eviction_blocks);
	best = cost_at(blocks, count, found.address, bytes);
	assert_int_equal(found.eviction_bytes, best.eviction_bytes);
	assert_true(found.address >= BASE && found.address + bytes <= BASE + BANK);
}

static void finds_the_cheapest_of_all(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20000; seed++)
		check_random(seed);
}

static void takes_the_side_from_which_blocks_are_placed(void **state)
{
	const struct bank_block blocks[] = {{40, 10}};
	struct window window;

	(void)state;
	assert_int_equal(window_find(&(struct window_space){30, 60, true}, blocks, 1, 10, &window), 1);
	assert_int_equal(window.address, 50);
	assert_int_equal(window_find(&(struct window_space){30, 60, false}, blocks, 1, 10, &window), 1);
	assert_int_equal(window.address, 30);
}

static void has_none_larger_than_the_bank(void **state)
{
	struct window window;

	(void)state;
	assert_int_equal(window_find(&(struct window_space){30, 60, true}, NULL, 0, 31, &window), 0);
	assert_int_equal(window_find(&(struct window_space){30, 60, true}, NULL, 0, UINT64_MAX, &window), 0);
	assert_int_equal(window_find(&(struct window_space){30, 60, true}, NULL, 0, 30, &window), 1);
	assert_int_equal(window.eviction_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_the_cheapest_of_all),
	    cmocka_unit_test(takes_the_side_from_which_blocks_are_placed),
	    cmocka_unit_test(has_none_larger_than_the_bank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
