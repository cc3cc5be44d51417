/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c - see window.h. A window can be moved down, and cost no more, until it meets the end of the block before it.
 * So only windows that begin at the end of a block, or of the space, need to be looked at. What a window touches is
 * what begins before its end without what ends before its beginning: two pointers, over beginnings and over ends.
 */
#include "window.h"

#include <stdlib.h>

struct end {
	uint64_t at, bytes;
};

static int compare(const void *a, const void *b)
{
	const struct end *first = a, *second = b;

	return (first->at > second->at) - (first->at < second->at);
}

/* The ends of BLOCKS, rising. They do already, unless blocks overlap. */
static struct end *sorted_ends(const struct bank_block *blocks, size_t count)
{
	struct end *ends = malloc((count + 1) * sizeof(*ends));
	bool sorted = true;

	for (size_t i = 0; ends && i < count; i++) {
		ends[i] = (struct end){blocks[i].address + blocks[i].bytes, blocks[i].bytes};
		sorted = sorted && (i == 0 || ends[i - 1].at <= ends[i].at);
	}
	if (ends && !sorted)
		qsort(ends, count, sizeof(*ends), compare);
	return ends;
}

static bool is_better(const struct window_space *space, const struct window *window, const struct window *best)
{
	if (window->eviction_bytes != best->eviction_bytes)
		return window->eviction_bytes < best->eviction_bytes;
	if (window->eviction_blocks != best->eviction_blocks)
		return window->eviction_blocks < best->eviction_blocks;
	return space->top_down; /* they are looked at from below */
}

int window_find(const struct window_space *space, const struct bank_block *blocks, size_t count, uint64_t bytes,
                struct window *window)
{
	struct window at = {.address = space->low};
	size_t begun = 0, ended = 0;
	bool found = false;

	if (space->high < space->low || bytes > space->high - space->low)
		return 0;
	struct end *ends = sorted_ends(blocks, count);
	if (!ends)
		return -1;
	for (size_t next = 0; at.address <= space->high - bytes; at.address = ends[next++].at) {
		for (; begun < count && blocks[begun].address < at.address + bytes; begun++) {
			at.eviction_bytes += blocks[begun].bytes;
			at.eviction_blocks++;
		}
		for (; ended < count && ends[ended].at <= at.address; ended++) {
			at.eviction_bytes -= ends[ended].bytes;
			at.eviction_blocks--;
		}
		if (!found || is_better(space, &at, window))
			*window = at;
		found = true;
		while (next < count && ends[next].at <= at.address)
			next++;
		if (next == count)
			break;
	}
	free(ends);
	return 1;
}
