/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ledger.c - the ledger against a plain array, and what a million blocks cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "recorder/ledger/ledger.h"

#define USAGES 300u
#define ADDRESSES 40u
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
	assert_int_equal(model[block->usage][block->address / 4096], block->key);
	++*(uint32_t *)context;
}

static void test_against_array(void **state)
{
	struct ledger ledger = {0};
	uint32_t live = 0, seen = 0;

	(void)state;
	for (int64_t key = 1; key <= ROUNDS; key++) {
		uint32_t usage = 1 + draw(USAGES), place = draw(ADDRESSES);
		uint64_t address = 4096ull * place;
		struct block *found = ledger_find(&ledger, usage, address), taken;

		assert_int_equal(found ? found->key : 0, model[usage][place]);
		assert_int_equal(ledger_take(&ledger, usage, address, &taken), model[usage][place] != 0);
		if (model[usage][place]) {
			assert_int_equal(taken.key, model[usage][place]);
			model[usage][place] = 0;
			live--;
		} else {
			ledger_add(&ledger, usage, address)->key = key;
			model[usage][place] = key;
			live++;
		}
		assert_int_equal(ledger_count(&ledger), live);
	}
	ledger_each(&ledger, count_block, &seen);
	assert_int_equal(seen, live);
	ledger_free(&ledger);
}

static void take_it(void *context, const struct block *block)
{
	struct block taken;

	if (block->usage == 2)
		assert_true(ledger_take(context, block->usage, block->address, &taken));
}

static void test_take_while_going_through(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		ledger_add(&ledger, 1 + i % 2, 64ull * i)->key = i + 1;
	ledger_each(&ledger, take_it, &ledger);
	assert_int_equal(ledger_count(&ledger), 2500);
	assert_null(ledger_find(&ledger, 2, 64));
	assert_non_null(ledger_find(&ledger, 1, 0));
	ledger_free(&ledger);
}

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void test_memory(void **state)
{
	struct ledger ledger = {0};
	size_t before = in_use(), most = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++) {
		struct block *block = ledger_add(&ledger, 1 + i % 256, 4096ull * (i / 256));

		memset(block, 0x55, sizeof(*block));
		if (i % 1000 == 0 && in_use() > most)
			most = in_use();
	}
	assert_true(in_use() - before < 80u * 1000000);
	assert_true(most - before < 100u * 1000000);
	ledger_free(&ledger);
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
