/* SPDX-License-Identifier: Apache-2.0
 *
 * address_map.h - from the address of a live block to its number: open addressing, a power of two of slots, no
 * tombstones. Not thread-safe. Runs out of memory by ending the program.
 */
#ifndef EXAMPLES_ADDRESS_MAP_H
#define EXAMPLES_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_slot {
	uint64_t address;
	uint32_t value;
	uint32_t used; /* 0 or 1 */
};

/* All zero is an empty map. */
struct address_map {
	struct address_slot *slots;
	size_t capacity; /* 0 or a power of two */
	size_t count;
};

/* ADDRESS must not be in the map yet. */
void address_map_put(struct address_map *map, uint64_t address, uint32_t value);

/* Takes ADDRESS out of the map. False when it is not there. */
bool address_map_take(struct address_map *map, uint64_t address, uint32_t *value);

void address_map_clear(struct address_map *map);

#endif
