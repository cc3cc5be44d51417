/* SPDX-License-Identifier: Apache-2.0
 *
 * window.h - the cheapest place for a request in a bank: the window of its size that the least has to leave.
 */
#ifndef SQL_WINDOW_H
#define SQL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bank.h"

/* Where windows may lie; both are whole units of the allocator. */
struct window_space {
	uint64_t low, high;
	bool top_down; /* of windows that cost the same the highest counts, else the lowest */
};

struct window {
	uint64_t address;
	uint64_t eviction_bytes; /* of all blocks that lie in it, or reach into it */
	size_t eviction_blocks;
};

/* Finds the window of BYTES > 0 in SPACE that costs least: first bytes, then blocks. BLOCKS are COUNT, rising by
 * address, and whole units. Linear but for blocks that overlap. 1; 0: BYTES are more than SPACE has; -1: no memory. */
int window_find(const struct window_space *space, const struct bank_block *blocks, size_t count, uint64_t bytes,
                struct window *window);

#endif
