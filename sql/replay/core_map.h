/* SPDX-License-Identifier: Apache-2.0
 *
 * core_map.h - which bytes lie on which cores: rectangles of cores, and how full the fullest core is. Whatever the
 * rectangles are, finding that out takes bounded time: a map has at most CORE_MAP_LOADS of them, between at most
 * CORE_MAP_SIDE coordinates each way.
 */
#ifndef SQL_CORE_MAP_H
#define SQL_CORE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORE_RANGES_MOST 64 /* of one circular buffer; a longer list is not kept */
#define CORE_MAP_LOADS 2048
#define CORE_MAP_SIDE 64

/* Both corners included. */
struct core_range {
	uint16_t x0, y0, x1, y1;
};

/* Where something lies. Without ranges: not known. */
struct cores {
	struct core_range ranges[CORE_RANGES_MOST];
	size_t count;
};

/* Bytes on every core of a range. */
struct core_load {
	struct core_range range;
	int64_t owner, bytes;
};

struct core_map {
	struct core_load *loads;
	size_t count, capacity;
};

/* Reads "[[x0,y0,x1,y1],...]", the form of circular_buffer.cores; NULL, and anything else, is not known. */
void cores_parse(struct cores *cores, const char *text);

/* Writes that form, with a NUL. TEXT has room for CORES_TEXT bytes. Returns its length; 0: not known. */
#define CORES_TEXT (CORE_RANGES_MOST * 26 + 3)
size_t cores_format(const struct cores *cores, char *text);

/* Whether it can be said how much lies on each core: ranges are known, not inside out, and share no core. */
bool cores_are_clear(const struct cores *cores);

/* How many cores are among both of A and B, which are clear. */
uint64_t cores_in_common(const struct cores *a, const struct cores *b);

enum core_map_result { CORE_MAP_NO_MEMORY = -1, CORE_MAP_NO_ROOM, CORE_MAP_ADDED };

/* Puts BYTES of OWNER on each of the CORES. NO_ROOM: the map would have more than it can, or the cores are not clear.
 */
enum core_map_result core_map_add(struct core_map *map, const struct cores *cores, int64_t owner, int64_t bytes);

void core_map_remove(struct core_map *map, int64_t owner);

/* Bytes on every core of a rectangle between neighbouring coordinates. */
struct core_cell {
	struct core_range range;
	int64_t bytes;
};

/* The fullest cores; of equal ones those of the smallest y, then x. Without loads, 0 bytes. 0, or -1: no memory. */
int core_map_fullest(const struct core_map *map, struct core_cell *fullest);

/* Calls EACH for all cells that hold bytes, row by row. 0, or -1: no memory. */
int core_map_each(const struct core_map *map, void (*each)(const struct core_cell *cell, void *context), void *context);

void core_map_clear(struct core_map *map);

#endif
