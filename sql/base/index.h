/* SPDX-License-Identifier: Apache-2.0
 *
 * index.h - a hash index: finds the numbers ("refs", from 1) of things that lie elsewhere. It keeps 32 bits of each
 * thing's hash beside its ref, so that neither growing nor removing touches the things themselves: 8 bytes a slot.
 *
 *	INDEX_EACH_MATCH(index, hash, at, ref)
 *		if (things[ref - 1] is the one)
 *			...
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef SQL_INDEX_H
#define SQL_INDEX_H

#include <stdint.h>
#include <stdlib.h>

#include "memory.h"

struct index_slot {
	uint32_t tag, ref; /* ref 0: empty */
};

struct index {
	struct index_slot *slots;
	uint32_t mask, count;
};

static inline uint64_t hash_mix(uint64_t value)
{
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93u;
	value ^= value >> 32;
	value *= 0xd6e8feb86659fd93u;
	return value ^ value >> 32;
}

static inline uint64_t hash_pair(uint64_t a, uint64_t b)
{
	return hash_mix(a + 0x9e3779b97f4a7c15u * hash_mix(b));
}

static inline uint64_t hash_bytes(const void *bytes, size_t count, uint64_t seed)
{
	const uint8_t *place = bytes;
	uint64_t hash = hash_mix(seed ^ count), word;

	for (; count >= 8; count -= 8, place += 8) {
		__builtin_memcpy(&word, place, 8);
		hash = hash_mix(hash ^ word);
	}
	word = 0;
	if (count)
		__builtin_memcpy(&word, place, count);
	return hash_mix(hash ^ word);
}

/* The next ref, from *AT on, whose tag fits HASH; 0: there is none. */
static inline uint32_t index_match(const struct index *index, uint64_t hash, uint32_t *at)
{
	if (!index->count)
		return 0;
	for (;; ++*at) {
		const struct index_slot *slot = &index->slots[*at & index->mask];

		if (slot->tag == (uint32_t)hash || !slot->ref)
			return slot->ref;
	}
}

#define INDEX_EACH_MATCH(index, hash, at, ref)                                                                         \
	for (uint32_t at = (uint32_t)(hash), ref; (ref = index_match((index), (hash), &at)) != 0; at++)

static inline void index_place(struct index *index, struct index_slot slot)
{
	uint32_t at = slot.tag;

	while (index->slots[at & index->mask].ref)
		at++;
	index->slots[at & index->mask] = slot;
}

static inline void index_grow(struct index *index)
{
	struct index old = *index;

	index->mask = old.slots ? old.mask * 2 + 1 : 15;
	index->slots = memory_zeroed(((size_t)index->mask + 1) * sizeof(*index->slots));
	for (uint32_t i = 0; old.slots && i <= old.mask; i++)
		if (old.slots[i].ref)
			index_place(index, old.slots[i]);
	free(old.slots);
}

static inline void index_add(struct index *index, uint64_t hash, uint32_t ref)
{
	if (!index->slots || index->count + 1 > index->mask - index->mask / 4)
		index_grow(index);
	index_place(index, (struct index_slot){.tag = (uint32_t)hash, .ref = ref});
	index->count++;
}

/* Removes the slot at AT, as INDEX_EACH_MATCH gave it, and closes the gap: no tombstones. */
static inline void index_remove(struct index *index, uint32_t at)
{
	uint32_t mask = index->mask, hole = at & mask;

	for (uint32_t next = hole + 1;; next++) {
		struct index_slot *slot = &index->slots[next & mask];

		if (!slot->ref)
			break;
		/* A slot may move back to the hole unless its home lies behind the hole. */
		if (((next - slot->tag) & mask) >= ((next - hole) & mask)) {
			index->slots[hole] = *slot;
			hole = next & mask;
		}
	}
	index->slots[hole].ref = 0;
	index->count--;
}

static inline void index_free(struct index *index)
{
	free(index->slots);
	*index = (struct index){0};
}

#endif
