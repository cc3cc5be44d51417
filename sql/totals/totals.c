/* SPDX-License-Identifier: Apache-2.0
 *
 * totals.c - the totals of each device and region over all processes, and their spans.
 */
#include "totals_private.h"

#include <stdlib.h>
#include "ttalloc.h"

struct totals *totals_new(void)
{
	return memory_zeroed(sizeof(struct totals));
}

void totals_free(struct totals *totals)
{
	if (!totals)
		return;
	free(totals->regions);
	index_free(&totals->index);
	free(totals);
}

void totals_log_region(const struct totals_region *region, struct rowlog *log)
{
	rowlog_region(log, &(struct region_row){
	                       .device = region->device, .region = region->region, .dirty_ns = region->dirty_ns});
}

static uint64_t region_hash(uint32_t device, uint32_t region)
{
	return hash_mix((uint64_t)device << 32 | region);
}

struct totals_region *totals_find(const struct totals *totals, uint32_t device, uint32_t region)
{
	INDEX_EACH_MATCH(&totals->index, region_hash(device, region), at, ref)
	{
		if (totals->regions[ref - 1].device == device && totals->regions[ref - 1].region == region)
			return &totals->regions[ref - 1];
	}
	return NULL;
}

static struct totals_region *make_region(struct totals *totals, uint32_t device, uint32_t region)
{
	totals->regions = memory_room(totals->regions, totals->count, &totals->capacity, sizeof(*totals->regions));
	totals->regions[totals->count++] =
	    (struct totals_region){.device = device, .region = region, .dirty_ns = DELTA_NO_DISORDER};
	index_add(&totals->index, region_hash(device, region), (uint32_t)totals->count);
	return &totals->regions[totals->count - 1];
}

void totals_restore(struct totals *totals, const struct totals_state *state)
{
	struct totals_region *region = make_region(totals, state->device, state->region);

	region->now = (struct amounts){state->bytes, state->bank_bytes, state->blocks};
	region->began = true;
	region->to_ns = state->to_ns;
	/* Which process came last is not known; so another change at that very time counts as out of order. */
	region->to_process = UINT32_MAX;
	region->dirty_ns = state->dirty_ns;
}

void totals_restore_span_id(struct totals *totals, int64_t last_span_id)
{
	totals->last_span_id = last_span_id;
}

/* ---- spans ---- */

void totals_log_span(const struct totals_region *region, const struct span *span, struct rowlog *log)
{
	rowlog_span(log, &(struct span_row){.id = span->id,
	                                    .device = region->device,
	                                    .region = region->region,
	                                    .from_ns = span->from_ns,
	                                    .to_ns = span->to_ns,
	                                    .start_bytes = span->start.bytes,
	                                    .min_bytes = span->min_bytes,
	                                    .max_bytes = span->max_bytes,
	                                    .end_bytes = span->end.bytes,
	                                    .max_ns = span->max_ns,
	                                    .max_key = span->max_key,
	                                    .max_blocks = span->max_blocks,
	                                    .start_bank_bytes = span->start.bank_bytes,
	                                    .max_bank_bytes = span->max_bank_bytes,
	                                    .max_bank_ns = span->max_bank_ns,
	                                    .end_bank_bytes = span->end.bank_bytes,
	                                    .start_blocks = span->start.blocks,
	                                    .end_blocks = span->end.blocks,
	                                    .allocs = span->allocs,
	                                    .frees = span->frees});
}

static void begin_span(struct span *span, int64_t id, const struct amounts *start, const struct delta *delta)
{
	*span = (struct span){
	    .id = id,
	    .from_ns = delta->from_ns,
	    .start = *start,
	    .min_bytes = INT64_MAX,
	    .max_bytes = INT64_MIN,
	    .max_bank_bytes = INT64_MIN,
	};
}

