/* SPDX-License-Identifier: Apache-2.0
 *
 * map.c - see map.h. Removal moves what follows back, so that there are no tombstones.
 */
#include "map.h"

#include <stdlib.h>

struct map_slot {
	struct map_key key;
	uint32_t value; /* MAP_NONE: free */
};

static size_t home(const struct map *map, struct map_key key)
{
	uint64_t mixed = (uint64_t)key.a * UINT64_C(0x9e3779b97f4a7c15) ^
	                 (uint64_t)key.b * UINT64_C(0xc2b2ae3d27d4eb4f) ^
	                 (uint64_t)key.c * UINT64_C(0x165667b19e3779f9);

	/* what differs only in high bits has to reach the low ones */
	mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (size_t)(mixed ^ mixed >> 32) & (map->slot_count - 1);
}

static bool same(struct map_key a, struct map_key b)
{
	return a.a == b.a && a.b == b.b && a.c == b.c;
}

/* The slot of KEY, or the free one where it would go. */
static size_t find(const struct map *map, struct map_key key)
{
	size_t at = home(map, key);

	while (map->slots[at].value != MAP_NONE && !same(map->slots[at].key, key))
		at = (at + 1) & (map->slot_count - 1);
	return at;
}

uint32_t map_get(const struct map *map, struct map_key key)
{
	return map->used ? map->slots[find(map, key)].value : MAP_NONE;
}

static int grow(struct map *map)
{
	struct map larger = {.slot_count = map->slot_count ? map->slot_count * 2 : 64};

	larger.slots = malloc(larger.slot_count * sizeof(*larger.slots));
	if (!larger.slots)
		return -1;
	for (size_t i = 0; i < larger.slot_count; i++)
		larger.slots[i].value = MAP_NONE;
	for (size_t i = 0; i < map->slot_count; i++)
		if (map->slots[i].value != MAP_NONE)
			larger.slots[find(&larger, map->slots[i].key)] = map->slots[i];
	larger.used = map->used;
	free(map->slots);
	*map = larger;
	return 0;
}

int map_put(struct map *map, struct map_key key, uint32_t value)
{
	if (map->used + 1 > map->slot_count / 4 * 3 && grow(map) < 0)
		return -1;
	size_t at = find(map, key);
	map->used += map->slots[at].value == MAP_NONE;
	map->slots[at] = (struct map_slot){key, value};
	return 0;
}

uint32_t map_enter(struct map *map, struct map_key key, uint32_t next)
{
	if (map->used + 1 > map->slot_count / 4 * 3 && grow(map) < 0)
		return MAP_NONE;
	struct map_slot *slot = &map->slots[find(map, key)];
	if (slot->value == MAP_NONE) {
		*slot = (struct map_slot){key, next};
		map->used++;
	}
	return slot->value;
}

void map_remove(struct map *map, struct map_key key)
{
	size_t mask = map->slot_count - 1, hole = map->used ? find(map, key) : 0;

	if (!map->used || map->slots[hole].value == MAP_NONE)
		return;
	map->used--;
	for (size_t at = (hole + 1) & mask; map->slots[at].value != MAP_NONE; at = (at + 1) & mask) {
		/* what may stand in the hole without being cut off from its home */
		if (((at - home(map, map->slots[at].key)) & mask) >= ((at - hole) & mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	map->slots[hole].value = MAP_NONE;
}

void map_clear(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}
