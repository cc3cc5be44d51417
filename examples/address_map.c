/* SPDX-License-Identifier: Apache-2.0
 *
 * address_map.c - linear probing; a removal closes its gap, so that probes stay short however long the program runs.
 */
#include "address_map.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 1024 };

static size_t home_slot(const struct address_map *map, uint64_t address)
{
	/* Addresses are multiples of the alignment: Fibonacci hashing spreads them over the upper bits. */
	return (size_t)((address * 0x9E3779B97F4A7C15u) >> 32) & (map->capacity - 1);
}

static size_t find_slot(const struct address_map *map, uint64_t address)
{
	size_t slot = home_slot(map, address);

	while (map->slots[slot].used && map->slots[slot].address != address)
		slot = (slot + 1) & (map->capacity - 1);
	return slot;
}

static void grow(struct address_map *map)
{
	struct address_map bigger = {.capacity = map->capacity ? 2 * map->capacity : FIRST_CAPACITY};

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots) {
		fputs("out of host memory\n", stderr);
		exit(1);
	}
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].used)
			bigger.slots[find_slot(&bigger, map->slots[i].address)] = map->slots[i];
	free(map->slots);
	map->slots = bigger.slots;
	map->capacity = bigger.capacity;
}

void address_map_put(struct address_map *map, uint64_t address, uint32_t value)
{
	if (2 * (map->count + 1) > map->capacity)
		grow(map);
	map->slots[find_slot(map, address)] = (struct address_slot){.address = address, .value = value, .used = 1};
	map->count++;
}

/* Moves later entries of the probe sequence into the gap at HOLE, as far as their home slots allow. */
static void close_gap(struct address_map *map, size_t hole)
{
	size_t mask = map->capacity - 1;

	for (size_t next = (hole + 1) & mask; map->slots[next].used; next = (next + 1) & mask) {
		size_t home = home_slot(map, map->slots[next].address);

		if (((next - home) & mask) >= ((next - hole) & mask)) {
			map->slots[hole] = map->slots[next];
			hole = next;
		}
	}
	map->slots[hole].used = 0;
}

bool address_map_take(struct address_map *map, uint64_t address, uint32_t *value)
{
	size_t slot;

	if (map->count == 0)
		return false;
	slot = find_slot(map, address);
	if (!map->slots[slot].used)
		return false;
	*value = map->slots[slot].value;
	close_gap(map, slot);
	map->count--;
	return true;
}

void address_map_clear(struct address_map *map)
{
	free(map->slots);
	*map = (struct address_map){0};
}
