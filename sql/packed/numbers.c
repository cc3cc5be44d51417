/* SPDX-License-Identifier: Apache-2.0
 *
 * numbers.c - see numbers.h. Signs are folded in, so that small negative numbers are small: 0, -1, 1, -2, ...
 */
#include "numbers.h"

static uint64_t folded(uint64_t value)
{
	return value << 1 ^ (0 - (value >> 63));
}

static uint64_t unfolded(uint64_t value)
{
	return value >> 1 ^ (0 - (value & 1));
}

static unsigned bits_of(uint64_t value)
{
	return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

struct numbers_plan numbers_plan(const int64_t *numbers, size_t count)
{
	uint64_t all[NUMBERS_WAYS] = {0}, sum[NUMBERS_WAYS] = {0}, before = 0;
	struct numbers_plan plan;

	for (size_t i = 0; i < count; i++) {
		uint64_t plain = folded((uint64_t)numbers[i]), delta = folded((uint64_t)numbers[i] - before);

		all[NUMBERS_PLAIN] |= plain;
		all[NUMBERS_DELTA] |= delta;
		sum[NUMBERS_PLAIN] += bits_of(plain);
		sum[NUMBERS_DELTA] += bits_of(delta);
		before = (uint64_t)numbers[i];
	}
	plan.way = sum[NUMBERS_DELTA] < sum[NUMBERS_PLAIN] ? NUMBERS_DELTA : NUMBERS_PLAIN;
	plan.planes = (bits_of(all[plan.way]) + 7) / 8;
	return plan;
}

void numbers_apply(const struct numbers_plan *plan, int64_t *numbers, size_t count)
{
	uint64_t before = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t value = (uint64_t)numbers[i];

		numbers[i] = (int64_t)folded(value - before);
		before = plan->way == NUMBERS_DELTA ? value : 0;
	}
}

void numbers_undo(const struct numbers_plan *plan, int64_t *numbers, size_t count)
{
	uint64_t before = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t value = unfolded((uint64_t)numbers[i]) + before;

		numbers[i] = (int64_t)value;
		before = plan->way == NUMBERS_DELTA ? value : 0;
	}
}

void numbers_get_plane(const int64_t *numbers, size_t count, unsigned plane, uint8_t *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (uint8_t)((uint64_t)numbers[i] >> (8 * plane));
}

void numbers_add_plane(int64_t *numbers, size_t count, unsigned plane, const uint8_t *in)
{
	for (size_t i = 0; i < count; i++)
		numbers[i] = (int64_t)((uint64_t)numbers[i] | (uint64_t)in[i] << (8 * plane));
}
