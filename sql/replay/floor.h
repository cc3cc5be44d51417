/* SPDX-License-Identifier: Apache-2.0
 *
 * floor.h - the lowest live block of each device and region over time, or of each of the allocators there. Of blocks at
 * the same address the one that was allocated first is it. Blocks that take no space in a bank, and aliased ones, are
 * none. What happens within one nanosecond shows only by what it leaves behind.
 */
#ifndef SQL_FLOOR_H
#define SQL_FLOOR_H

#include "catalog.h"
#include "replay.h"

/* A stretch of time in which the same block was the lowest one. */
struct floor_span {
	int64_t from_ns, to_ns; /* the same only at the end of the window: what is the lowest then, from then on */
	uint32_t series;        /* index in the catalog */
	uint32_t lane;          /* of floor_lanes; the series without them */
	uint32_t process;       /* index */
	struct replay_block block;
};

/* Which blocks are compared with each other: those of one lane. */
struct floor_lanes {
	const uint32_t *of; /* by origin */
	size_t count;
};

/* Calls EACH for the spans from START_NS to END_NS of all blocks that CATALOG chooses (but for its window of time);
 * those of a lane (LANES may be NULL: a device and region is one) from the last one to the first. It returns 0, or -1
 * with ERROR to end this. 0, or -1 with ERROR. */
int floor_spans(struct recording *recording, const struct catalog *catalog, const struct floor_lanes *lanes,
                int64_t start_ns, int64_t end_ns, int (*each)(const struct floor_span *span, void *context),
                void *context, struct sql_error *error);

#endif
