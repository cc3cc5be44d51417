/* SPDX-License-Identifier: Apache-2.0
 *
 * per_core.h - buffers that do not lie on all cores (TT-Metal's hybrid allocation): such with an address of their own
 * on each core, and such with one address that is taken on their cores alone (range lockstep).
 *
 * A buffer is reported in groups: what has the same address on some of its cores is one block, on these.
 */
#ifndef TTALLOC_TT_METAL_PER_CORE_H
#define TTALLOC_TT_METAL_PER_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "library.h"
#include "ttalloc.h"

#define TT_CORE_SIDE 32        /* coordinates from 0 */
#define TT_CORE_RANGES_MOST 64 /* that a recording keeps of a block */

/* A set of cores. */
struct tt_cores {
	uint32_t rows[TT_CORE_SIDE]; /* a bit for each x */
};

uint32_t tt_cores_count(const struct tt_cores *cores);
bool tt_cores_equal(const struct tt_cores *a, const struct tt_cores *b);

/* Adds the cores of RANGES, a vector of struct tt_core_range. False: it is none, or they share cores, or are too far.
 */
bool tt_cores_read(const struct tt_vector *ranges, struct tt_cores *cores);

/* CORES as rectangles that share none. 0: they are more than there is room for. */
uint32_t tt_cores_ranges(const struct tt_cores *cores, struct ttalloc_core_range ranges[static TT_CORE_RANGES_MOST]);

struct tt_core_group {
	uint64_t address;
	struct tt_cores cores;
};

/* What a buffer is in. COUNT 0: all cores, at one address. */
struct tt_core_groups {
	struct tt_core_group *list; /* free() it */
	size_t count;
	uint32_t core_count; /* of all */
	bool in_step;        /* one address, given out by the list of what lies on all cores */
};

/* The groups of BUFFER, at ADDRESS. JUST_PLACED: by this thread, so that what the free lists gave out for it has to be
 * the same. False: it has some, and they cannot be read, which is said. */
bool tt_per_core_read(const struct tt_library *library, const void *buffer, uint64_t address, bool just_placed,
                      struct tt_core_groups *groups);

/* The cores that BUFFER is asked for on. False: on all, or they cannot be read. */
bool tt_per_core_wanted(const struct tt_library *library, const void *buffer, struct tt_cores *cores, bool *in_step);

/* ---- The free lists of single cores: what all of an allocator's have given out together, in their own words. Which of
 * them is which core's need not be known for that. (core_lists.c) ---- */

struct tt_free_list;
struct tt_held;

/* This thread was given GROUPS of REGION by ALLOCATOR, whose lists are those that it was given blocks by. */
void tt_core_lists_met(const void *allocator, uint16_t region, const struct tt_core_groups *groups);

/* Which cores have a list of their own, and what these lists have given out. False: none has, or it is not certain. */
bool tt_core_lists_hold(const void *allocator, uint16_t region, struct tt_cores *cores, struct tt_held *held);

/* Which cores have one, as far as is known. */
void tt_core_lists_cores(const void *allocator, uint16_t region, struct tt_cores *cores);

/* LIST is gone: with it, the allocator that it was one of (NULL: it was no single core's). */
const void *tt_core_lists_owner(const struct tt_free_list *list);

/* ALLOCATOR is gone. */
void tt_core_lists_forget(const void *allocator);

#endif
