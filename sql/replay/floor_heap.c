/* SPDX-License-Identifier: Apache-2.0
 *
 * floor_heap.c - see floor_heap.h.
 */
#include "floor_heap.h"

#include "sql/base/array.h"
#include "ttalloc/heap.h"

bool floor_counts(const struct catalog *catalog, const struct replay_block *block)
{
	return block->bank_bytes > 0 && !catalog->origins[block->origin].aliased;
}

static inline bool is_lower(const void *nothing, const struct floor_span *a, const struct floor_span *b)
{
	const struct replay_block *first = &a->block, *second = &b->block;

	(void)nothing;
	if (first->address != second->address)
		return (uint64_t)first->address < (uint64_t)second->address;
	if (first->alloc_ns != second->alloc_ns)
		return first->alloc_ns < second->alloc_ns;
	return a->process != b->process ? a->process < b->process : first->alloc_key < second->alloc_key;
}

TTA_HEAP(lowest, struct floor_span, const void *, is_lower)

static bool is_gone(const int64_t *undone_keys, const struct floor_span *block)
{
	return block->block.alloc_key >= undone_keys[block->process];
}

/* Throws out what is gone. */
static void tidy(struct floor_heap *heap, const int64_t *undone_keys)
{
	size_t kept = 0;

	for (size_t i = 0; i < heap->count; i++)
		if (!is_gone(undone_keys, &heap->blocks[i]))
			heap->blocks[kept++] = heap->blocks[i];
	heap->count = kept;
	lowest_make(NULL, heap->blocks, kept);
}

int floor_heap_add(struct floor_heap *heap, const struct floor_span *block)
{
	if (array_reserve(&heap->blocks, &heap->capacity, heap->count) < 0)
		return -1;
	heap->live++;
	lowest_push(NULL, heap->blocks, heap->count++, *block);
	return 0;
}

void floor_heap_undo(struct floor_heap *heap, const int64_t *undone_keys)
{
	heap->live--;
	if (heap->count > 2 * heap->live + 64)
		tidy(heap, undone_keys);
}

const struct floor_span *floor_heap_lowest(struct floor_heap *heap, const int64_t *undone_keys)
{
	while (heap->count > 0 && is_gone(undone_keys, &heap->blocks[0]))
		lowest_pop(NULL, heap->blocks, --heap->count);
	return heap->count > 0 ? &heap->blocks[0] : NULL;
}

void floor_heap_clear(struct floor_heap *heap)
{
	free(heap->blocks);
}
