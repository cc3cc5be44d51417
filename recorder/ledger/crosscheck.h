/* SPDX-License-Identifier: Apache-2.0
 *
 * crosscheck.h - what one process holds of each of its allocators, by total (a device and region of the process), and
 * what those allocators say of themselves. Blocks whose allocator is not said are nobody's.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_CROSSCHECK_H
#define RECORDER_CROSSCHECK_H

#include "blocks.h"

struct allocator_sum {
	uint32_t total;
	uint16_t allocator;
	uint64_t blocks, bank_bytes;
	uint64_t address_sum; /* tta_address_sum() of their addresses */
};

/* Something else was said than is recorded, on a thread that has not said yet that it holds. */
struct contradiction {
	uint32_t thread_entry;
	uint32_t device, region;
	uint16_t allocator;
	uint64_t at_ns, said_bank_bytes, said_blocks; /* said_blocks: plus 1; 0: not said */
	uint64_t recorded_bank_bytes, recorded_blocks;
};

struct crosscheck {
	struct allocator_sum *sums;
	size_t sum_count, sum_capacity;
	struct index sum_index;
	uint32_t last_sum; /* number of the one that was used last; 0: none */
	struct contradiction *open;
	size_t open_count, open_capacity;
};

/* A block has come, or gone. */
void crosscheck_count(struct crosscheck *crosscheck, const struct block *block);
void crosscheck_uncount(struct crosscheck *crosscheck, const struct block *block);

void crosscheck_free(struct crosscheck *crosscheck);

#endif
