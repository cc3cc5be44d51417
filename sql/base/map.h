/* SPDX-License-Identifier: Apache-2.0
 *
 * map.h - a hash map from three integers to a small one, with open addressing.
 */
#ifndef SQL_MAP_H
#define SQL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX

struct map_key {
	int64_t a, b, c;
};

struct map {
	struct map_slot *slots; /* a power of two of them */
	size_t slot_count, used;
};

/* The value of KEY, or MAP_NONE. */
uint32_t map_get(const struct map *map, struct map_key key);
/* Sets the value of KEY, which may be new. 0; -1: no memory. */
int map_put(struct map *map, struct map_key key, uint32_t value);
/* The value of KEY, which NEXT becomes when it is new. MAP_NONE: no memory. */
uint32_t map_enter(struct map *map, struct map_key key, uint32_t next);
void map_remove(struct map *map, struct map_key key);
void map_clear(struct map *map);

#endif
