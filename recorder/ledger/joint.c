/* SPDX-License-Identifier: Apache-2.0
 *
 * joint.c - the totals of each device and region over all processes, and their spans.
 */
#include "joint_private.h"
#include "ttalloc.h"

struct joint *joint_new(void)
{
	return memory_zeroed(sizeof(struct joint));
}

void joint_free(struct joint *joint)
{
	if (!joint)
		return;
	free(joint->regions);
	index_free(&joint->index);
	free(joint);
}

void joint_log_region(const struct joint_region *region, struct rowlog *log)
{
	rowlog_begin(log, ROW_REGION);
	rowlog_integer(log, region->device);
	rowlog_integer(log, region->region);
	rowlog_optional(log, (int64_t)region->dirty_ns, (int64_t)PIECE_NO_DISORDER);
}

static uint64_t region_hash(uint32_t device, uint32_t region)
{
	return hash_mix((uint64_t)device << 32 | region);
}

struct joint_region *joint_find(const struct joint *joint, uint32_t device, uint32_t region)
{
	INDEX_EACH_MATCH(&joint->index, region_hash(device, region), at, ref)
	{
		if (joint->regions[ref - 1].device == device && joint->regions[ref - 1].region == region)
			return &joint->regions[ref - 1];
	}
	return NULL;
}

static struct joint_region *make_region(struct joint *joint, uint32_t device, uint32_t region)
{
	joint->regions = memory_room(joint->regions, joint->count, &joint->capacity, sizeof(*joint->regions));
	joint->regions[joint->count++] =
	    (struct joint_region){.device = device, .region = region, .dirty_ns = PIECE_NO_DISORDER};
	index_add(&joint->index, region_hash(device, region), (uint32_t)joint->count);
	return &joint->regions[joint->count - 1];
}

void joint_restore(struct joint *joint, const struct joint_state *state)
{
	struct joint_region *region = make_region(joint, state->device, state->region);

	region->now = (struct totals){state->bytes, state->bank_bytes, state->blocks};
	region->began = true;
	region->to_ns = state->to_ns;
	/* Which process came last is not known; so another change at that very time counts as out of order. */
	region->to_process = UINT32_MAX;
	region->dirty_ns = state->dirty_ns;
}

void joint_restore_span_id(struct joint *joint, int64_t last_span_id)
{
	joint->last_span_id = last_span_id;
}

/* ---- spans ---- */

void joint_log_span(const struct joint_region *region, const struct span *span, struct rowlog *log)
{
	const int64_t values[] = {
	    span->id,
	    region->device,
	    region->region,
	    (int64_t)span->from_ns,
	    (int64_t)span->to_ns,
	    span->start.bytes,
	    span->min_bytes,
	    span->max_bytes,
	    span->end.bytes,
	    (int64_t)span->max_ns,
	    span->max_key,
	    span->max_blocks,
	    span->start.bank_bytes,
	    span->max_bank_bytes,
	    (int64_t)span->max_bank_ns,
	    span->end.bank_bytes,
	    span->start.blocks,
	    span->end.blocks,
	    (int64_t)span->allocs,
	    (int64_t)span->frees,
	};

	rowlog_begin(log, ROW_SPAN);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		rowlog_integer(log, values[i]);
}

static void begin_span(struct span *span, int64_t id, const struct totals *start, const struct piece *piece)
{
	*span = (struct span){
	    .id = id,
	    .from_ns = piece->from_ns,
	    .start = *start,
	    .min_bytes = INT64_MAX,
	    .max_bytes = INT64_MIN,
	    .max_bank_bytes = INT64_MIN,
	};
}

/* Puts PIECE, before which the totals were BEFORE, behind the span. */
static void extend_span(struct span *span, const struct totals *before, const struct piece *piece)
{
	span->to_ns = piece->to_ns;
	span->changes += piece->changes;
	span->allocs += piece->allocs;
	span->frees += piece->frees;
	if (before->bytes + piece->min_bytes < span->min_bytes)
		span->min_bytes = before->bytes + piece->min_bytes;
	if (before->bytes + piece->max_bytes > span->max_bytes) {
		span->max_bytes = before->bytes + piece->max_bytes;
		span->max_ns = piece->max_ns;
		span->max_key = piece->max_key;
		span->max_blocks = before->blocks + piece->max_blocks;
	}
	if (before->bank_bytes + piece->max_bank_bytes > span->max_bank_bytes) {
		span->max_bank_bytes = before->bank_bytes + piece->max_bank_bytes;
		span->max_bank_ns = piece->max_bank_ns;
	}
	span->end.bytes = before->bytes + piece->bytes;
	span->end.bank_bytes = before->bank_bytes + piece->bank_bytes;
	span->end.blocks = before->blocks + piece->blocks;
}

static void move_totals(struct joint_region *region, const struct piece *piece)
{
	region->now.bytes += piece->bytes;
	region->now.bank_bytes += piece->bank_bytes;
	region->now.blocks += piece->blocks;
	if (!region->began || piece->to_ns > region->to_ns ||
	    (piece->to_ns == region->to_ns && piece->to_process > region->to_process)) {
		region->to_ns = piece->to_ns;
		region->to_process = piece->to_process;
	}
	region->began = true;
}

void joint_append(struct joint *joint, struct joint_region *region, const struct piece *piece, struct rowlog *log)
{
	struct span *span = &region->span;

	if (!span->id || !piece_may_grow(span->from_ns, span->changes, piece->to_ns, piece->changes))
		begin_span(span, ++joint->last_span_id, &region->now, piece);
	extend_span(span, &region->now, piece);
	joint_log_span(region, span, log);
	move_totals(region, piece);
}

/* The earliest time at which PIECE is out of order, within itself or against what came before. */
static uint64_t disorder_of(const struct joint_region *region, const struct piece *piece)
{
	bool late = region->began && (piece->from_ns < region->to_ns ||
	                              (piece->from_ns == region->to_ns && piece->from_process < region->to_process));

	return late && piece->from_ns < piece->disorder_ns ? piece->from_ns : piece->disorder_ns;
}

static void add_piece(struct joint *joint, struct joint_region *region, const struct piece *piece, struct rowlog *log)
{
	uint64_t disorder_ns = disorder_of(region, piece);

	if (disorder_ns < region->dirty_ns)
		region->dirty_ns = disorder_ns;
	else if (region->dirty_ns != PIECE_NO_DISORDER && piece->from_ns < region->dirty_ns)
		region->dirty_ns = piece->from_ns;
	if (region->dirty_ns == PIECE_NO_DISORDER)
		joint_append(joint, region, piece, log);
	else
		move_totals(region, piece);
}

void joint_add(struct joint *joint, const struct piece *pieces, size_t count, struct rowlog *log)
{
	for (size_t i = 0; i < count; i++) {
		struct joint_region *region = joint_find(joint, pieces[i].device, pieces[i].region);
		uint64_t was_dirty_ns = region ? region->dirty_ns : 0; /* a new one gets a row in any case */

		if (!region)
			region = make_region(joint, pieces[i].device, pieces[i].region);
		add_piece(joint, region, &pieces[i], log);
		if (region->dirty_ns != was_dirty_ns)
			joint_log_region(region, log);
	}
}

uint64_t joint_dirty_ns(const struct joint *joint, bool with_cbs)
{
	uint64_t dirty_ns = PIECE_NO_DISORDER;

	for (size_t i = 0; i < joint->count; i++)
		if (joint->regions[i].dirty_ns < dirty_ns && (with_cbs || joint->regions[i].region != TTALLOC_CB))
			dirty_ns = joint->regions[i].dirty_ns;
	return dirty_ns;
}
