/* SPDX-License-Identifier: Apache-2.0
 *
 * Which blocks a picture keeps of many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sql/answers/draw/keep.h"

#define PARTS 10

static struct kept_block block(int64_t key, int64_t bytes)
{
	return (struct kept_block){.key = key, .alloc_ns = key, .end_ns = key + 1, .bank_bytes = bytes, .freed = true};
}

static bool has(const struct kept_block *blocks, size_t count, int64_t key)
{
	for (size_t i = 0; i < count; i++)
		if (blocks[i].key == key)
			return true;
	return false;
}

static void test_all_of_few(void **state)
{
	struct keep *keep = keep_new(100, PARTS);
	size_t count;

	(void)state;
	for (int64_t key = 100; key >= 1; key--)
		assert_int_equal(keep_block(keep, &(struct kept_block){.key = key, .alloc_ns = key}, 1, 0, true), 0);
	const struct kept_block *blocks = keep_blocks(keep, &count);
	assert_int_equal(count, 100);
	for (size_t i = 0; i < count; i++) /* once each, by time */
		assert_int_equal(blocks[i].key, i + 1);
	keep_free(keep);
}

/* What is large for long, what mattered, in each part what was large there, and what was never freed, among a flood of
 * small ones. */
static void test_what_matters_of_many(void **state)
{
	struct keep *keep = keep_new(100, PARTS);
	size_t count;

	(void)state;
	for (int64_t key = 1; key <= 100000; key++) {
		int64_t part = (key - 1) / 10000;
		struct kept_block one = block(key, 100 + key % 7);
		double area = 100;

		if (key == 77) /* small, and live at the peak */
			one.bank_bytes = 1;
		if (key == 5000)
			area = 1e9;
		if (key % 10000 == 4321) /* short-lived, and large where it is */
			one.bank_bytes = 1000 + part;
		if (key % 10000 == 1234) { /* never freed, and small */
			one.bank_bytes = 50;
			one.freed = false;
		}
		assert_int_equal(keep_block(keep, &one, area, part, key == 77), 0);
	}
	const struct kept_block *blocks = keep_blocks(keep, &count);
	assert_true(count <= 100 && count > 50);
	assert_int_equal(keep_seen(keep), 100000);
	assert_true(has(blocks, count, 77));
	assert_true(has(blocks, count, 5000));
	for (int64_t part = 0; part < PARTS; part++) {
		assert_true(has(blocks, count, part * 10000 + 4321));
		assert_true(has(blocks, count, part * 10000 + 1234));
	}
	keep_free(keep);
}

/* More parts than blocks: nothing is kept of each, and nothing breaks. */
static void test_more_parts_than_blocks(void **state)
{
	struct keep *keep = keep_new(3, 1000);
	size_t count;

	(void)state;
	for (int64_t key = 1; key <= 50; key++)
		assert_int_equal(
		    keep_block(keep, &(struct kept_block){.key = key, .alloc_ns = key}, (double)key, key, true), 0);
	const struct kept_block *blocks = keep_blocks(keep, &count);
	assert_int_equal(count, 3);
	assert_true(has(blocks, count, 50));
	keep_free(keep);
	keep = keep_new(5, 1);
	assert_null(keep_blocks(keep, &count));
	assert_int_equal(count, 0);
	keep_free(keep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_of_few),
	    cmocka_unit_test(test_what_matters_of_many),
	    cmocka_unit_test(test_more_parts_than_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
