/* SPDX-License-Identifier: Apache-2.0
 *
 * placement.c - see placement.h. Free pieces lie in two orders: by address, to join them and to find the first one,
 * and, where the policy wants another, in that.
 */
#include "placement.h"

#define CLASS_BASE_BYTES 1024
#define CLASS_LAST 17 /* 128 MiB and above */

static uint64_t size_class(uint64_t bytes)
{
	uint64_t class = 0;

	for (uint64_t units = bytes / CLASS_BASE_BYTES; units > 1 && class < CLASS_LAST; units >>= 1)
		class ++;
	return class;
}

static bool has_order(const struct placement *placement)
{
	return placement->policy != PLACE_FIRST || placement->pick != PICK_ADDRESS;
}

/* Where a piece stands in the policy's order. STAMP: of when it came to be. */
static struct gap in_order(const struct placement *placement, uint64_t address, uint64_t bytes, uint64_t stamp)
{
	struct gap gap = {.first = stamp, .second = address, .address = address, .bytes = bytes};

	if (placement->policy == PLACE_BEST)
		gap.first = bytes;
	else if (placement->policy == PLACE_CLASSES)
		gap.first = size_class(bytes);
	return gap;
}

/* The order by address keeps the stamp of the other one. */
static int add(struct placement *placement, uint64_t address, uint64_t bytes)
{
	uint64_t stamp = placement->stamp++;
	struct gap gap = {.first = address, .second = stamp, .address = address, .bytes = bytes};

	if (bytes == 0)
		return 0;
	if (gaps_add(&placement->by_address, &gap) < 0)
		return -1;
	gap = in_order(placement, address, bytes, stamp);
	return has_order(placement) ? gaps_add(&placement->by_policy, &gap) : 0;
}

/* GAP is one of by_address. */
static void remove_gap(struct placement *placement, const struct gap *gap)
{
	struct gap other = in_order(placement, gap->address, gap->bytes, gap->second);

	gaps_remove(&placement->by_address, gap->first, gap->second);
	if (has_order(placement))
		gaps_remove(&placement->by_policy, other.first, other.second);
}

/* GAP, one of by_address, becomes the piece from ADDRESS to END, which may be empty and touches no other. */
static int move_gap(struct placement *placement, const struct gap *gap, uint64_t address, uint64_t end)
{
	struct gap now = {.first = address, .second = gap->second, .address = address, .bytes = end - address};

	if (address == end || has_order(placement)) {
		remove_gap(placement, gap);
		return add(placement, address, end - address);
	}
	gaps_change(&placement->by_address, gap, &now);
	return 0;
}

int placement_begin(struct placement *placement, uint64_t bank_bytes, uint64_t unit_bytes)
{
	gaps_empty(&placement->by_address);
	gaps_empty(&placement->by_policy);
	placement->unit_bytes = unit_bytes ? unit_bytes : 1;
	placement->bank_bytes = placement->free_bytes = bank_bytes;
	placement->stamp = 0;
	return add(placement, 0, bank_bytes);
}

void placement_clear(struct placement *placement)
{
	gaps_clear(&placement->by_address);
	gaps_clear(&placement->by_policy);
}

uint64_t placement_rounded(const struct placement *placement, uint64_t bytes)
{
	uint64_t unit = placement->unit_bytes, units = bytes / unit + (bytes % unit != 0);

	return units > UINT64_MAX / unit ? UINT64_MAX : (units ? units : 1) * unit;
}

/* The piece that the policy takes. */
static bool choose(const struct placement *placement, uint64_t bytes, bool top_down, struct gap *gap)
{
	const struct gaps *by_policy = &placement->by_policy;

	switch (placement->policy) {
	case PLACE_BEST:
		return gaps_find(by_policy, bytes, UINT64_MAX, bytes, false, gap) &&
		       gaps_find(by_policy, gap->bytes, gap->bytes, bytes, top_down, gap);
	case PLACE_CLASSES:
		for (uint64_t class = size_class(bytes); class <= CLASS_LAST; class ++)
			if (gaps_find(by_policy, class, class, bytes, top_down, gap))
				return true;
		return false;
	default:
		if (placement->pick == PICK_ADDRESS)
			return gaps_find(&placement->by_address, 0, UINT64_MAX, bytes, top_down, gap);
		return gaps_find(by_policy, 0, UINT64_MAX, bytes, placement->pick == PICK_NEWEST, gap);
	}
}

bool placement_find(const struct placement *placement, uint64_t bytes, bool top_down, uint64_t *offset)
{
	struct gap gap;

	if (!choose(placement, bytes, top_down, &gap))
		return false;
	*offset = top_down ? gap.address + gap.bytes - bytes : gap.address;
	return true;
}

int placement_take(struct placement *placement, uint64_t offset, uint64_t bytes)
{
	uint64_t end = offset + bytes, gap_end;
	struct gap gap;

	if (!gaps_find(&placement->by_address, 0, offset, 0, true, &gap) || bytes > gap.bytes ||
	    offset - gap.address > gap.bytes - bytes)
		return 0;
	placement->free_bytes -= bytes;
	gap_end = gap.address + gap.bytes;
	if (offset == gap.address)
		return move_gap(placement, &gap, end, gap_end) < 0 ? -1 : 1;
	return move_gap(placement, &gap, gap.address, offset) < 0 || add(placement, end, gap_end - end) < 0 ? -1 : 1;
}

int placement_give(struct placement *placement, uint64_t offset, uint64_t bytes)
{
	uint64_t end = offset + bytes;
	struct gap before, behind;
	bool joins_before = offset > 0 && gaps_find(&placement->by_address, 0, offset - 1, 0, true, &before) &&
	                    before.address + before.bytes == offset;
	bool joins_behind = gaps_find(&placement->by_address, end, end, 0, true, &behind);

	placement->free_bytes += bytes;
	if (joins_before && joins_behind)
		remove_gap(placement, &behind);
	if (joins_before)
		return move_gap(placement, &before, before.address, joins_behind ? end + behind.bytes : end);
	if (joins_behind)
		return move_gap(placement, &behind, offset, end + behind.bytes);
	return add(placement, offset, bytes);
}

uint64_t placement_largest(const struct placement *placement)
{
	return gaps_largest(&placement->by_address);
}
