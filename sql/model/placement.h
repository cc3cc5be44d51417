/* SPDX-License-Identifier: Apache-2.0
 *
 * placement.h - the model of an allocator over one bank: it takes a request, places it by a policy, and joins what is
 * given back with the free pieces beside it. Offsets are from the bank's base.
 *
 * TT-Metal's FreeListOpt is PLACE_FIRST with PICK_ADDRESS: its lists of free blocks are kept by size class and, within
 * each, by address; it takes the best address of all that fit, and places blocks that go top-down at the end of the
 * piece. Its search policy BEST, which it has and does not use, is PLACE_CLASSES.
 */
#ifndef SQL_PLACEMENT_H
#define SQL_PLACEMENT_H

#include "gaps.h"

enum place_policy {
	PLACE_FIRST,   /* the first piece that is large enough */
	PLACE_BEST,    /* the smallest that is large enough, of equal ones the first */
	PLACE_CLASSES, /* the first in the smallest size class that has one: classes double from 1 KiB to 128 MiB */
};

/* Of PLACE_FIRST: which pieces come first. */
enum place_pick {
	PICK_ADDRESS, /* those nearest to the end from which blocks are placed */
	PICK_NEWEST,  /* those that came to be last */
	PICK_OLDEST,  /* those that came to be first */
};

struct placement {
	uint64_t bank_bytes, unit_bytes; /* UNIT: sizes are rounded up to it, and 0 is one */
	enum place_policy policy;
	enum place_pick pick;
	struct gaps by_address, by_policy;
	uint64_t stamp;
	uint64_t free_bytes;
};

/* Begins with an empty bank; a zeroed one, or one that was begun before. 0; -1: no memory. */
int placement_begin(struct placement *placement, uint64_t bank_bytes, uint64_t unit_bytes);
void placement_clear(struct placement *placement);

/* What a request of BYTES takes. */
uint64_t placement_rounded(const struct placement *placement, uint64_t bytes);

/* Finds where a request of BYTES, a multiple of the unit, would be placed. */
bool placement_find(const struct placement *placement, uint64_t bytes, bool top_down, uint64_t *offset);

/* Takes BYTES at OFFSET. 1; 0: not all of it is free; -1: no memory. */
int placement_take(struct placement *placement, uint64_t offset, uint64_t bytes);

/* Gives back what was taken. 0; -1: no memory. */
int placement_give(struct placement *placement, uint64_t offset, uint64_t bytes);

/* The largest free piece. */
uint64_t placement_largest(const struct placement *placement);

#endif
