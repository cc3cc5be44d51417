/* SPDX-License-Identifier: Apache-2.0
 *
 * raster.c - see raster.h. A cell is a band in a bucket, and full at WHOLE. What is kept of each is by how much it
 * differs from the one of the bucket before: so a block costs the same however long it lived, since it comes within two
 * buckets and goes within two. Such differences may wrap around, their sums come out right, and to the last unit.
 */
#include "raster.h"

#include <stdlib.h>

#define WHOLE_LOG2 16
#define WHOLE (UINT32_C(1) << WHOLE_LOG2)
#define LEAST_BAND_LOG2 5

void raster_open(struct raster *raster, const struct buckets *buckets)
{
	*raster = (struct raster){.buckets = *buckets};
	raster->places_per_ns = (double)buckets->count * WHOLE / ((double)(buckets->end_ns - buckets->start_ns) + 1);
}

void raster_clear(struct raster *raster)
{
	free(raster->changes);
	raster->changes = NULL;
}

/* Cells of a band: a block that lives to the very end still goes. */
static size_t band_cells(const struct raster *raster)
{
	return (size_t)raster->buckets.count + 2;
}

/* ---- Bands that are wide enough ---- */

static uint64_t address_of(const struct raster *raster, uint64_t band)
{
	return raster->low + (band << raster->band_log2);
}

/* Adds a band of FROM to the one of INTO that it is a part of. */
static void add_band(struct raster *into, const struct raster *from, uint32_t band)
{
	uint64_t address = address_of(from, band);
	unsigned parts_log2 = into->band_log2 - from->band_log2;
	const uint32_t *changes = from->changes + band * band_cells(from);
	uint32_t before = 0, full = 0;

	if (address >= from->high)
		return;
	uint32_t *target = into->changes + ((address - into->low) >> into->band_log2) * band_cells(into);
	for (size_t i = 0; i < band_cells(from); i++) {
		full += changes[i];
		/* up, so that nothing vanishes */
		uint32_t now = (uint32_t)((full + (UINT64_C(1) << parts_log2) - 1) >> parts_log2);
		target[i] += now - before;
		before = now;
	}
}

static void align_low(struct raster *raster)
{
	raster->low = raster->low >> raster->band_log2 << raster->band_log2;
}

/* Makes room for blocks from LOW to HIGH. */
static int widen(struct raster *raster, uint64_t low, uint64_t high)
{
	struct raster wide = *raster;

	if (!raster->changes)
		wide = (struct raster){.low = low, .high = high, .band_log2 = LEAST_BAND_LOG2};
	wide.buckets = raster->buckets;
	wide.places_per_ns = raster->places_per_ns;
	wide.low = wide.low < low ? wide.low : low;
	wide.high = wide.high > high ? wide.high : high;
	for (align_low(&wide); (wide.high - wide.low - 1) >> wide.band_log2 >= RASTER_BANDS; align_low(&wide))
		wide.band_log2++;
	if (raster->changes && wide.band_log2 == raster->band_log2 && wide.low == raster->low) {
		raster->high = wide.high;
		return 0;
	}
	wide.changes = calloc(RASTER_BANDS * band_cells(&wide), sizeof(*wide.changes));
	if (!wide.changes)
		return -1;
	for (uint32_t band = 0; raster->changes && band < RASTER_BANDS; band++)
		add_band(&wide, raster, band);
	free(raster->changes);
	*raster = wide;
	return 0;
}

/* ---- Blocks ---- */

/* Where a time lies: whole buckets, and in the lower bits what part of one. */
static uint64_t place_of(const struct raster *raster, int64_t at_ns)
{
	return (uint64_t)(((double)at_ns - (double)raster->buckets.start_ns) * raster->places_per_ns);
}

/* How full BYTES make a band; up: a block may be small, but is there. */
static uint64_t full_by(const struct raster *raster, uint64_t bytes)
{
	unsigned more = raster->band_log2 > WHOLE_LOG2 ? raster->band_log2 - WHOLE_LOG2 : 0;
	unsigned less = raster->band_log2 < WHOLE_LOG2 ? WHOLE_LOG2 - raster->band_log2 : 0;

	return (bytes + (UINT64_C(1) << more) - 1) >> more << less;
}

/* From place FROM to place TO a band is fuller by FULL. */
static void fill(uint32_t *changes, uint64_t from, uint64_t to, uint64_t full)
{
	uint64_t first = from >> WHOLE_LOG2, last = to >> WHOLE_LOG2;

	if (first == last) {
		/* up: it may be short, but was there */
		uint32_t part = (uint32_t)((full * (to - from) + WHOLE - 1) >> WHOLE_LOG2);

		changes[first] += part;
		changes[first + 1] -= part;
		return;
	}
	uint32_t before = (uint32_t)(full * (from % WHOLE) >> WHOLE_LOG2);
	uint32_t behind = (uint32_t)(full * (WHOLE - to % WHOLE) >> WHOLE_LOG2);
	changes[first] += (uint32_t)full - before;
	changes[first + 1] += before;
	changes[last] -= behind;
	changes[last + 1] -= (uint32_t)full - behind;
}

int raster_add(struct raster *raster, uint64_t address, uint64_t bytes, int64_t from_ns, int64_t to_ns)
{
	uint64_t end = address + bytes, from = place_of(raster, from_ns), to = place_of(raster, to_ns);

	if (bytes == 0 || end < address)
		return 0;
	if ((!raster->changes || address < raster->low || end > raster->high) && widen(raster, address, end) < 0)
		return -1;
	if (to <= from)
		to = from + 1;
	for (uint64_t at = address, part; at < end; at += part) {
		uint64_t band = (at - raster->low) >> raster->band_log2;
		uint64_t rest = (UINT64_C(1) << raster->band_log2) - (at - address_of(raster, band));

		part = rest < end - at ? rest : end - at;
		fill(raster->changes + band * band_cells(raster), from, to, full_by(raster, part));
	}
	return 0;
}

/* ---- What came of it ---- */

static unsigned share_of(uint32_t full, unsigned steps)
{
	return full >= WHOLE ? steps : (full * steps + WHOLE - 1) >> WHOLE_LOG2;
}

static int each_of_band(const struct raster *raster, uint32_t band, unsigned steps,
                        int (*take)(void *context, const struct raster_run *run), void *context)
{
	const uint32_t *changes = raster->changes + band * band_cells(raster);
	struct raster_run run = {.address = address_of(raster, band)};
	uint32_t full = 0;
	int result = 0;

	for (int64_t i = 0; result == 0 && i <= raster->buckets.count; i++) {
		full += changes[i];
		unsigned share = i < raster->buckets.count ? share_of(full, steps) : 0;
		if (share == run.share)
			continue;
		run.end = i;
		if (run.share)
			result = take(context, &run);
		run.first = i;
		run.share = share;
	}
	return result;
}

int raster_each(const struct raster *raster, unsigned steps, int (*take)(void *context, const struct raster_run *run),
                void *context)
{
	int result = 0;

	for (uint32_t band = 0; result == 0 && raster->changes && band < RASTER_BANDS; band++)
		result = each_of_band(raster, band, steps, take, context);
	return result;
}
