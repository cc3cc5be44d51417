/* SPDX-License-Identifier: Apache-2.0
 *
 * core_levels.c - see core_levels.h.
 */
#include "core_levels.h"

#include <stdlib.h>

#include "figures.h"
#include "sql/base/memory.h"

bool core_levels_fit(const struct cores *cores)
{
	for (size_t i = 0; i < cores->count; i++)
		if (cores->ranges[i].x1 >= CORE_LEVELS_SIDE || cores->ranges[i].y1 >= CORE_LEVELS_SIDE)
			return false;
	return cores_are_clear(cores);
}

static uint64_t fullest_of_all(const struct core_levels *levels)
{
	uint64_t fullest = 0;

	for (size_t i = 0; i < CORE_LEVELS_SIDE * CORE_LEVELS_SIDE; i++)
		if (levels->bytes[i] > fullest)
			fullest = levels->bytes[i];
	return fullest;
}

int64_t core_levels_change(struct core_levels **levels, const struct cores *cores, int64_t bytes)
{
	struct core_levels *of = *levels = *levels ? *levels : memory_zeroed(sizeof(**levels));
	uint64_t before = of->fullest;
	bool was_fullest = false;

	for (size_t i = 0; i < cores->count; i++) {
		const struct core_range *range = &cores->ranges[i];

		for (size_t y = range->y0; y <= range->y1; y++) {
			for (size_t x = range->x0; x <= range->x1; x++) {
				uint64_t *core = &of->bytes[y * CORE_LEVELS_SIDE + x];

				was_fullest |= *core == before;
				*core += (uint64_t)bytes;
				if (*core > of->fullest)
					of->fullest = *core;
			}
		}
	}
	if (bytes < 0 && was_fullest)
		of->fullest = fullest_of_all(of);
	return (int64_t)(of->fullest - before);
}

/* ---- Of levels (figures.h) ---- */

static struct level_cores *cores_of(struct level *level, const struct catalog_origin *origin)
{
	struct level_cores **made = origin->cores->made;
	struct level_cores *found = level->cores;

	while (found && found->process != origin->process)
		found = found->next;
	if (found)
		return found;
	found = memory_zeroed(sizeof(*found));
	*found = (struct level_cores){.next = level->cores, .made_next = *made, .process = origin->process};
	level->cores = *made = found;
	return found;
}

uint64_t level_change_cores(struct level *level, const struct catalog_origin *origin, int64_t bank_bytes)
{
	struct level_cores *cores = cores_of(level, origin);

	return (uint64_t)core_levels_change(&cores->levels, &origin->cores->cores, bank_bytes);
}

void level_cores_free(struct level_cores *made)
{
	while (made) {
		struct level_cores *next = made->made_next;

		free(made->levels);
		free(made);
		made = next;
	}
}
