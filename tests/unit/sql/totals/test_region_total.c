/* SPDX-License-Identifier: Apache-2.0
 *
 * test_usage.c - region_totals, deltas and circular buffers, on cases worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sql/totals/cbs.h"
#include "sql/totals/delta.h"
#include "sql/totals/region_total.h"

static struct usage_change change(uint64_t at_ns, int64_t key, int64_t bytes, int64_t bank_bytes)
{
	return (struct usage_change){
	    .at_ns = at_ns,
	    .key = key,
	    .bytes = bytes,
	    .bank_bytes = bank_bytes,
	    .blocks = bytes > 0 ? 1 : -1,
	    .process = 1,
	    .allocs = bytes > 0,
	    .frees = bytes < 0,
	};
}

/* Of two moments at which the maximum is reached, the first counts; bytes and bank bytes peak apart. */
static void test_usage_keeps_first_peak(void **state)
{
	const struct usage_change changes[] = {
	    change(10, 1, 100, 10), change(20, 2, -100, -10), change(30, 3, 60, 30),
	    change(40, 4, 40, 1),   change(50, 5, -40, -1),
	};
	struct region_total total;

	(void)state;
	region_total_begin(&total, 0, 1);
	assert_true(total.peak_ns == REGION_TOTAL_NO_TIME);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		region_total_add(&total, &changes[i]);
	assert_int_equal(total.peak_bytes, 100);
	assert_int_equal(total.peak_ns, 10);
	assert_int_equal(total.peak_key, 1);
	assert_int_equal(total.peak_blocks, 1);
	assert_int_equal(total.peak_bank_bytes, 31);
	assert_int_equal(total.peak_bank_ns, 40);
	assert_int_equal(total.live_bytes, 60);
	assert_int_equal(total.live_blocks, 1);
	assert_int_equal(total.allocs, 3);
	assert_int_equal(total.frees, 2);
}

static void test_piece_notices_disorder(void **state)
{
	struct usage_change late = change(15, 4, 5, 5);
	struct delta delta;

	(void)state;
	delta_begin(&delta, 0, 1, &(struct usage_change){.at_ns = 10, .bytes = -7, .process = 1});
	delta_add(&delta, &(struct usage_change){.at_ns = 20, .bytes = 9, .process = 2, .key = 3, .blocks = 1});
	assert_true(delta.disorder_ns == DELTA_NO_DISORDER);
	assert_int_equal(delta.min_bytes, -7);
	assert_int_equal(delta.max_bytes, 2);
	assert_int_equal(delta.max_ns, 20);
	assert_int_equal(delta.max_key, 3);
	delta_add(&delta, &late);
	assert_int_equal(delta.disorder_ns, 15);
	assert_int_equal(delta.to_ns, 20);
	/* At the same time, a process that was introduced earlier comes earlier. */
	delta_add(&delta, &(struct usage_change){.at_ns = 20, .process = 2, .bytes = 1});
	assert_int_equal(delta.disorder_ns, 15);
	assert_int_equal(delta.bytes, 8);
}

static void ignore(void *context, int64_t key)
{
	(void)key;
	++*(int *)context;
}

static int64_t settled(struct cbs *cbs, struct region_total *total)
{
	struct usage_change moved = {0};

	cbs_settle(cbs, total, 1, &moved);
	return total->resident_bytes;
}

static void add_cb(struct cbs *cbs, struct region_total *total, uint64_t program, uint32_t number, uint64_t size_bytes)
{
	static int64_t key;
	struct cb cb = {.program = program, .number = number, .size_bytes = size_bytes, .total = 1, .key = ++key};

	cbs_add(cbs, total, &cb, &(struct cores){.count = 0});
}

/* Those of the program that ran last count; before anything ran, those of the one that placed one last. */
static void test_residency(void **state)
{
	struct region_total total = {0};
	struct cbs cbs = {0};
	int ended = 0;

	(void)state;
	add_cb(&cbs, &total, 1, 0, 100);
	add_cb(&cbs, &total, 2, 0, 1000);
	assert_int_equal(settled(&cbs, &total), 1000);
	cbs_run(&total, 1);
	assert_int_equal(settled(&cbs, &total), 100);
	add_cb(&cbs, &total, 1, 1, 10);
	add_cb(&cbs, &total, 2, 1, 1);
	assert_int_equal(settled(&cbs, &total), 110);
	add_cb(&cbs, &total, 1, 1, 20); /* replaced */
	assert_int_equal(settled(&cbs, &total), 120);
	total.program = 3;
	assert_int_equal(settled(&cbs, &total), 0);
	total.program = 2;
	assert_int_equal(settled(&cbs, &total), 1001);
	assert_int_equal(cbs_end(&cbs, 1, 2, ignore, &ended), 2);
	assert_int_equal(settled(&cbs, &total), 0);
	cbs_end_all(&cbs, 1, ignore, &ended);
	assert_int_equal(ended, 4);
	total.program = 1;
	assert_int_equal(settled(&cbs, &total), 0);
	cbs_free(&cbs);
}

