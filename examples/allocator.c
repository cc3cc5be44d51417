/* SPDX-License-Identifier: Apache-2.0
 *
 * allocator.c - blocks are numbered and linked in the order of their addresses; a split leaves the lower part its
 * number and a merge keeps the lower one's, so block 0 is always the lowest.
 */
#include "allocator.h"

#include "address_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 18 }; /* 1 KiB << 17 is 128 MiB; the last class takes everything above, the first everything below */

#define NO_BLOCK UINT32_MAX

struct block {
	uint64_t address;
	uint64_t bytes;
	uint32_t lower;  /* neighbour, or NO_BLOCK */
	uint32_t higher; /* neighbour, or NO_BLOCK; of an unused number: the next unused one */
	bool live;
};

/* The free blocks of one class, by ascending address. */
struct free_class {
	uint32_t *blocks;
	uint32_t count;
	uint32_t capacity;
};

struct allocator {
	struct allocator_bank bank;
	struct block *blocks;
	uint32_t block_count;
	uint32_t block_capacity;
	uint32_t unused; /* first number to be used again, or NO_BLOCK */
	uint64_t allocated_bytes;
	struct free_class classes[CLASSES];
	struct address_map live;
};

static void *grown(void *items, uint32_t *capacity, size_t item_bytes)
{
	*capacity = *capacity ? 2 * *capacity : 64;
	items = realloc(items, *capacity * item_bytes);
	if (!items) {
		fputs("out of host memory\n", stderr);
		exit(1);
	}
	return items;
}

static unsigned class_of(uint64_t bytes)
{
	unsigned class;

	if (bytes < 2048)
		return 0;
	class = 63 - (unsigned)__builtin_clzll(bytes >> 10);
	return class < CLASSES ? class : CLASSES - 1;
}

