/* SPDX-License-Identifier: Apache-2.0
 *
 * chip.c - see chip.h.
 *
 * TT-Metal itself asks its driver for the unique ids of all chips before it opens the first one: this stands in between
 * and listens. Where nothing is exported, the file of TT-Metal's shared statistics, which is mapped into the process,
 * has the id in its name.
 */
#include "chip.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/base/maps.h"
#include "device.h"
#include "preload.h"
#include "ttalloc.h"

EXPORT const struct tt_chip_map *tt_chip_unique_ids(const void *descriptor) __asm__(TT_CHIP_UNIQUE_IDS);

static struct {
	_Atomic uint64_t ids[TT_CHIPS_MAX]; /* by the process's number; 0: not known */
	atomic_bool introduced[TT_CHIPS_MAX];
} chips;

static const char *name_of(uint64_t id, char text[static TT_CHIP_NAME_MAX])
{
	if (!id)
		return NULL;
	snprintf(text, TT_CHIP_NAME_MAX, "%" PRIu64, id);
	return text;
}

/* ---- What the driver says ---- */

/* The chips have no ids, and the driver counted them: that says nothing to other processes. */
static bool are_made_up(const void *descriptor, const void *caller)
{
	bool (*are_authentic)(const void *);

	*(void **)&are_authentic = tt_function_at(TT_CHIP_IDS_ARE_AUTHENTIC, caller);
	return are_authentic && !are_authentic(descriptor);
}

const struct tt_chip_map *tt_chip_unique_ids(const void *descriptor)
{
	const struct tt_chip_map *(*real)(const void *);
	const struct tt_chip_map *map;

	*(void **)&real = tt_function_at(TT_CHIP_UNIQUE_IDS, CALLER);
	if (!real)
		tt_no_such_function(TT_CHIP_UNIQUE_IDS);
	map = real(descriptor);
	if (!ttalloc_enabled() || are_made_up(descriptor, CALLER))
		return map;
	for (const struct tt_chip_node *node = map->first; node; node = node->next) {
		if (node->number >= 0 && node->number < TT_CHIPS_MAX)
			atomic_store_explicit(&chips.ids[node->number], node->id, memory_order_relaxed);
	}
	return map;
}

const char *tt_chip_name(uint32_t number, char text[static TT_CHIP_NAME_MAX])
{
	return number < TT_CHIPS_MAX ? name_of(atomic_load_explicit(&chips.ids[number], memory_order_relaxed), text)
	                             : NULL;
}

void tt_chip_introduce(uint32_t number)
{
	char text[TT_CHIP_NAME_MAX];
	const char *name;

	if (number >= TT_CHIPS_MAX || atomic_load_explicit(&chips.introduced[number], memory_order_relaxed))
		return;
	name = tt_chip_name(number, text);
	if (!name || atomic_exchange(&chips.introduced[number], true))
		return;
	ttalloc_device_open(
	    &(struct ttalloc_device){.struct_size = sizeof(struct ttalloc_device), .device = number, .chip = name});
}

/* ---- What the shared statistics say ---- */

struct mapped_statistics {
	uint64_t id;
	bool several;
};

static bool note_statistics(void *context, const struct tta_map *map)
{
	struct mapped_statistics *found = context;
	size_t prefix = strlen(TT_SHARED_STATISTICS);
	uint64_t id = 0;

	if (strncmp(map->path, TT_SHARED_STATISTICS, prefix) == 0)
		id = strtoull(map->path + prefix, NULL, 10);
	if (id) {
		found->several |= found->id && found->id != id;
		found->id = id;
	}
	return true;
}

const char *tt_chip_of_only(char text[static TT_CHIP_NAME_MAX])
{
	struct mapped_statistics found = {.id = 0};
	char buffer[TTA_MAPS_BUFFER_BYTES];

	if (!tta_maps_each(buffer, note_statistics, &found) || found.several)
		return NULL;
	return name_of(found.id, text);
}
