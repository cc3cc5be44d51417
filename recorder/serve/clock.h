/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - from the ticks of a hook to nanoseconds since the recording's start.
 *
 * The map of the TSC is a chain of nodes (ticks, CLOCK_MONOTONIC), a straight line between any two. The last node lies
 * a little in the future, and a new one is only ever put after it: what was converted once would be converted the same
 * way again, also by a recorder that was started again on the same file, and the map never goes back. The next node is
 * placed where the clocks are expected to be by then, so an error is corrected by the slope of the line that leads to
 * it, not by a jump.
 *
 * Not thread-safe.
 */
#ifndef RECORDER_CLOCK_H
#define RECORDER_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc/segment.h"

struct clock_map;

/* Two clocks, read together. */
struct clock_reading {
	uint64_t ticks;
	uint64_t monotonic_ns;
};

/* Whose ticks they are: a segment's clock, and the reading that its header keeps. */
struct clock_origin {
	enum tta_clock clock;
	struct clock_reading anchor; /* monotonic_ns: of this machine's clock */
	int64_t shift_ns;            /* how much theirs is ahead of it, in another time namespace */
};

/* NULL: no memory. */
struct clock_map *clock_map_new(uint64_t start_monotonic_ns);
void clock_map_free(struct clock_map *map);

/* Puts back a node of an earlier run; oldest first. Nodes out of order are ignored. */
void clock_map_restore(struct clock_map *map, struct clock_reading node);

/* Brings the map up to NOW, so that any moment up to it can be converted. To be called before a conversion; cheap when
 * there is nothing to do. */
void clock_map_advance(struct clock_map *map, struct clock_reading now);

/* The nodes made since the last call, oldest first, CAPACITY at most: to be stored. */
size_t clock_map_take_new(struct clock_map *map, struct clock_reading *nodes, size_t capacity);

/* Nanoseconds since the recording's start; what was before it is 0. Never more than a little in the future, whatever
 * TICKS claims. */
uint64_t clock_map_convert(struct clock_map *map, const struct clock_origin *origin, uint64_t ticks);

/* The same for a CLOCK_MONOTONIC time. */
uint64_t clock_map_relative(const struct clock_map *map, uint64_t monotonic_ns);

/* Whether this machine has ticks of its own to read. */
bool clock_has_ticks(void);

/* Reads both clocks, as close together as can be had in a few tries. */
struct clock_reading clock_read(void);

#endif