/* Where the block at ADDRESS is in its class, or would be. */
static uint32_t class_position(const struct allocator *allocator, const struct free_class *class, uint64_t address)
{
	uint32_t from = 0, to = class->count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (allocator->blocks[class->blocks[middle]].address < address)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void class_insert(struct allocator *allocator, uint32_t block)
{
	struct free_class *class = &allocator->classes[class_of(allocator->blocks[block].bytes)];
	uint32_t at = class_position(allocator, class, allocator->blocks[block].address);

	if (class->count == class->capacity)
		class->blocks = grown(class->blocks, &class->capacity, sizeof(*class->blocks));
	memmove(&class->blocks[at + 1], &class->blocks[at], (class->count - at) * sizeof(*class->blocks));
	class->blocks[at] = block;
	class->count++;
}

static void class_remove(struct allocator *allocator, uint32_t block)
{
	struct free_class *class = &allocator->classes[class_of(allocator->blocks[block].bytes)];
	uint32_t at = class_position(allocator, class, allocator->blocks[block].address);

	class->count--;
	memmove(&class->blocks[at], &class->blocks[at + 1], (class->count - at) * sizeof(*class->blocks));
}

/* The first block of CLASS, seen from the end that is being filled, with room for BYTES; NO_BLOCK when there is none.
 */
static uint32_t class_first_fit(const struct allocator *allocator, const struct free_class *class, uint64_t bytes,
                                enum direction direction)
{
	for (uint32_t i = 0; i < class->count; i++) {
		uint32_t block = class->blocks[direction == BOTTOM_UP ? i : class->count - 1 - i];

		if (allocator->blocks[block].bytes >= bytes)
			return block;
	}
	return NO_BLOCK;
}

static uint32_t find_fit(const struct allocator *allocator, uint64_t bytes, enum direction direction)
{
	uint32_t best = NO_BLOCK;

	for (unsigned class = class_of(bytes); class < CLASSES; class ++) {
		uint32_t block = class_first_fit(allocator, &allocator->classes[class], bytes, direction);

		if (block == NO_BLOCK)
			continue;
		if (best == NO_BLOCK ||
		    (allocator->blocks[block].address < allocator->blocks[best].address) == (direction == BOTTOM_UP))
			best = block;
	}
	return best;
}

static uint32_t block_number(struct allocator *allocator)
{
	uint32_t block = allocator->unused;

	if (block != NO_BLOCK) {
		allocator->unused = allocator->blocks[block].higher;
		return block;
	}
	if (allocator->block_count == allocator->block_capacity)
		allocator->blocks = grown(allocator->blocks, &allocator->block_capacity, sizeof(*allocator->blocks));
	return allocator->block_count++;
}

/* Cuts BLOCK after LOWER_BYTES and returns the new, higher part. Neither part is put into a class. */
static uint32_t split(struct allocator *allocator, uint32_t block, uint64_t lower_bytes)
{
	uint32_t rest = block_number(allocator);
	struct block *lower = &allocator->blocks[block];

	allocator->blocks[rest] = (struct block){
	    .address = lower->address + lower_bytes,
	    .bytes = lower->bytes - lower_bytes,
	    .lower = block,
	    .higher = lower->higher,
	};
	if (lower->higher != NO_BLOCK)
		allocator->blocks[lower->higher].lower = rest;
	lower->higher = rest;
	lower->bytes = lower_bytes;
	return rest;
}

/* Joins BLOCK with its higher neighbour, whose number becomes unused. */
static void merge_higher(struct allocator *allocator, uint32_t block)
{
	struct block *lower = &allocator->blocks[block];
	uint32_t gone = lower->higher;

	lower->bytes += allocator->blocks[gone].bytes;
	lower->higher = allocator->blocks[gone].higher;
	if (lower->higher != NO_BLOCK)
		allocator->blocks[lower->higher].lower = block;
	allocator->blocks[gone].higher = allocator->unused;
	allocator->unused = gone;
}

struct allocator *allocator_create(const struct allocator_bank *bank)
{
	struct allocator *allocator = calloc(1, sizeof(*allocator));
	uint32_t whole;

	if (!allocator) {
		fputs("out of host memory\n", stderr);
		exit(1);
	}
	allocator->bank = *bank;
	allocator->unused = NO_BLOCK;
	if (bank->bank_bytes == 0)
		return allocator;
	whole = block_number(allocator);
	allocator->blocks[whole] = (struct block){
	    .address = bank->base_address,
	    .bytes = bank->bank_bytes,
	    .lower = NO_BLOCK,
	    .higher = NO_BLOCK,
	};
	class_insert(allocator, whole);
	return allocator;
}

void allocator_destroy(struct allocator *allocator)
{
	if (!allocator)
		return;
	for (unsigned class = 0; class < CLASSES; class ++)
		free(allocator->classes[class].blocks);
	address_map_clear(&allocator->live);
	free(allocator->blocks);
	free(allocator);
}

uint64_t allocator_rounded(const struct allocator *allocator, uint64_t bank_bytes)
{
	const struct allocator_bank *bank = &allocator->bank;

	if (bank_bytes < bank->minimum_bytes)
		bank_bytes = bank->minimum_bytes;
	return (bank_bytes + bank->alignment_bytes - 1) & ~(bank->alignment_bytes - 1);
}

bool allocator_place(struct allocator *allocator, uint64_t bank_bytes, enum direction direction,
                     struct placement *placed)
{
	uint64_t bytes = allocator_rounded(allocator, bank_bytes);
	uint32_t block = find_fit(allocator, bytes, direction);
	uint64_t rest_bytes;

	if (block == NO_BLOCK)
		return false;
	class_remove(allocator, block);
	rest_bytes = allocator->blocks[block].bytes - bytes;
	if (rest_bytes > 0 && direction == BOTTOM_UP) {
		class_insert(allocator, split(allocator, block, bytes));
	} else if (rest_bytes > 0) {
		uint32_t upper = split(allocator, block, rest_bytes);

		class_insert(allocator, block);
		block = upper;
	}
	allocator->blocks[block].live = true;
	allocator->allocated_bytes += bytes;
	*placed = (struct placement){.address = allocator->blocks[block].address, .bank_bytes = bytes};
	address_map_put(&allocator->live, placed->address, block);
	return true;
}

bool allocator_release(struct allocator *allocator, uint64_t address)
{
	uint32_t block, lower, higher;

	if (!address_map_take(&allocator->live, address, &block))
		return false;
	allocator->blocks[block].live = false;
	allocator->allocated_bytes -= allocator->blocks[block].bytes;
	higher = allocator->blocks[block].higher;
	if (higher != NO_BLOCK && !allocator->blocks[higher].live) {
		class_remove(allocator, higher);
		merge_higher(allocator, block);
	}
	lower = allocator->blocks[block].lower;
	if (lower != NO_BLOCK && !allocator->blocks[lower].live) {
		class_remove(allocator, lower);
		merge_higher(allocator, lower);
		block = lower;
	}
	class_insert(allocator, block);
	return true;
}

struct allocator_figures allocator_measure(const struct allocator *allocator)
{
	struct allocator_figures figures = {
	    .bank_bytes = allocator->bank.bank_bytes,
	    .allocated_bytes = allocator->allocated_bytes,
	    .free_bytes = allocator->bank.bank_bytes - allocator->allocated_bytes,
	};

	/* The largest block is in the highest class that has any. */
	for (unsigned class = CLASSES; class -- > 0 && figures.largest_free_bytes == 0;) {
		for (uint32_t i = 0; i < allocator->classes[class].count; i++) {
			uint64_t bytes = allocator->blocks[allocator->classes[class].blocks[i]].bytes;

			if (bytes > figures.largest_free_bytes)
				figures.largest_free_bytes = bytes;
		}
	}
	return figures;
}

uint64_t allocator_allocated(const struct allocator *allocator)
{
	return allocator->allocated_bytes;
}

uint64_t allocator_lowest_live(const struct allocator *allocator)
{
	const struct block *lowest;

	if (allocator->block_count == 0)
		return UINT64_MAX;
	lowest = &allocator->blocks[0];
	/* Free neighbours coalesce: if the lowest block is free, the next one is live. */
	if (!lowest->live && lowest->higher == NO_BLOCK)
		return UINT64_MAX;
	return lowest->live ? lowest->address : allocator->blocks[lowest->higher].address;
}

uint64_t allocator_share(uint64_t size_bytes, uint64_t page_bytes, uint32_t banks, uint64_t alignment_bytes)
{
	uint64_t pages = (size_bytes + page_bytes - 1) / page_bytes;
	uint64_t padded_page = (page_bytes + alignment_bytes - 1) / alignment_bytes * alignment_bytes;

	return (pages + banks - 1) / banks * padded_page;
}
