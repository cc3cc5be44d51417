/* SPDX-License-Identifier: Apache-2.0
 *
 * served_cores.c - see served_cores.h.
 */
#include "served_cores.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"

void served_cores_set(struct served_cores *served, uint16_t allocator, const struct cores *cores)
{
	bool fit = core_levels_fit(cores);
	size_t count = allocator < 32 ? 64 : (size_t)allocator * 2;

	if (!fit && !served_cores_of(served, allocator))
		return;
	if (allocator >= served->count) {
		served->of = memory_or_die(realloc(served->of, count * sizeof(*served->of)));
		memset(served->of + served->count, 0, (count - served->count) * sizeof(*served->of));
		served->count = count;
	}
	free(served->of[allocator]);
	served->of[allocator] = NULL;
	if (!fit)
		return;
	served->of[allocator] = memory_zeroed(sizeof(*cores));
	*served->of[allocator] = *cores;
}

int64_t served_cores_change(const struct served_cores *served, struct region_total *total, const struct block *block,
                            int sign)
{
	const struct cores *cores = served_cores_of(served, block->allocator);
	int64_t bytes = sign * (int64_t)block->bank_bytes;

	return cores ? core_levels_change(&total->cores, cores, bytes) : bytes;
}

void served_cores_free(struct served_cores *served)
{
	for (size_t i = 0; i < served->count; i++)
		free(served->of[i]);
	free(served->of);
	*served = (struct served_cores){.of = NULL};
}
