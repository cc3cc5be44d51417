/* SPDX-License-Identifier: Apache-2.0
 *
 * served_cores.h - which of a process's allocators serve single cores, and what a block of such a one adds to the
 * fullest core of its device and region.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_SERVED_CORES_H
#define RECORDER_SERVED_CORES_H

#include "blocks.h"
#include "sql/replay/core_levels.h"
#include "sql/totals/region_total.h"

struct served_cores {
	struct cores **of; /* by allocator; NULL: it serves all cores, or it is not known which */
	size_t count;
};

/* ALLOCATOR serves CORES from now on: those that can be counted one by one, or all. */
void served_cores_set(struct served_cores *served, uint16_t allocator, const struct cores *cores);

/* NULL: all. */
static inline const struct cores *served_cores_of(const struct served_cores *served, uint32_t allocator)
{
	return allocator < served->count ? served->of[allocator] : NULL;
}

/* What the bytes in each bank of TOTAL, to which BLOCK belongs, change by when it comes (SIGN 1), or goes (-1). */
int64_t served_cores_change(const struct served_cores *served, struct region_total *total, const struct block *block,
                            int sign);

void served_cores_free(struct served_cores *served);

#endif
