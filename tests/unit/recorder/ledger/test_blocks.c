/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ledger.c - the blocks against a plain array, and what a million blocks cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "recorder/ledger/blocks.h"

#define USAGES 300u
#define ADDRESSES 40u
#define ALLOCATORS 4u
#define ROUNDS 200000

static uint64_t seed = 7;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static int64_t model[USAGES + 1][ADDRESSES];

static void count_block(void *context, const struct block *block)
{
	assert_int_equal(model[block->total][block->address / 4096 * ALLOCATORS + block->allocator], block->key);
	++*(uint32_t *)context;
}

/* The youngest of those at the address of PLACE, whatever their allocator. */
static int64_t youngest_in_model(uint32_t total, uint32_t place)
{
	int64_t youngest = 0;

	for (uint32_t i = 0; i < ALLOCATORS; i++) {
		int64_t key = model[total][place / ALLOCATORS * ALLOCATORS + i];

		youngest = key > youngest ? key : youngest;
	}
	return youngest;
}

static void test_against_array(void **state)
{
	struct blocks blocks = {0};
	uint32_t live = 0, seen = 0;

	(void)state;
	for (int64_t key = 1; key <= ROUNDS; key++) {
		uint32_t total = 1 + draw(USAGES), place = draw(ADDRESSES);
		struct block_place where = {
		    .total = total, .address = 4096ull * (place / ALLOCATORS), .allocator = place % ALLOCATORS};
		struct block *found = blocks_find(&blocks, &where), taken;
		struct block *youngest = blocks_find_youngest(&blocks, total, where.address);

		assert_int_equal(found ? found->key : 0, model[total][place]);
		assert_int_equal(youngest ? youngest->key : 0, youngest_in_model(total, place));
		assert_int_equal(blocks_take(&blocks, &where, &taken), model[total][place] != 0);
		if (model[total][place]) {
			assert_int_equal(taken.key, model[total][place]);
			model[total][place] = 0;
			live--;
		} else {
			blocks_add(&blocks, &where)->key = (uint64_t)key & BLOCK_KEY_BITS;
			model[total][place] = key;
			live++;
		}
		assert_int_equal(blocks_count(&blocks), live);
	}
	blocks_each(&blocks, count_block, &seen);
	assert_int_equal(seen, live);
	blocks_free(&blocks);
}

static void take_it(void *context, const struct block *block)
{
	struct block_place place = block_place(block);
	struct block taken;

	if (block->total == 2)
		assert_true(blocks_take(context, &place, &taken));
}

static void test_take_while_going_through(void **state)
{
	struct blocks blocks = {0};

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		blocks_add(&blocks, &(struct block_place){.total = 1 + i % 2, .address = 64ull * i})->key = i + 1;
	blocks_each(&blocks, take_it, &blocks);
	assert_int_equal(blocks_count(&blocks), 2500);
	assert_null(blocks_find(&blocks, &(struct block_place){.total = 2, .address = 64}));
	assert_non_null(blocks_find(&blocks, &(struct block_place){.total = 1}));
	blocks_free(&blocks);
}

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void test_memory(void **state)
{
	struct blocks blocks = {0};
	size_t before = in_use(), most = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++) {
		struct block *block =
		    blocks_add(&blocks, &(struct block_place){.total = 1 + i % 256, .address = 4096ull * (i / 256)});

		memset(block, 0x55, sizeof(*block));
		if (i % 1000 == 0 && in_use() > most)
			most = in_use();
	}
	assert_true(in_use() - before < 80u * 1000000);
	assert_true(most - before < 100u * 1000000);
	blocks_free(&blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_array),
	    cmocka_unit_test(test_take_while_going_through),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