/* All programs are configured before the first one runs: never do circular buffers of two of them add. */
static void test_warm_up(void **state)
{
	struct region_total total = {0};
	struct cbs cbs = {0};
	int ended = 0;

	(void)state;
	for (uint64_t program = 1; program <= 3; program++) {
		add_cb(&cbs, &total, program, 0, 1000);
		assert_int_equal(settled(&cbs, &total), 1000);
		assert_int_equal(total.resident_blocks, 1);
	}
	add_cb(&cbs, &total, 1, 1, 500); /* the first one again, and what it has */
	assert_int_equal(settled(&cbs, &total), 1500);
	assert_int_equal(cbs_end(&cbs, 1, 1, ignore, &ended), 2);
	assert_int_equal(settled(&cbs, &total), 0);
	cbs_run(&total, 2);
	assert_int_equal(settled(&cbs, &total), 1000);
	cbs_run(&total, 3);
	assert_int_equal(settled(&cbs, &total), 1000);
	add_cb(&cbs, &total, 1, 0, 7); /* not run yet */
	assert_int_equal(settled(&cbs, &total), 1000);
	cbs_free(&cbs);
}

static int64_t add_on(struct cbs *cbs, struct region_total *total, uint32_t number, uint64_t size_bytes,
                      const char *cores_text)
{
	static int64_t key = 1000;
	struct cb cb = {.program = 5, .number = number, .size_bytes = size_bytes, .total = 1, .key = ++key};
	struct cores cores;

	cores_parse(&cores, cores_text);
	cbs_add(cbs, total, &cb, &cores);
	return (int64_t)cb.size_bytes;
}

/* A program takes up what its fullest core has, and the counts of its circular buffers add up to that. */
static void test_fullest_core(void **state)
{
	const struct cb first = {.total = 1, .program = 5, .number = 0};
	struct region_total total = {0};
	struct cbs cbs = {0};
	int ended = 0;

	(void)state;
	assert_int_equal(add_on(&cbs, &total, 0, 100, "[[0,0,3,3]]"), 100);
	assert_int_equal(add_on(&cbs, &total, 1, 60, "[[4,0,7,3]]"), 0);  /* elsewhere */
	assert_int_equal(add_on(&cbs, &total, 2, 60, "[[3,0,4,0]]"), 60); /* (3,0): 160, (4,0): 120 */
	assert_int_equal(add_on(&cbs, &total, 3, 50, "[[4,0,4,0],[7,3,7,3]]"), 10);
	assert_int_equal(add_on(&cbs, &total, 4, 7, ""), 7); /* not known: on all of them */
	assert_int_equal(settled(&cbs, &total), 177);
	assert_int_equal(add_on(&cbs, &total, 2, 20, "[[0,0,0,0]]"),
	                 10); /* replaced: (0,0): 120, and 110 are counted */
	assert_int_equal(settled(&cbs, &total), 127);
	assert_int_not_equal(cbs_end_one(&cbs, &first), 0); /* the others keep their counts */
	assert_int_equal(settled(&cbs, &total), 27);
	assert_int_equal(add_on(&cbs, &total, 5, 1, "[[0,0,0,0]]"), 90); /* (4,0): 110 all the time */
	assert_int_equal(settled(&cbs, &total), 117);
	assert_int_equal(total.resident_blocks, 5);
	assert_int_equal(cbs_end(&cbs, 1, 5, ignore, &ended), 5);
	assert_int_equal(settled(&cbs, &total), 0);
	cbs_free(&cbs);
}

/* One of several ends, the last, the first and the middle one; the others stay. */
static void test_one_ends(void **state)
{
	const struct cb first = {.total = 1, .program = 9, .number = 0},
	                middle = {.total = 1, .program = 9, .number = 1},
	                last = {.total = 1, .program = 9, .number = 2};
	struct region_total total = {0};
	struct cbs cbs = {0};

	(void)state;
	for (int round = 0; round < 2; round++) {
		add_cb(&cbs, &total, 9, 0, 1);
		add_cb(&cbs, &total, 9, 1, 20);
		add_cb(&cbs, &total, 9, 2, 300);
		add_cb(&cbs, &total, 9, 1, 40); /* replaced */
		assert_int_equal(settled(&cbs, &total), 341);
		assert_int_not_equal(cbs_end_one(&cbs, &middle), 0);
		assert_int_equal(settled(&cbs, &total), 301);
		assert_int_equal(cbs_end_one(&cbs, &middle), 0);
		assert_int_not_equal(cbs_end_one(&cbs, round ? &first : &last), 0);
		assert_int_equal(settled(&cbs, &total), round ? 300 : 1);
		assert_int_not_equal(cbs_end_one(&cbs, round ? &last : &first), 0);
		assert_int_equal(settled(&cbs, &total), 0);
		assert_int_equal(cbs_end_one(&cbs, &first), 0);
	}
	cbs_free(&cbs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_usage_keeps_first_peak),
	    cmocka_unit_test(test_piece_notices_disorder),
	    cmocka_unit_test(test_residency),
	    cmocka_unit_test(test_warm_up),
	    cmocka_unit_test(test_fullest_core),
	    cmocka_unit_test(test_one_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
