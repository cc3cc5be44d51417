/* SPDX-License-Identifier: Apache-2.0
 *
 * core_map.c - see core_map.h. The coordinates at which rectangles begin and end cut the cores into cells that are
 * equally full. Each rectangle is noted where it begins and ends alone; sums over rows and columns make levels of that.
 */
#include "core_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"

/* ---- Ranges as text ---- */

/* Reads a coordinate and what follows it. NULL: it is none. */
static const char *parse_coordinate(const char *at, uint16_t *coordinate, char after)
{
	unsigned value = 0;

	if (*at < '0' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (unsigned)(*at - '0');
		if (value > UINT16_MAX)
			return NULL;
	}
	*coordinate = (uint16_t)value;
	return *at == after ? at + 1 : NULL;
}

static const char *parse_range(const char *at, struct core_range *range)
{
	uint16_t *const coordinates[] = {&range->x0, &range->y0, &range->x1, &range->y1};

	if (*at++ != '[')
		return NULL;
	for (int i = 0; at && i < 4; i++)
		at = parse_coordinate(at, coordinates[i], i < 3 ? ',' : ']');
	return at;
}

void cores_parse(struct cores *cores, const char *text)
{
	const char *at = text;

	cores->count = 0;
	if (!at || *at++ != '[')
		return;
	do {
		if (cores->count == CORE_RANGES_MOST || !(at = parse_range(at, &cores->ranges[cores->count++]))) {
			cores->count = 0;
			return;
		}
	} while (*at++ == ',');
	if (at[-1] != ']' || *at)
		cores->count = 0;
}

size_t cores_format(const struct cores *cores, char *text)
{
	int used = 0;

	for (size_t i = 0; i < cores->count; i++) {
		const struct core_range *range = &cores->ranges[i];

		used += snprintf(text + used, CORES_TEXT - (size_t)used, "%s[%u,%u,%u,%u]", used ? "," : "[", range->x0,
		                 range->y0, range->x1, range->y1);
	}
	if (used)
		text[used++] = ']';
	text[used] = '\0';
	return (size_t)used;
}

static bool share_core(const struct core_range *a, const struct core_range *b)
{
	return a->x0 <= b->x1 && b->x0 <= a->x1 && a->y0 <= b->y1 && b->y0 <= a->y1;
}

bool cores_are_clear(const struct cores *cores)
{
	for (size_t i = 0; i < cores->count; i++) {
		if (cores->ranges[i].x0 > cores->ranges[i].x1 || cores->ranges[i].y0 > cores->ranges[i].y1)
			return false;
		for (size_t k = 0; k < i; k++)
			if (share_core(&cores->ranges[i], &cores->ranges[k]))
				return false;
	}
	return cores->count > 0;
}

static uint64_t common_length(uint16_t a0, uint16_t a1, uint16_t b0, uint16_t b1)
{
	uint16_t from = a0 > b0 ? a0 : b0, to = a1 < b1 ? a1 : b1;

	return to >= from ? to - from + 1u : 0;
}

uint64_t cores_in_common(const struct cores *a, const struct cores *b)
{
	uint64_t count = 0;

	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = 0; k < b->count; k++) {
			const struct core_range *one = &a->ranges[i], *other = &b->ranges[k];

			count += common_length(one->x0, one->x1, other->x0, other->x1) *
			         common_length(one->y0, one->y1, other->y0, other->y1);
		}
	}
	return count;
}

/* ---- Cells ---- */

/* Coordinates at which rectangles begin, or have ended, in order. */
struct axis {
	uint32_t at[CORE_MAP_SIDE];
	size_t count;
};

