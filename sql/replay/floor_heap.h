/* SPDX-License-Identifier: Apache-2.0
 *
 * floor_heap.h - live blocks on the way backwards through a recording, the lowest one on top. A block leaves when its
 * alloc is undone. It is not looked for then: the key that its process was undone down to tells that it is gone, when
 * it comes to the top, or when there are more of its kind than live ones.
 */
#ifndef SQL_FLOOR_HEAP_H
#define SQL_FLOOR_HEAP_H

#include "floor.h"

struct floor_heap {
	struct floor_span *blocks;
	size_t count, capacity, live;
};

/* Whether BLOCK can be the lowest one. */
bool floor_counts(const struct catalog *catalog, const struct replay_block *block);

/* A block that is live from here on back. 0; -1: no memory. */
int floor_heap_add(struct floor_heap *heap, const struct floor_span *block);

/* The alloc of one is undone. UNDONE_KEYS, per process: all from that key on are undone. */
void floor_heap_undo(struct floor_heap *heap, const int64_t *undone_keys);

/* The lowest live block; NULL: nothing is live. */
const struct floor_span *floor_heap_lowest(struct floor_heap *heap, const int64_t *undone_keys);

void floor_heap_clear(struct floor_heap *heap);

#endif
