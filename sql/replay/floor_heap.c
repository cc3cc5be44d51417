/* SPDX-License-Identifier: Apache-2.0
 *
 * floor_heap.c - see floor_heap.h.
 */
#include "floor_heap.h"

#include "sql/base/array.h"

bool floor_counts(const struct catalog *catalog, const struct replay_block *block)
{
	return block->bank_bytes > 0 && !catalog->origins[block->origin].aliased;
}

static bool is_lower(const struct floor_span *a, const struct floor_span *b)
{
	const struct replay_block *first = &a->block, *second = &b->block;

	if (first->address != second->address)
		return (uint64_t)first->address < (uint64_t)second->address;
	if (first->alloc_ns != second->alloc_ns)
		return first->alloc_ns < second->alloc_ns;
	return a->process != b->process ? a->process < b->process : first->alloc_key < second->alloc_key;
}

static bool is_gone(const int64_t *undone_keys, const struct floor_span *block)
{
	return block->block.alloc_key >= undone_keys[block->process];
}

static void sift_down(struct floor_heap *heap, size_t at)
{
	struct floor_span moving = heap->blocks[at];
	size_t child;

	while ((child = 2 * at + 1) < heap->count) {
		child += child + 1 < heap->count && is_lower(&heap->blocks[child + 1], &heap->blocks[child]);
		if (!is_lower(&heap->blocks[child], &moving))
			break;
		heap->blocks[at] = heap->blocks[child];
		at = child;
	}
	heap->blocks[at] = moving;
}

/* Throws out what is gone. */
static void tidy(struct floor_heap *heap, const int64_t *undone_keys)
{
	size_t kept = 0;

	for (size_t i = 0; i < heap->count; i++)
		if (!is_gone(undone_keys, &heap->blocks[i]))
			heap->blocks[kept++] = heap->blocks[i];
	heap->count = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sift_down(heap, i);
}

int floor_heap_add(struct floor_heap *heap, const struct floor_span *block)
{
	if (array_reserve(&heap->blocks, &heap->capacity, heap->count) < 0)
		return -1;
	heap->live++;
	size_t at = heap->count++;
	for (; at > 0 && is_lower(block, &heap->blocks[(at - 1) / 2]); at = (at - 1) / 2)
		heap->blocks[at] = heap->blocks[(at - 1) / 2];
	heap->blocks[at] = *block;
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
	while (heap->count > 0 && is_gone(undone_keys, &heap->blocks[0])) {
		heap->blocks[0] = heap->blocks[--heap->count];
		if (heap->count > 0)
			sift_down(heap, 0);
	}
	return heap->count > 0 ? &heap->blocks[0] : NULL;
}

void floor_heap_clear(struct floor_heap *heap)
{
	free(heap->blocks);
}
