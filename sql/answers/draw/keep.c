/* SPDX-License-Identifier: Apache-2.0
 *
 * keep.c - see keep.h. Heaps with the least one on top, so that most blocks cost one comparison for each.
 */
#include "keep.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "ttalloc/heap.h"

struct scored {
	double score;
	struct kept_block block;
};

struct heap {
	struct scored *list;
	size_t count, capacity, most;
};

struct keep {
	size_t wanted, parts;
	int64_t seen;
	struct heap largest, moments; /* by area; live when it mattered, by bytes */
	struct heap *begun, *held;    /* per part: by bytes; what its program did not free */
	struct kept_block *blocks;    /* the result */
	size_t count;
};

struct keep *keep_new(int64_t wanted, int64_t parts)
{
	struct keep *keep = calloc(1, sizeof(*keep));

	if (!keep)
		return NULL;
	keep->wanted = (size_t)wanted;
	keep->parts = (size_t)parts;
	keep->largest.most = keep->wanted;
	keep->moments.most = keep->wanted / 4;
	keep->begun = calloc(keep->parts, sizeof(*keep->begun));
	keep->held = calloc(keep->parts, sizeof(*keep->held));
	if (!keep->begun || !keep->held) {
		free(keep->begun);
		free(keep->held);
		free(keep);
		return NULL;
	}
	for (size_t i = 0; i < keep->parts; i++)
		keep->begun[i].most = keep->held[i].most = keep->wanted / 4 / keep->parts;
	return keep;
}

void keep_free(struct keep *keep)
{
	if (!keep)
		return;
	for (size_t i = 0; i < keep->parts; i++) {
		free(keep->begun[i].list);
		free(keep->held[i].list);
	}
	free(keep->begun);
	free(keep->held);
	free(keep->largest.list);
	free(keep->moments.list);
	free(keep->blocks);
	free(keep);
}

static inline bool is_less(const void *nothing, const struct scored *a, const struct scored *b)
{
	(void)nothing;
	return a->score < b->score;
}

TTA_HEAP(scored, struct scored, const void *, is_less)

static int heap_take(struct heap *heap, double score, const struct kept_block *block)
{
	if (heap->count < heap->most) {
		if (array_reserve(&heap->list, &heap->capacity, heap->count) < 0)
			return -1;
		scored_push(NULL, heap->list, heap->count++, (struct scored){score, *block});
	} else if (heap->count > 0 && score > heap->list[0].score) {
		scored_down(NULL, heap->list, heap->count, 0, (struct scored){score, *block});
	}
	return 0;
}

int keep_block(struct keep *keep, const struct kept_block *block, double area, int64_t part, bool matters)
{
	double bytes = (double)block->bank_bytes;

	keep->seen++;
	if (heap_take(&keep->largest, area, block) < 0)
		return -1;
	if (matters && heap_take(&keep->moments, bytes, block) < 0)
		return -1;
	if (part < 0 || (size_t)part >= keep->parts)
		return 0;
	if (!block->freed && heap_take(&keep->held[part], bytes, block) < 0)
		return -1;
	return heap_take(&keep->begun[part], bytes, block);
}

int64_t keep_seen(const struct keep *keep)
{
	return keep->seen;
}

static int largest_first(const void *a, const void *b)
{
	const struct scored *first = a, *second = b;

	return (first->score < second->score) - (first->score > second->score);
}

static int by_key(const void *a, const void *b)
{
	const struct kept_block *first = a, *second = b;

	if (first->key != second->key)
		return (first->key > second->key) - (first->key < second->key);
	return (first->alloc_ns > second->alloc_ns) - (first->alloc_ns < second->alloc_ns);
}

static int by_time(const void *a, const void *b)
{
	const struct kept_block *first = a, *second = b;

	if (first->alloc_ns != second->alloc_ns)
		return (first->alloc_ns > second->alloc_ns) - (first->alloc_ns < second->alloc_ns);
	return (first->key > second->key) - (first->key < second->key);
}

static void add_heap(struct keep *keep, const struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		keep->blocks[keep->count++] = heap->list[i].block;
}

/* What several heaps keep is kept once. A circular buffer takes its place more than once, with the same key. */
static void drop_doubles(struct keep *keep)
{
	size_t kept = 0;

	qsort(keep->blocks, keep->count, sizeof(*keep->blocks), by_key);
	for (size_t i = 0; i < keep->count; i++)
		if (kept == 0 || by_key(&keep->blocks[kept - 1], &keep->blocks[i]) != 0)
			keep->blocks[kept++] = keep->blocks[i];
	keep->count = kept;
}

const struct kept_block *keep_blocks(struct keep *keep, size_t *count)
{
	struct heap *largest = &keep->largest;

	if (!keep->blocks && largest->count > 0) {
		keep->blocks = calloc(keep->wanted * 2, sizeof(*keep->blocks));
		if (!keep->blocks)
			return NULL;
		if (keep->seen > (int64_t)keep->wanted) {
			add_heap(keep, &keep->moments);
			for (size_t i = 0; i < keep->parts; i++) {
				add_heap(keep, &keep->begun[i]);
				add_heap(keep, &keep->held[i]);
			}
			drop_doubles(keep);
			qsort(largest->list, largest->count, sizeof(*largest->list), largest_first);
			largest->count = keep->wanted - keep->count;
		}
		add_heap(keep, largest);
		drop_doubles(keep);
		qsort(keep->blocks, keep->count, sizeof(*keep->blocks), by_time);
	}
	*count = keep->count;
	return keep->blocks;
}
