/* SPDX-License-Identifier: Apache-2.0
 *
 * test_placement.c - the model of a bank against one that looks at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/model/placement.h"

#define UNITS 1500
#define UNIT 512
#define LIVE_MOST 200

/* A bank as a map of units: 0 is free; else STAMPS say when a free piece came to be, at its first unit. */
struct naive {
	uint8_t taken[UNITS];
	uint64_t stamps[UNITS];
	uint64_t stamp;
	enum place_policy policy;
	enum place_pick pick;
};

struct piece {
	size_t start, units;
};

static size_t next_piece(const struct naive *bank, size_t from, struct piece *piece)
{
	while (from < UNITS && bank->taken[from])
		from++;
	piece->start = from;
	while (from < UNITS && !bank->taken[from])
		from++;
	piece->units = from - piece->start;
	return piece->units;
}

static unsigned class_of(size_t units)
{
	unsigned class = 0;

	for (size_t bytes = units * UNIT; bytes >= 2048 && class < 17; bytes /= 2)
		class ++;
	return class;
}

/* Whether A is to be taken rather than B. Both are large enough. */
static bool is_better(const struct naive *bank, const struct piece *a, const struct piece *b, bool top_down)
{
	uint64_t first = bank->stamps[a->start], second = bank->stamps[b->start];

	if (bank->policy == PLACE_BEST && a->units != b->units)
		return a->units < b->units;
	if (bank->policy == PLACE_CLASSES && class_of(a->units) != class_of(b->units))
		return class_of(a->units) < class_of(b->units);
	if (bank->policy == PLACE_FIRST && bank->pick != PICK_ADDRESS)
		return bank->pick == PICK_NEWEST ? first > second : first < second;
	return top_down ? a->start > b->start : a->start < b->start;
}

static bool naive_find(const struct naive *bank, size_t units, bool top_down, size_t *start)
{
	struct piece piece, best = {0};

	for (size_t at = 0; next_piece(bank, at, &piece); at = piece.start + piece.units)
		if (piece.units >= units && (!best.units || is_better(bank, &piece, &best, top_down)))
			best = piece;
	*start = top_down ? best.start + best.units - units : best.start;
	return best.units > 0;
}

/* Pieces that were not there before are new, the lower one first. */
static void naive_set(struct naive *bank, size_t start, size_t units, uint8_t taken)
{
	struct piece before[UNITS], piece;
	size_t count = 0;

	for (size_t at = 0; next_piece(bank, at, &piece); at = piece.start + piece.units)
		before[count++] = piece;
	memset(bank->taken + start, taken, units);
	for (size_t at = 0, i = 0; next_piece(bank, at, &piece); at = piece.start + piece.units) {
		while (i < count && before[i].start < piece.start)
			i++;
		if (i == count || before[i].start != piece.start || before[i].units != piece.units)
			bank->stamps[piece.start] = ++bank->stamp;
	}
}

static uint64_t naive_largest(const struct naive *bank)
{
	struct piece piece, largest = {0};

	for (size_t at = 0; next_piece(bank, at, &piece); at = piece.start + piece.units)
		if (piece.units > largest.units)
			largest = piece;
	return largest.units * UNIT;
}

static void churn(enum place_policy policy, enum place_pick pick, unsigned seed)
{
	struct placement placement = {.policy = policy, .pick = pick};
	struct naive *bank = calloc(1, sizeof(*bank));
	struct piece live[LIVE_MOST];
	size_t count = 0, start, failed = 0;
	uint64_t offset;

	assert_non_null(bank);
	bank->policy = policy;
	bank->pick = pick;
	srand(seed);
	assert_int_equal(placement_begin(&placement, UNITS * UNIT, UNIT), 0);
	for (int i = 0; i < 2000; i++) {
		bool top_down = rand() % 2;
		size_t units = 1 + (size_t)rand() % (rand() % 3 ? 8 : 90);

		if (count == LIVE_MOST || (count && rand() % 100 < 40)) {
			struct piece gone = live[(start = (size_t)rand() % count)];

			live[start] = live[--count];
			naive_set(bank, gone.start, gone.units, 0);
			assert_int_equal(placement_give(&placement, gone.start * UNIT, gone.units * UNIT), 0);
		} else if (naive_find(bank, units, top_down, &start)) {
			assert_true(placement_find(&placement, units * UNIT, top_down, &offset));
			assert_int_equal(offset, start * UNIT);
			naive_set(bank, start, units, 1);
			assert_int_equal(placement_take(&placement, offset, units * UNIT), 1);
			assert_int_equal(placement_take(&placement, offset, UNIT), 0);
			live[count++] = (struct piece){start, units};
		} else {
			assert_false(placement_find(&placement, units * UNIT, top_down, &offset));
			failed++;
		}
		assert_int_equal(placement_largest(&placement), naive_largest(bank));
	}
	assert_true(failed > 0);
	placement_clear(&placement);
	free(bank);
}

static void test_policies(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 4; seed++) {
		churn(PLACE_FIRST, PICK_ADDRESS, seed);
		churn(PLACE_FIRST, PICK_NEWEST, seed);
		churn(PLACE_FIRST, PICK_OLDEST, seed);
		churn(PLACE_BEST, PICK_ADDRESS, seed);
		churn(PLACE_CLASSES, PICK_ADDRESS, seed);
	}
}

static void test_edges(void **state)
{
	struct placement placement = {.policy = PLACE_FIRST};
	uint64_t offset;

	(void)state;
	assert_int_equal(placement_begin(&placement, 0, 0), 0);
	assert_false(placement_find(&placement, 1, false, &offset));
	assert_int_equal(placement_rounded(&placement, 0), 1);
	assert_int_equal(placement_begin(&placement, 100, 32), 0);
	assert_int_equal(placement_rounded(&placement, 33), 64);
	assert_int_equal(placement_rounded(&placement, 0), 32);
	assert_int_equal(placement_rounded(&placement, UINT64_MAX), UINT64_MAX);
	assert_true(placement_find(&placement, 64, true, &offset));
	assert_int_equal(offset, 36);
	assert_int_equal(placement_take(&placement, 50, 64), 0);
	assert_int_equal(placement_take(&placement, UINT64_MAX, 64), 0);
	assert_int_equal(placement_take(&placement, 36, 64), 1);
	assert_int_equal(placement.free_bytes, 36);
	assert_int_equal(placement_give(&placement, 36, 64), 0);
	assert_int_equal(placement_largest(&placement), 100);
	placement_clear(&placement);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_policies), cmocka_unit_test(test_edges)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
