/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - the map from ticks to nanoseconds.
 */
#include "clock.h"
#include "sql/base/machine.h"

#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define NS_PER_S 1000000000u
#define FIRST_STEP_NS 10000000u
#define LAST_STEP_NS NS_PER_S
#define SLOPE_SHIFT 40

__extension__ typedef unsigned __int128 wide;

/* The line that starts at a node, as a multiplication. */
struct line {
	uint64_t from_ticks, to_ticks; /* to_ticks excluded */
	uint64_t from_ns;
	uint64_t slope; /* ns per tick << SLOPE_SHIFT */
};

struct clock_map {
	uint64_t start_ns;
	struct clock_reading *nodes;
	size_t count, capacity, taken;
	struct clock_reading base; /* the first reading of this run: what the rate is measured against */
	bool has_base;
	uint64_t step_ns; /* how far ahead the next node is placed */
	struct line line; /* the one used last */
};

struct clock_map *clock_map_new(uint64_t start_monotonic_ns)
{
	struct clock_map *map = calloc(1, sizeof(*map));

	if (map) {
		map->start_ns = start_monotonic_ns;
		map->step_ns = FIRST_STEP_NS;
	}
	return map;
}

void clock_map_free(struct clock_map *map)
{
	if (map)
		free(map->nodes);
	free(map);
}

static const struct clock_reading *last_node(const struct clock_map *map)
{
	return map->count ? &map->nodes[map->count - 1] : NULL;
}

/* Without memory for a further node the map stays as it is, and later times stick to its end: late, but in order. */
static void append(struct clock_map *map, struct clock_reading node)
{
	const struct clock_reading *last = last_node(map);

	if (last && node.ticks <= last->ticks)
		return;
	if (last && node.monotonic_ns < last->monotonic_ns)
		node.monotonic_ns = last->monotonic_ns;
	if (map->count == map->capacity) {
		size_t capacity = map->capacity ? map->capacity * 2 : 64;
		struct clock_reading *nodes = realloc(map->nodes, capacity * sizeof(*nodes));

		if (!nodes)
			return;
		map->nodes = nodes;
		map->capacity = capacity;
	}
	map->nodes[map->count++] = node;
}

void clock_map_restore(struct clock_map *map, struct clock_reading node)
{
	append(map, node);
	map->taken = map->count;
}

/* Ticks in NS nanoseconds, as measured since the first reading; 1 to 1 while nothing is known. */
static uint64_t ticks_in(const struct clock_map *map, struct clock_reading now, uint64_t ns)
{
	uint64_t base_ns = now.monotonic_ns - map->base.monotonic_ns;
	uint64_t base_ticks = now.ticks - map->base.ticks;

	if (!base_ns || !base_ticks)
		return ns;
	return (uint64_t)((wide)ns * base_ticks / base_ns);
}

static uint64_t ns_in(const struct clock_map *map, struct clock_reading now, uint64_t ticks)
{
	uint64_t base_ns = now.monotonic_ns - map->base.monotonic_ns;
	uint64_t base_ticks = now.ticks - map->base.ticks;

	if (!base_ns || !base_ticks)
		return ticks;
	return (uint64_t)((wide)ticks * base_ns / base_ticks);
}

/* Places the next node one step after the later of NOW and the last one. */
static void plan(struct clock_map *map, struct clock_reading now)
{
	uint64_t from_ticks = last_node(map)->ticks > now.ticks ? last_node(map)->ticks : now.ticks;
	uint64_t ticks = from_ticks + ticks_in(map, now, map->step_ns);

	append(map, (struct clock_reading){
	                .ticks = ticks,
	                .monotonic_ns = now.monotonic_ns + ns_in(map, now, ticks - now.ticks),
	            });
	map->step_ns = map->step_ns * 2 < LAST_STEP_NS ? map->step_ns * 2 : LAST_STEP_NS;
}

void clock_map_advance(struct clock_map *map, struct clock_reading now)
{
	const struct clock_reading *last = last_node(map);

	if (!map->has_base) {
		map->base = now;
		map->has_base = true;
		append(map, now);
		return; /* one reading gives no rate: nothing is planned ahead yet */
	}
	if (now.ticks <= map->base.ticks || now.monotonic_ns <= map->base.monotonic_ns)
		return;
	if (now.ticks > last->ticks)
		append(map, now);
	else if (last->ticks - now.ticks > ticks_in(map, now, map->step_ns / 4))
		return;
	plan(map, now);
}

