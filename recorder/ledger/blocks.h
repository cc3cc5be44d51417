/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks.h - the live blocks of one process, by total (a device and region of the process, region_total.h), address and
 * allocator. At most one block lives at each. A block costs 48 bytes and a share of 11 to 32 in an index; nothing is
 * copied when the whole grows but the index.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_BLOCKS_H
#define RECORDER_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/base/index.h"

#define BLOCKS_PER_SLAB 256u
#define BLOCK_KEY_BITS ((1ull << 48) - 1)

struct block {
	uint64_t address;
	uint64_t key : 48, allocator : 16; /* key: of the alloc; 0: the place is free */
	uint64_t alloc_ns;
	uint64_t size_bytes : 48, total : 16;
	uint64_t bank_bytes : 48, flags : 8; /* flags: enum ttalloc_flag */
	union {
		uint32_t attribution; /* dictionary.h */
		uint32_t repeats;     /* of an old client's block (legacy/): how often it was allocated */
	};
	uint32_t birth_row; /* where its row waits to be written, if the chunk in which it was born is not full yet */
};

struct blocks {
	struct block **slabs;
	size_t slab_count, slab_capacity;
	uint32_t used;   /* places ever used, in order */
	uint32_t vacant; /* ref of a place that is free again; it leads to the next by birth_row */
	struct index index;
};

/* Where a block lives. */
struct block_place {
	uint64_t address;
	uint32_t total;
	uint16_t allocator; /* of the process; 0: not said, and a place of its own */
};

/* The block at PLACE, or NULL. Valid until the next blocks_add(). */
struct block *blocks_find(const struct blocks *blocks, const struct block_place *place);

/* The same, of any allocator: the youngest. */
struct block *blocks_find_youngest(const struct blocks *blocks, uint32_t total, uint64_t address);

/* Adds a block at PLACE, where none may be. All else of it is for the caller to fill, key first. */
struct block *blocks_add(struct blocks *blocks, const struct block_place *place);

/* Takes the block at PLACE out into *TAKEN. False: there is none. */
bool blocks_take(struct blocks *blocks, const struct block_place *place, struct block *taken);

static inline struct block_place block_place(const struct block *block)
{
	return (struct block_place){
	    .address = block->address, .total = block->total, .allocator = (uint16_t)block->allocator};
}

/* Calls EACH for every block. EACH may take the one it was given. */
void blocks_each(struct blocks *blocks, void (*each)(void *context, const struct block *block), void *context);

static inline uint32_t blocks_count(const struct blocks *blocks)
{
	return blocks->index.count;
}

void blocks_free(struct blocks *blocks);

#endif
