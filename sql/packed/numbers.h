/* SPDX-License-Identifier: Apache-2.0
 *
 * numbers.h - a column of integers as planes of bytes: the lowest byte of each, then the next one of each, up to the
 * highest that any needs.
 */
#ifndef SQL_PACKED_NUMBERS_H
#define SQL_PACKED_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

enum numbers_way {
	NUMBERS_PLAIN, /* each by itself */
	NUMBERS_DELTA, /* each less the one before it */
	NUMBERS_WAYS,
};

struct numbers_plan {
	enum numbers_way way;
	unsigned planes; /* 0 to 8 */
};

/* Which way takes fewer bits. */
struct numbers_plan numbers_plan(const int64_t *numbers, size_t count);

/* Makes numbers what the planes are made of; and back. */
void numbers_apply(const struct numbers_plan *plan, int64_t *numbers, size_t count);
void numbers_undo(const struct numbers_plan *plan, int64_t *numbers, size_t count);

void numbers_get_plane(const int64_t *numbers, size_t count, unsigned plane, uint8_t *out);
void numbers_add_plane(int64_t *numbers, size_t count, unsigned plane, const uint8_t *in);

#endif
