/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.h - live blocks, the one with the largest key on top: a heap with four children per node, which is half as deep
 * as one with two.
 */
#ifndef SQL_HEAP_H
#define SQL_HEAP_H

#include "sql/base/array.h"
#include "replay.h"

struct heap {
	struct replay_block *blocks; /* the top is the first */
	size_t count, capacity;
};

static inline int heap_push(struct heap *heap, const struct replay_block *block)
{
	if (array_reserve(&heap->blocks, &heap->capacity, heap->count) < 0)
		return -1;
	size_t at = heap->count++;
	while (at > 0) {
		size_t parent = (at - 1) / 4;

		if (heap->blocks[parent].alloc_key >= block->alloc_key)
			break;
		heap->blocks[at] = heap->blocks[parent];
		at = parent;
	}
	heap->blocks[at] = *block;
	return 0;
}

static inline void heap_pop(struct heap *heap)
{
	size_t count = --heap->count, at = 0, child;
	const struct replay_block *last = &heap->blocks[count];

	while ((child = 4 * at + 1) < count) {
		size_t end = child + 4 < count ? child + 4 : count;

		for (size_t other = child + 1; other < end; other++)
			if (heap->blocks[other].alloc_key > heap->blocks[child].alloc_key)
				child = other;
		if (heap->blocks[child].alloc_key <= last->alloc_key)
			break;
		heap->blocks[at] = heap->blocks[child];
		at = child;
	}
	heap->blocks[at] = *last;
}

#endif