size_t clock_map_take_new(struct clock_map *map, struct clock_reading *nodes, size_t capacity)
{
	size_t count = 0;

	while (count < capacity && map->taken < map->count)
		nodes[count++] = map->nodes[map->taken++];
	return count;
}

static struct line line_between(struct clock_reading from, struct clock_reading to)
{
	return (struct line){
	    .from_ticks = from.ticks,
	    .to_ticks = to.ticks,
	    .from_ns = from.monotonic_ns,
	    .slope = (uint64_t)(((wide)(to.monotonic_ns - from.monotonic_ns) << SLOPE_SHIFT) / (to.ticks - from.ticks)),
	};
}

static uint64_t on_line(const struct line *line, uint64_t ticks)
{
	return line->from_ns + (uint64_t)((wide)(ticks - line->from_ticks) * line->slope >> SLOPE_SHIFT);
}

/* Before the first node only the client's own reading tells the rate. It counts for nobody but this client. */
static uint64_t before_first(const struct clock_map *map, const struct clock_reading *anchor, uint64_t ticks)
{
	struct clock_reading first = map->nodes[0];

	if (anchor->ticks >= first.ticks || anchor->monotonic_ns >= first.monotonic_ns)
		return first.monotonic_ns;
	if (ticks <= anchor->ticks)
		return anchor->monotonic_ns;

	struct line line = line_between(*anchor, first);

	return on_line(&line, ticks);
}

/* Finds the line that holds TICKS, which lie between the first node and the last. */
static void find_line(struct clock_map *map, uint64_t ticks)
{
	size_t low = 0, high = map->count - 1;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (map->nodes[middle].ticks <= ticks)
			low = middle;
		else
			high = middle;
	}
	map->line = line_between(map->nodes[low], map->nodes[low + 1]);
}

static uint64_t tsc_to_monotonic(struct clock_map *map, const struct clock_reading *anchor, uint64_t ticks)
{
	const struct clock_reading *last = last_node(map);

	if (ticks >= map->line.from_ticks && ticks < map->line.to_ticks)
		return on_line(&map->line, ticks);
	if (!last)
		return anchor->monotonic_ns;
	if (ticks < map->nodes[0].ticks)
		return before_first(map, anchor, ticks);
	if (ticks >= last->ticks)
		return last->monotonic_ns;
	find_line(map, ticks);
	return on_line(&map->line, ticks);
}

uint64_t clock_map_relative(const struct clock_map *map, uint64_t monotonic_ns)
{
	return monotonic_ns > map->start_ns ? monotonic_ns - map->start_ns : 0;
}

uint64_t clock_map_convert(struct clock_map *map, const struct clock_origin *origin, uint64_t ticks)
{
	const struct clock_reading *last = last_node(map);

	if (origin->clock == TTA_CLOCK_TSC)
		return clock_map_relative(map, tsc_to_monotonic(map, &origin->anchor, ticks));
	ticks -= (uint64_t)origin->shift_ns;
	if (last && ticks > last->monotonic_ns)
		ticks = last->monotonic_ns;
	return clock_map_relative(map, ticks);
}

#if defined(__x86_64__)

bool clock_has_ticks(void)
{
	return true;
}

struct clock_reading clock_read(void)
{
	struct clock_reading best = {0};
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		uint64_t before = __rdtsc();
		uint64_t ns = clock_monotonic_ns();
		uint64_t width = __rdtsc() - before;

		if (width < best_width) {
			best_width = width;
			best = (struct clock_reading){.ticks = before + width / 2, .monotonic_ns = ns};
		}
	}
	return best;
}

#else

bool clock_has_ticks(void)
{
	return false;
}

/* The map then runs one to one, and serves as the limit of what a client may claim. */
struct clock_reading clock_read(void)
{
	uint64_t ns = clock_monotonic_ns();

	return (struct clock_reading){.ticks = ns, .monotonic_ns = ns};
}

#endif
