/* SPDX-License-Identifier: Apache-2.0
 *
 * per_core.c - see per_core.h.
 */
#include "per_core.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "free_list.h"
#include "say.h"
#include "ttalloc/event.h"
#include "upstream.h"

#define SHARD_SPEC_BYTES 512 /* more than any generation's */

/* ---- Sets of cores ---- */

uint32_t tt_cores_count(const struct tt_cores *cores)
{
	uint32_t count = 0;

	for (size_t y = 0; y < TT_CORE_SIDE; y++)
		count += (uint32_t)__builtin_popcount(cores->rows[y]);
	return count;
}

bool tt_cores_equal(const struct tt_cores *a, const struct tt_cores *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The rectangle that begins at the first core of ROWS, as wide and then as high as can be. It is taken out. */
static bool take_rectangle(uint32_t rows[static TT_CORE_SIDE], struct ttalloc_core_range *range)
{
	uint16_t y = 0, x0, x1;
	uint32_t run;

	while (y < TT_CORE_SIDE && !rows[y])
		y++;
	if (y == TT_CORE_SIDE)
		return false;
	x0 = (uint16_t)__builtin_ctz(rows[y]);
	x1 = x0;
	while (x1 + 1 < TT_CORE_SIDE && rows[y] >> (x1 + 1) & 1)
		x1++;
	run = (uint32_t)((UINT64_C(2) << x1) - (UINT64_C(1) << x0));
	*range = (struct ttalloc_core_range){x0, y, x1, y};
	for (; y < TT_CORE_SIDE && (rows[y] & run) == run; y++) {
		rows[y] &= ~run;
		range->y1 = y;
	}
	return true;
}

uint32_t tt_cores_ranges(const struct tt_cores *cores, struct ttalloc_core_range ranges[static TT_CORE_RANGES_MOST])
{
	struct tt_cores left = *cores;
	struct ttalloc_core_range range;
	uint32_t count = 0;

	while (take_rectangle(left.rows, &range)) {
		if (count == TT_CORE_RANGES_MOST)
			return 0;
		ranges[count++] = range;
	}
	return count;
}

static bool add_core(struct tt_cores *cores, uint64_t x, uint64_t y)
{
	if (x >= TT_CORE_SIDE || y >= TT_CORE_SIDE || cores->rows[y] >> x & 1)
		return false;
	cores->rows[y] |= UINT32_C(1) << x;
	return true;
}

/* ---- An address on each core ---- */

/* The group of ADDRESS, made when it is new; NULL without memory. */
static struct tt_core_group *group_of(struct tt_core_groups *groups, uint64_t address)
{
	struct tt_core_group *list;

	for (size_t i = 0; i < groups->count; i++) {
		if (groups->list[i].address == address)
			return &groups->list[i];
	}
	list = realloc(groups->list, (groups->count + 1) * sizeof(*list));
	if (!list)
		return NULL;
	groups->list = list;
	list[groups->count] = (struct tt_core_group){.address = address};
	return &list[groups->count++];
}

/* What lies in a buffer is a map of libstdc++'s, which is not believed before it has said the same as the free lists.
 */
static bool read_nodes(const struct tt_core_map *map, bool is_proven, struct tt_core_groups *groups, uint64_t *sum)
{
	const struct tt_core_node *at = map->first;
	struct tt_core_node node;

	for (*sum = 0; at; at = node.next) {
		struct tt_core_group *group;

		if (groups->core_count == map->count)
			return false;
		if (is_proven)
			node = *at;
		else if ((uintptr_t)at % sizeof(void *) || !tt_read_safely(at, &node, sizeof(node)))
			return false;
		group = group_of(groups, node.address);
		if (!group || !add_core(&group->cores, node.x, node.y))
			return false;
		groups->core_count++;
		*sum += tta_address_sum(node.address);
	}
	return groups->core_count > 0 && groups->core_count == map->count;
}

static bool read_addresses(const struct tt_library *library, const void *buffer, bool just_placed,
                           struct tt_core_groups *groups)
{
	static atomic_bool proven;
	const struct tt_core_map *map = library->per_core_addresses ? library->per_core_addresses(buffer) : NULL;
	bool is_proven = atomic_load_explicit(&proven, memory_order_acquire);
	struct tt_core_map copy;
	uint64_t sum;

	if (!map || (!is_proven && !tt_read_safely(map, &copy, sizeof(copy))))
		return false;
	if (!read_nodes(is_proven ? map : &copy, is_proven, groups, &sum))
		return false;
	if (!just_placed)
		return true;
	switch (tt_free_lists_agree(groups->core_count, sum)) {
	case TT_FREE_LISTS_AGREE:
		atomic_store_explicit(&proven, true, memory_order_release);
		return true;
	case TT_FREE_LISTS_UNKNOWN:
		return true;
	case TT_FREE_LISTS_CONTRADICT:
		break;
	}
	return false;
}

/* ---- One address, on some cores ---- */

bool tt_cores_read(const struct tt_vector *ranges, struct tt_cores *cores)
{
	const struct tt_core_range *first = ranges->begin, *end = ranges->end;

	if (!first || end <= first || (size_t)(end - first) > TT_CORE_SIDE * TT_CORE_SIDE)
		return false;
	for (const struct tt_core_range *range = first; range < end; range++) {
		for (uint64_t y = range->y0; y <= range->y1; y++) {
			for (uint64_t x = range->x0; x <= range->x1; x++) {
				if (!add_core(cores, x, y))
					return false;
			}
		}
	}
	return true;
}

/* They are the first member of what Buffer::shard_spec() returns, in memory that the caller names first. */
static bool read_shards(const struct tt_library *library, const void *buffer, struct tt_cores *cores)
{
	union {
		struct tt_vector ranges;
		uint8_t bytes[SHARD_SPEC_BYTES];
	} spec = {.bytes = {0}};
	bool done;

	*cores = (struct tt_cores){.rows = {0}};
	if (!library->shard_spec || !library->has_shard_spec || !library->operator_delete ||
	    !library->has_shard_spec(buffer))
		return false;
	library->shard_spec(&spec, buffer);
	done = tt_cores_read(&spec.ranges, cores);
	if (spec.ranges.begin)
		library->operator_delete((void *)spec.ranges.begin);
	return done;
}

static bool read_in_step(const struct tt_library *library, const void *buffer, uint64_t address,
                         struct tt_core_groups *groups)
{
	struct tt_core_group *group = group_of(groups, address);

	if (!group || !read_shards(library, buffer, &group->cores))
		return false;
	groups->core_count = tt_cores_count(&group->cores);
	groups->in_step = true;
	return true;
}

/* ---- Both ---- */

static bool has_own_addresses(const struct tt_library *library, const void *buffer)
{
	return library->is_per_core && library->is_per_core(buffer);
}

static bool is_in_step(const struct tt_library *library, const void *buffer)
{
	return library->is_range_lockstep && library->is_range_lockstep(buffer);
}

bool tt_per_core_wanted(const struct tt_library *library, const void *buffer, struct tt_cores *cores, bool *in_step)
{
	*in_step = is_in_step(library, buffer);
	return (*in_step || has_own_addresses(library, buffer)) && read_shards(library, buffer, cores);
}

bool tt_per_core_read(const struct tt_library *library, const void *buffer, uint64_t address, bool just_placed,
                      struct tt_core_groups *groups)
{
	bool has_addresses = has_own_addresses(library, buffer);

	*groups = (struct tt_core_groups){.count = 0};
	if (!has_addresses && !is_in_step(library, buffer))
		return true;
	if (has_addresses ? read_addresses(library, buffer, just_placed, groups)
	                  : read_in_step(library, buffer, address, groups))
		return true;
	free(groups->list);
	*groups = (struct tt_core_groups){.count = 0};
	tt_say_once(
	    "%s: which cores a buffer is on that is not on all (hybrid allocation) cannot be read: such buffers are "
	    "recorded as if they were on all cores, and taken for one another",
	    library->path);
	return false;
}