static size_t axis_find(const struct axis *axis, uint32_t coordinate)
{
	size_t low = 0, high = axis->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (axis->at[middle] < coordinate)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool axis_add(struct axis *axis, uint32_t coordinate)
{
	size_t at = axis_find(axis, coordinate);

	if (at < axis->count && axis->at[at] == coordinate)
		return true;
	if (axis->count == CORE_MAP_SIDE)
		return false;
	memmove(&axis->at[at + 1], &axis->at[at], (axis->count - at) * sizeof(axis->at[0]));
	axis->at[at] = coordinate;
	axis->count++;
	return true;
}

/* False: there are too many. */
static bool find_axes(const struct core_map *map, struct axis *x, struct axis *y)
{
	x->count = y->count = 0;
	for (size_t i = 0; i < map->count; i++) {
		const struct core_range *range = &map->loads[i].range;

		if (!axis_add(x, range->x0) || !axis_add(x, range->x1 + 1u) || !axis_add(y, range->y0) ||
		    !axis_add(y, range->y1 + 1u))
			return false;
	}
	return true;
}

enum core_map_result core_map_add(struct core_map *map, const struct cores *cores, int64_t owner, int64_t bytes)
{
	size_t before = map->count;
	struct axis x, y;

	if (!cores_are_clear(cores) || cores->count > CORE_MAP_LOADS - before)
		return CORE_MAP_NO_ROOM;
	for (size_t i = 0; i < cores->count; i++) {
		if (array_reserve(&map->loads, &map->capacity, map->count) < 0) {
			map->count = before;
			return CORE_MAP_NO_MEMORY;
		}
		map->loads[map->count++] = (struct core_load){cores->ranges[i], owner, bytes};
	}
	if (find_axes(map, &x, &y))
		return CORE_MAP_ADDED;
	map->count = before;
	return CORE_MAP_NO_ROOM;
}

void core_map_remove(struct core_map *map, int64_t owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->count; i++)
		if (map->loads[i].owner != owner)
			map->loads[kept++] = map->loads[i];
	map->count = kept;
}

/* Notes the load where it begins, and takes it back where it has ended. */
static void note_load(uint64_t *notes, const struct axis *x, const struct axis *y, const struct core_load *load)
{
	size_t left = axis_find(x, load->range.x0), right = axis_find(x, load->range.x1 + 1u);
	size_t top = axis_find(y, load->range.y0) * x->count, bottom = axis_find(y, load->range.y1 + 1u) * x->count;

	notes[top + left] += (uint64_t)load->bytes;
	notes[top + right] -= (uint64_t)load->bytes;
	notes[bottom + left] -= (uint64_t)load->bytes;
	notes[bottom + right] += (uint64_t)load->bytes;
}

int core_map_each(const struct core_map *map, void (*each)(const struct core_cell *cell, void *context), void *context)
{
	struct axis x, y;
	uint64_t *cells;

	if (!map->count || !find_axes(map, &x, &y))
		return 0;
	cells = calloc(x.count * y.count, sizeof(*cells));
	if (!cells)
		return -1;
	for (size_t i = 0; i < map->count; i++)
		note_load(cells, &x, &y, &map->loads[i]);
	for (size_t i = 0; i < y.count; i++) {
		for (size_t k = 0; k < x.count; k++) {
			uint64_t *cell = &cells[i * x.count + k];

			*cell += (k ? cell[-1] : 0) + (i ? cell[-(ptrdiff_t)x.count] : 0) -
			         (i && k ? cell[-(ptrdiff_t)x.count - 1] : 0);
			if (!*cell || i + 1 == y.count || k + 1 == x.count)
				continue;
			each(&(struct core_cell){.range = {.x0 = (uint16_t)x.at[k],
			                                   .y0 = (uint16_t)y.at[i],
			                                   .x1 = (uint16_t)(x.at[k + 1] - 1),
			                                   .y1 = (uint16_t)(y.at[i + 1] - 1)},
			                         .bytes = (int64_t)*cell},
			     context);
		}
	}
	free(cells);
	return 0;
}

static void keep_fullest(const struct core_cell *cell, void *context)
{
	struct core_cell *fullest = context;

	if (cell->bytes > fullest->bytes)
		*fullest = *cell;
}

int core_map_fullest(const struct core_map *map, struct core_cell *fullest)
{
	*fullest = (struct core_cell){.bytes = 0};
	return core_map_each(map, keep_fullest, fullest);
}

void core_map_clear(struct core_map *map)
{
	free(map->loads);
	*map = (struct core_map){.loads = NULL};
}
