/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks.c - the live blocks of one process.
 */
#include "blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct block) == 48, "a million live blocks are to fit into 100 MB");

static struct block *block_at(const struct blocks *blocks, uint32_t ref)
{
	return &blocks->slabs[(ref - 1) / BLOCKS_PER_SLAB][(ref - 1) % BLOCKS_PER_SLAB];
}

/* Blocks of several allocators at one address share a hash, so that all of them can be found. */
static uint64_t hash_of(uint32_t total, uint64_t address)
{
	return hash_mix(address + ((uint64_t)total << 48) + total);
}

static bool is_at(const struct block *block, const struct block_place *place)
{
	return block->address == place->address && block->total == place->total && block->allocator == place->allocator;
}

struct block *blocks_find(const struct blocks *blocks, const struct block_place *place)
{
	uint64_t hash = hash_of(place->total, place->address);

	INDEX_EACH_MATCH(&blocks->index, hash, at, ref)
	{
		struct block *block = block_at(blocks, ref);

		if (is_at(block, place))
			return block;
	}
	return NULL;
}

struct block *blocks_find_youngest(const struct blocks *blocks, uint32_t total, uint64_t address)
{
	uint64_t hash = hash_of(total, address);
	struct block *youngest = NULL;

	INDEX_EACH_MATCH(&blocks->index, hash, at, ref)
	{
		struct block *block = block_at(blocks, ref);

		if (block->address == address && block->total == total && (!youngest || block->key > youngest->key))
			youngest = block;
	}
	return youngest;
}

static void add_slab(struct blocks *blocks)
{
	blocks->slabs = memory_room(blocks->slabs, blocks->slab_count, &blocks->slab_capacity, sizeof(*blocks->slabs));
	blocks->slabs[blocks->slab_count++] = memory_or_die(malloc(BLOCKS_PER_SLAB * sizeof(struct block)));
}

static uint32_t vacant_place(struct blocks *blocks)
{
	uint32_t ref = blocks->vacant;

	if (ref) {
		blocks->vacant = block_at(blocks, ref)->birth_row;
		return ref;
	}
	if (blocks->used == blocks->slab_count * BLOCKS_PER_SLAB)
		add_slab(blocks);
	return ++blocks->used;
}

struct block *blocks_add(struct blocks *blocks, const struct block_place *place)
{
	uint32_t ref = vacant_place(blocks);
	struct block *block = block_at(blocks, ref);

	block->address = place->address;
	block->total = place->total & 0xFFFF;
	block->allocator = place->allocator;
	index_add(&blocks->index, hash_of(place->total, place->address), ref);
	return block;
}

bool blocks_take(struct blocks *blocks, const struct block_place *place, struct block *taken)
{
	uint64_t hash = hash_of(place->total, place->address);

	INDEX_EACH_MATCH(&blocks->index, hash, at, ref)
	{
		struct block *block = block_at(blocks, ref);

		if (!is_at(block, place))
			continue;
		*taken = *block;
		index_remove(&blocks->index, at);
		block->key = 0;
		block->birth_row = blocks->vacant;
		blocks->vacant = ref;
		return true;
	}
	return false;
}

void blocks_each(struct blocks *blocks, void (*each)(void *context, const struct block *block), void *context)
{
	for (uint32_t ref = 1; ref <= blocks->used; ref++) {
		struct block copy = *block_at(blocks, ref);

		if (copy.key)
			each(context, &copy);
	}
}

void blocks_free(struct blocks *blocks)
{
	for (size_t i = 0; i < blocks->slab_count; i++)
		free(blocks->slabs[i]);
	free(blocks->slabs);
	index_free(&blocks->index);
	*blocks = (struct blocks){0};
}
