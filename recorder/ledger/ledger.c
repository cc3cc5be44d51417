/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.c - the live blocks of one process.
 */
#include "ledger.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct block) == 48, "a million live blocks are to fit into 100 MB");

static struct block *place(const struct ledger *ledger, uint32_t ref)
{
	return &ledger->slabs[(ref - 1) / LEDGER_SLAB_BLOCKS][(ref - 1) % LEDGER_SLAB_BLOCKS];
}

static uint64_t hash_of(uint32_t usage, uint64_t address)
{
	return hash_mix(address + ((uint64_t)usage << 48) + usage);
}

struct block *ledger_find(const struct ledger *ledger, uint32_t usage, uint64_t address)
{
	uint64_t hash = hash_of(usage, address);

	INDEX_EACH_MATCH(&ledger->index, hash, at, ref)
	{
		struct block *block = place(ledger, ref);

		if (block->address == address && block->usage == usage)
			return block;
	}
	return NULL;
}

static void add_slab(struct ledger *ledger)
{
	ledger->slabs = memory_room(ledger->slabs, ledger->slab_count, &ledger->slab_capacity, sizeof(*ledger->slabs));
	ledger->slabs[ledger->slab_count++] = memory_or_die(malloc(LEDGER_SLAB_BLOCKS * sizeof(struct block)));
}

static uint32_t vacant_place(struct ledger *ledger)
{
	uint32_t ref = ledger->vacant;

	if (ref) {
		ledger->vacant = place(ledger, ref)->birth_row;
		return ref;
	}
	if (ledger->used == ledger->slab_count * LEDGER_SLAB_BLOCKS)
		add_slab(ledger);
	return ++ledger->used;
}

struct block *ledger_add(struct ledger *ledger, uint32_t usage, uint64_t address)
{
	uint32_t ref = vacant_place(ledger);
	struct block *block = place(ledger, ref);

	block->address = address;
	block->usage = usage & 0xFFFF;
	index_add(&ledger->index, hash_of(usage, address), ref);
	return block;
}

bool ledger_take(struct ledger *ledger, uint32_t usage, uint64_t address, struct block *taken)
{
	uint64_t hash = hash_of(usage, address);

	INDEX_EACH_MATCH(&ledger->index, hash, at, ref)
	{
		struct block *block = place(ledger, ref);

		if (block->address != address || block->usage != usage)
			continue;
		*taken = *block;
		index_remove(&ledger->index, at);
		block->key = 0;
		block->birth_row = ledger->vacant;
		ledger->vacant = ref;
		return true;
	}
	return false;
}

void ledger_each(struct ledger *ledger, void (*each)(void *context, const struct block *block), void *context)
{
	for (uint32_t ref = 1; ref <= ledger->used; ref++) {
		struct block copy = *place(ledger, ref);

		if (copy.key)
			each(context, &copy);
	}
}

void ledger_free(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->slab_count; i++)
		free(ledger->slabs[i]);
	free(ledger->slabs);
	index_free(&ledger->index);
	*ledger = (struct ledger){0};
}
