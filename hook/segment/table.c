/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - see table.h. The index is a hash table in private memory: open addressing, slots are written once, so
 * that readers need no lock; but for one whose entry must not be used any more, which is replaced by a newer equal one.
 * A grown index replaces the old one, which stays mapped for readers that still look at it.
 */
#include "table.h"

#include "ttalloc.h"

#define INDEX_FIRST_SLOTS 1024u
#define HASH_START 14695981039346656037u
#define HASH_FACTOR 1099511628211u

struct tta_table_index {
	uint32_t mask;
	uint32_t used;    /* under the lock */
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

/* The slot of the entry with this HASH, which is of TYPE and has these DATA; NULL: there is none. */
static uint64_t *find_slot(const struct tta_table *table, uint64_t hash, uint32_t type, const void *data,
                           uint32_t bytes)
{
	struct tta_table_index *index = __atomic_load_n(&table->index, __ATOMIC_ACQUIRE);

	if (!index)
		return NULL;
	for (uint32_t i = (uint32_t)hash;; i++) {
		uint64_t *place = &index->slots[i & index->mask];
		uint64_t slot = __atomic_load_n(place, __ATOMIC_ACQUIRE);

		if (!slot)
			return NULL;
		if (slot >> 32 == hash >> 32 &&
		    tta_table_entry_is(tta_table_entry(table, (uint32_t)slot), type, data, bytes))
			return place;
	}
}

/* What is in the slot at PLACE; NULL: nothing. */
static uint32_t entry_at(const uint64_t *place)
{
	return place ? (uint32_t)__atomic_load_n(place, __ATOMIC_ACQUIRE) : 0;
}

static void insert(struct tta_table_index *index, uint64_t hash, uint64_t slot)
{
	uint32_t i = (uint32_t)hash;

	while (index->slots[i & index->mask])
		i++;
	__atomic_store_n(&index->slots[i & index->mask], slot, __ATOMIC_RELEASE);
	index->used++;
}

/* Returns an index with room for one more; NULL when there is no memory. Under the lock. */
static struct tta_table_index *index_with_room(struct tta_table *table)
{
	struct tta_table_index *old = table->index;
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
		if (old->slots[i]) {
			struct tta_table_entry entry = tta_table_entry(table, (uint32_t)old->slots[i]);

			insert(index, hash_entry(entry.type, entry.data, entry.bytes), old->slots[i]);
		}
	__atomic_store_n(&table->index, index, __ATOMIC_RELEASE);
	return index;
}

/* How high the table may grow with an entry of TYPE. Call stacks and arguments leave half of it to names; names leave
 * the last part to what says what is missing (texts of notes and failures), and all of them to threads and devices,
 * without which events are worth little. */
static uint64_t height_for(const struct tta_area *area, uint32_t type)
{
	switch (type) {
	case TTA_ENTRY_STACK:
	case TTA_ENTRY_CODE:
	case TTA_ENTRY_ARGUMENTS:
		return area->capacity / 2;
	case TTA_ENTRY_THREAD:
	case TTA_ENTRY_DEVICE:
		return area->capacity;
	case TTA_ENTRY_TEXT:
		return area->capacity / 32 * 31;
	default:
		return area->capacity / 16 * 15;
	}
}

static enum tta_spool_use use_of(uint32_t type)
{
	bool is_vital = type == TTA_ENTRY_THREAD || type == TTA_ENTRY_DEVICE || type == TTA_ENTRY_TEXT;

	return is_vital ? TTA_SPOOL_VITAL : TTA_SPOOL_USUAL;
}

bool tta_table_is_full_for(const struct tta_table *table, uint32_t type)
{
	uint64_t height = __atomic_load_n(&table->spool->header->table_bytes, __ATOMIC_RELAXED);

	return height + TTA_ENTRY_MAX_BYTES > height_for(&table->spool->table, type);
}

/* Under the lock. */
static uint32_t append_locked(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_spool *spool = table->spool;
	struct tta_entry_header header = {.type = type, .data_bytes = bytes};
	uint64_t place = spool->header->table_bytes;
	uint64_t height = place + sizeof(header) + (bytes + 7) / 8 * 8;
	uint8_t *at = spool->base + spool->table.offset + place;

	if (place / 8 >= TTA_LEFT_OUT || height > height_for(&spool->table, type) ||
	    !tta_spool_grow(spool, &spool->table, height, use_of(type)))
		return TTA_LEFT_OUT;
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), data, bytes);
	__atomic_store_n(&spool->header->table_bytes, height, __ATOMIC_RELEASE);
	return (uint32_t)(place / 8);
}

uint32_t tta_table_append(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_critical critical;
	uint32_t entry;

	tta_lock_enter(&table->lock, &critical);
	entry = append_locked(table, type, data, bytes);
	tta_lock_leave(&table->lock, &critical);
	return entry;
}

uint32_t tta_table_find(const struct tta_table *table, uint32_t type, const void *data, uint32_t bytes)
{
	return entry_at(find_slot(table, hash_entry(type, data, bytes), type, data, bytes));
}

/* Under the lock. A new entry, in the index at OLD_PLACE if there is an equal one. */
static uint32_t append_indexed(struct tta_table *table, uint64_t hash, uint64_t *old_place, uint32_t type,
                               const void *data, uint32_t bytes)
{
	struct tta_table_index *index = old_place ? NULL : index_with_room(table);
	uint32_t entry = append_locked(table, type, data, bytes);
	uint64_t slot = hash >> 32 << 32 | entry;

	if (entry == TTA_LEFT_OUT)
		return entry;
	if (old_place)
		__atomic_store_n(old_place, slot, __ATOMIC_RELEASE);
	else if (index)
		insert(index, hash, slot);
	return entry;
}

uint32_t tta_table_intern_newer(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes,
                                uint32_t older)
{
	uint64_t hash = hash_entry(type, data, bytes);
	uint32_t entry = entry_at(find_slot(table, hash, type, data, bytes));
	struct tta_critical critical;
	uint64_t *place;

	if (entry > older)
		return entry;
	tta_lock_enter(&table->lock, &critical);
	place = find_slot(table, hash, type, data, bytes);
	entry = entry_at(place);
	if (entry <= older)
		entry = append_indexed(table, hash, place, type, data, bytes);
	tta_lock_leave(&table->lock, &critical);
	return entry;
}

uint32_t tta_table_intern(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes)
{
	return tta_table_intern_newer(table, type, data, bytes, 0);
}

uint32_t tta_text_most(const char *text, uint32_t most)
{
	uint32_t bytes = text ? (uint32_t)strnlen(text, most + 1) : 0;

	if (bytes <= most)
		return bytes;
	for (bytes = most; bytes > most - 3 && (text[bytes] & 0xC0) == 0x80; bytes--)
		;
	return bytes;
}

uint32_t tta_text_bytes(const char *text)
{
	return tta_text_most(text, TTALLOC_NAME_MAX);
}