/* Puts DELTA, before which the totals were BEFORE, behind the span. */
static void extend_span(struct span *span, const struct amounts *before, const struct delta *delta)
{
	span->to_ns = delta->to_ns;
	span->changes += delta->changes;
	span->allocs += delta->allocs;
	span->frees += delta->frees;
	if (before->bytes + delta->min_bytes < span->min_bytes)
		span->min_bytes = before->bytes + delta->min_bytes;
	if (before->bytes + delta->max_bytes > span->max_bytes) {
		span->max_bytes = before->bytes + delta->max_bytes;
		span->max_ns = delta->max_ns;
		span->max_key = delta->max_key;
		span->max_blocks = before->blocks + delta->max_blocks;
	}
	if (before->bank_bytes + delta->max_bank_bytes > span->max_bank_bytes) {
		span->max_bank_bytes = before->bank_bytes + delta->max_bank_bytes;
		span->max_bank_ns = delta->max_bank_ns;
	}
	span->end.bytes = before->bytes + delta->bytes;
	span->end.bank_bytes = before->bank_bytes + delta->bank_bytes;
	span->end.blocks = before->blocks + delta->blocks;
}

static void move_totals(struct totals_region *region, const struct delta *delta)
{
	region->now.bytes += delta->bytes;
	region->now.bank_bytes += delta->bank_bytes;
	region->now.blocks += delta->blocks;
	if (!region->began || delta->to_ns > region->to_ns ||
	    (delta->to_ns == region->to_ns && delta->to_process > region->to_process)) {
		region->to_ns = delta->to_ns;
		region->to_process = delta->to_process;
	}
	region->began = true;
}

void totals_append(struct totals *totals, struct totals_region *region, const struct delta *delta, struct rowlog *log)
{
	struct span *span = &region->span;

	if (!span->id || !delta_may_grow(span->from_ns, span->changes, delta->to_ns, delta->changes))
		begin_span(span, ++totals->last_span_id, &region->now, delta);
	extend_span(span, &region->now, delta);
	totals_log_span(region, span, log);
	move_totals(region, delta);
}

/* The earliest time at which DELTA is out of order, within itself or against what came before. */
static uint64_t disorder_of(const struct totals_region *region, const struct delta *delta)
{
	bool late = region->began && (delta->from_ns < region->to_ns ||
	                              (delta->from_ns == region->to_ns && delta->from_process < region->to_process));

	return late && delta->from_ns < delta->disorder_ns ? delta->from_ns : delta->disorder_ns;
}

static void add_delta(struct totals *totals, struct totals_region *region, const struct delta *delta,
                      struct rowlog *log)
{
	uint64_t disorder_ns = disorder_of(region, delta);

	if (disorder_ns < region->dirty_ns)
		region->dirty_ns = disorder_ns;
	else if (region->dirty_ns != DELTA_NO_DISORDER && delta->from_ns < region->dirty_ns)
		region->dirty_ns = delta->from_ns;
	if (region->dirty_ns == DELTA_NO_DISORDER)
		totals_append(totals, region, delta, log);
	else
		move_totals(region, delta);
}

void totals_add(struct totals *totals, const struct delta *deltas, size_t count, struct rowlog *log)
{
	for (size_t i = 0; i < count; i++) {
		struct totals_region *region = totals_find(totals, deltas[i].device, deltas[i].region);
		uint64_t was_dirty_ns = region ? region->dirty_ns : 0; /* a new one gets a row in any case */

		if (!region)
			region = make_region(totals, deltas[i].device, deltas[i].region);
		add_delta(totals, region, &deltas[i], log);
		if (region->dirty_ns != was_dirty_ns)
			totals_log_region(region, log);
	}
}

void totals_begin_file(struct totals *totals)
{
	for (size_t i = 0; i < totals->count; i++) {
		totals->regions[i].span = (struct span){0};
		totals->regions[i].dirty_ns = 0;
	}
}

uint64_t totals_dirty_ns(const struct totals *totals, bool with_cbs)
{
	uint64_t dirty_ns = DELTA_NO_DISORDER;

	for (size_t i = 0; i < totals->count; i++)
		if (totals->regions[i].dirty_ns < dirty_ns && (with_cbs || totals->regions[i].region != TTALLOC_CB))
			dirty_ns = totals->regions[i].dirty_ns;
	return dirty_ns;
}
