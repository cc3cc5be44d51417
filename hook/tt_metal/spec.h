/* SPDX-License-Identifier: Apache-2.0
 *
 * spec.h - what a tensor is, by TT-Metal's own text of it: shape, type, layout, and how it lies in memory.
 */
#ifndef TTALLOC_TT_METAL_SPEC_H
#define TTALLOC_TT_METAL_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc.h"

#define TT_SPEC_MOST_DIMENSIONS 16
#define TT_SPEC_MOST_RANGES 64

/* Its numbers, in which tensors may differ that are called the same. */
struct tt_spec_numbers {
	uint32_t dimensions[TT_SPEC_MOST_DIMENSIONS];
	uint32_t dimension_count;
	uint32_t range_count; /* of cores that have a shard each; 0: it is not sharded. Beyond the room for them, they
	                       * are neither here nor in the words */
	uint32_t shard[2];
	struct ttalloc_core_range ranges[TT_SPEC_MOST_RANGES];
};

/* The words of a spec, as ttalloc_tensor() takes them. */
struct tt_spec_words {
	char shape[192], dtype[32], layout[16], memory[32], shard_shape[32], orientation[16];
	char shard_grid[1024];
};

/* Reads TEXT, of one tensor. False: it says something else than it does in the versions that are known. */
bool tt_spec_parse(const char *text, struct tt_spec_numbers *numbers, struct tt_spec_words *words);

#endif
