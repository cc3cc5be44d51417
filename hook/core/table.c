/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - see table.h. The index is a hash table in private memory: open addressing, slots are written once, so
 * that readers need no lock. A grown index replaces the old one, which stays mapped for readers that still look at it.
 */
#include "table.h"

#include <string.h>

#include "context.h"

#define INDEX_FIRST_SLOTS 1024u
#define HASH_START 14695981039346656037u
#define HASH_FACTOR 1099511628211u

struct tta_table_index {
	uint32_t mask;
	uint32_t used;    /* under the context's lock */
	uint64_t slots[]; /* upper half of the entry's hash, entry; 0: empty */
};

static uint64_t hash_entry(uint32_t type, const void *data, uint32_t bytes)
{
	const uint8_t *at = data;
	uint64_t hash = (HASH_START ^ type) * HASH_FACTOR;
	uint64_t word = 0;

	for (; bytes >= 8; bytes -= 8, at += 8) {
		memcpy(&word, at, 8);
		hash = (hash ^ word) * HASH_FACTOR;
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, at, bytes);
	hash = (hash ^ word ^ ((uint64_t)bytes << 56)) * HASH_FACTOR;
	return hash ^ hash >> 32;
}

static uint32_t find(uint64_t hash, uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_table_index *index = __atomic_load_n(&tta_context.table.index, __ATOMIC_ACQUIRE);

	if (!index)
		return 0;
	for (uint32_t i = (uint32_t)hash;; i++) {
		uint64_t slot = __atomic_load_n(&index->slots[i & index->mask], __ATOMIC_ACQUIRE);

		if (!slot)
			return 0;
		if (slot >> 32 == hash >> 32 && tta_table_is((uint32_t)slot, type, data, bytes))
			return (uint32_t)slot;
	}
}

static void insert(struct tta_table_index *index, uint64_t hash, uint64_t slot)
{
	uint32_t i = (uint32_t)hash;

	while (index->slots[i & index->mask])
		i++;
	__atomic_store_n(&index->slots[i & index->mask], slot, __ATOMIC_RELEASE);
	index->used++;
}

static uint64_t hash_stored_entry(uint32_t entry)
{
	const struct tta_spool *spool = &tta_context.spool;
	const uint8_t *at = spool->base + spool->table.offset + (uint64_t)entry * 8;
	struct tta_entry_header header;

	memcpy(&header, at, sizeof(header));
	return hash_entry(header.type, at + sizeof(header), header.data_bytes);
}

/* Returns an index with room for one more; NULL when there is no memory. Under the context's lock. */
static struct tta_table_index *index_with_room(void)
{
	struct tta_table_index *old = tta_context.table.index;
	struct tta_table_index *index;
	uint32_t slots;

	if (old && old->used <= old->mask / 2)
		return old;
	slots = old ? 2 * (old->mask + 1) : INDEX_FIRST_SLOTS;
	index = tta_private_pages(sizeof(*index) + slots * sizeof(index->slots[0]));
	if (!index)
		return old && old->used < old->mask ? old : NULL;
	index->mask = slots - 1;
	for (uint32_t i = 0; old && i <= old->mask; i++)
		if (old->slots[i])
			insert(index, hash_stored_entry((uint32_t)old->slots[i]), old->slots[i]);
	__atomic_store_n(&tta_context.table.index, index, __ATOMIC_RELEASE);
	return index;
}

/* Under the context's lock. */
static uint32_t append_locked(uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_spool *spool = &tta_context.spool;
	struct tta_entry_header header = {.type = type, .data_bytes = bytes};
	uint64_t place = spool->header->table_bytes;
	uint64_t height = place + sizeof(header) + (bytes + 7) / 8 * 8;
	uint8_t *at = spool->base + spool->table.offset + place;

	if (place / 8 > UINT32_MAX || !tta_spool_grow(spool, &spool->table, height))
		return 0;
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), data, bytes);
	__atomic_store_n(&spool->header->table_bytes, height, __ATOMIC_RELEASE);
	return (uint32_t)(place / 8);
}

uint32_t tta_table_append(uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_critical critical;
	uint32_t entry;

	tta_lock_enter(&tta_context.lock, &critical);
	entry = append_locked(type, data, bytes);
	tta_lock_leave(&tta_context.lock, &critical);
	return entry;
}

uint32_t tta_table_find(uint32_t type, const void *data, uint32_t bytes)
{
	return find(hash_entry(type, data, bytes), type, data, bytes);
}

uint32_t tta_table_intern(uint32_t type, const void *data, uint32_t bytes)
{
	uint64_t hash = hash_entry(type, data, bytes);
	uint32_t entry = find(hash, type, data, bytes);
	struct tta_table_index *index;
	struct tta_critical critical;

	if (entry)
		return entry;
	tta_lock_enter(&tta_context.lock, &critical);
	entry = find(hash, type, data, bytes);
	if (!entry) {
		index = index_with_room();
		entry = append_locked(type, data, bytes);
		if (entry && index)
			insert(index, hash, hash >> 32 << 32 | entry);
	}
	tta_lock_leave(&tta_context.lock, &critical);
	return entry;
}

uint32_t tta_text_bytes(const char *text)
{
	uint32_t bytes = text ? (uint32_t)strnlen(text, TTALLOC_NAME_MAX + 1) : 0;

	if (bytes <= TTALLOC_NAME_MAX)
		return bytes;
	for (bytes = TTALLOC_NAME_MAX; bytes > TTALLOC_NAME_MAX - 3 && (text[bytes] & 0xC0) == 0x80; bytes--)
		;
	return bytes;
}
