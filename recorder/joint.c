/* SPDX-License-Identifier: Apache-2.0
 *
 * joint.c - the totals of each device and region over all processes, and their spans.
 */
#include "joint.h"

#include <string.h>

#include "cbs.h"
#include "index.h"
#include "ttalloc/event.h"

struct totals {
	int64_t bytes, bank_bytes, blocks;
};

/* A row of span; id 0: there is none yet. */
struct span {
	int64_t id;
	uint64_t from_ns, to_ns, changes;
	struct totals start, end;
	int64_t min_bytes, max_bytes, max_key, max_blocks, max_bank_bytes;
	uint64_t max_ns, max_bank_ns, allocs, frees;
};

struct joint_region {
	uint32_t device, region;
	uint64_t to_ns; /* position of the last change */
	uint32_t to_process;
	bool began;
	struct totals now;
	struct span span; /* the last one, which may still grow */
	uint64_t dirty_ns;
};

struct joint {
	struct joint_region *regions;
	size_t count, capacity;
	struct index index;
	int64_t last_span_id;
};

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

static void log_region(const struct joint_region *region, struct rowlog *log)
{
	rowlog_begin(log, ROW_REGION);
	rowlog_integer(log, region->device);
	rowlog_integer(log, region->region);
	rowlog_optional(log, (int64_t)region->dirty_ns, (int64_t)PIECE_NO_DISORDER);
}

static struct joint_region *find_region(struct joint *joint, uint32_t device, uint32_t number, bool *fresh)
{
	uint64_t hash = hash_mix((uint64_t)device << 32 | number);

	*fresh = false;
	INDEX_EACH_MATCH(&joint->index, hash, at, ref)
	{
		if (joint->regions[ref - 1].device == device && joint->regions[ref - 1].region == number)
			return &joint->regions[ref - 1];
	}
	joint->regions = memory_room(joint->regions, joint->count, &joint->capacity, sizeof(*joint->regions));
	joint->regions[joint->count++] =
	    (struct joint_region){.device = device, .region = number, .dirty_ns = PIECE_NO_DISORDER};
	index_add(&joint->index, hash, (uint32_t)joint->count);
	*fresh = true;
	return &joint->regions[joint->count - 1];
}

void joint_restore(struct joint *joint, const struct joint_state *state)
{
	bool fresh;
	struct joint_region *region = find_region(joint, state->device, state->region, &fresh);

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

static void log_span(const struct joint_region *region, const struct span *span, struct rowlog *log)
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

/* Puts a piece that is in order into the spans of its region. */
static void append_piece(struct joint *joint, struct joint_region *region, const struct piece *piece,
                         struct rowlog *log)
{
	struct span *span = &region->span;

	if (!span->id || !piece_may_grow(span->from_ns, span->changes, piece->to_ns, piece->changes))
		begin_span(span, ++joint->last_span_id, &region->now, piece);
	extend_span(span, &region->now, piece);
	log_span(region, span, log);
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

/* The earliest time at which PIECE is out of order, within itself or against what came before. */
static uint64_t disorder_of(const struct joint_region *region, const struct piece *piece)
{
	bool late = region->began && (piece->from_ns < region->to_ns ||
	                              (piece->from_ns == region->to_ns && piece->from_process < region->to_process));

	return late && piece->from_ns < piece->disorder_ns ? piece->from_ns : piece->disorder_ns;
}

void joint_add(struct joint *joint, const struct piece *pieces, size_t count, struct rowlog *log)
{
	for (size_t i = 0; i < count; i++) {
		const struct piece *piece = &pieces[i];
		bool fresh;
		struct joint_region *region = find_region(joint, piece->device, piece->region, &fresh);
		uint64_t disorder_ns = disorder_of(region, piece), was_dirty_ns = region->dirty_ns;

		if (disorder_ns < region->dirty_ns)
			region->dirty_ns = disorder_ns;
		else if (region->dirty_ns != PIECE_NO_DISORDER && piece->from_ns < region->dirty_ns)
			region->dirty_ns = piece->from_ns;
		if (region->dirty_ns == PIECE_NO_DISORDER)
			append_piece(joint, region, piece, log);
		move_totals(region, piece);
		if (fresh || region->dirty_ns != was_dirty_ns)
			log_region(region, log);
	}
}

uint64_t joint_dirty_ns(const struct joint *joint)
{
	uint64_t dirty_ns = PIECE_NO_DISORDER;

	for (size_t i = 0; i < joint->count; i++)
		if (joint->regions[i].dirty_ns < dirty_ns)
			dirty_ns = joint->regions[i].dirty_ns;
	return dirty_ns;
}

/* ---- making spans anew ---- */

/* The circular buffers of one process, gone through once more. */
struct cb_replay {
	struct usage usage;
	struct cbs cbs;
};

struct rebuilding {
	struct joint *joint;
	struct joint_region region; /* a copy, until it is in the file */
	uint64_t from_ns;
	struct usage_change moment; /* not yet in the piece */
	struct piece piece;         /* not yet in a span */
	bool has_moment, has_piece;
	struct rowlog log;
	struct cb_replay **cbs; /* by process */
	size_t cbs_count;
	uint64_t changes, expected;
	bool (*progress)(double fraction, void *context);
	void *context;
};

static void finish_piece(struct rebuilding *rebuilding)
{
	if (!rebuilding->has_piece)
		return;
	append_piece(rebuilding->joint, &rebuilding->region, &rebuilding->piece, &rebuilding->log);
	move_totals(&rebuilding->region, &rebuilding->piece);
	rebuilding->has_piece = false;
}

static void replay_moment(struct rebuilding *rebuilding)
{
	const struct usage_change *change = &rebuilding->moment;
	struct piece *piece = &rebuilding->piece;

	if (!rebuilding->has_moment)
		return;
	rebuilding->has_moment = false;
	if (rebuilding->has_piece && piece_may_grow(piece->from_ns, piece->changes, change->at_ns, 1)) {
		piece_add(piece, change);
		return;
	}
	finish_piece(rebuilding);
	piece_begin(piece, rebuilding->region.device, rebuilding->region.region, change);
	rebuilding->has_piece = true;
}

/* A closed device, or a process that ends, has a change for every block: together they are one moment, as they were
 * when they were taken in. */
static void replay_change(struct rebuilding *rebuilding, const struct usage_change *change)
{
	struct usage_change *moment = &rebuilding->moment;

	if (change->at_ns < rebuilding->from_ns)
		return;
	if (rebuilding->has_moment && moment->key == change->key && moment->process == change->process &&
	    moment->at_ns == change->at_ns) {
		moment->bytes += change->bytes;
		moment->bank_bytes += change->bank_bytes;
		moment->blocks += change->blocks;
		return;
	}
	replay_moment(rebuilding);
	*moment = *change;
	rebuilding->has_moment = true;
}

static struct cb_replay *cbs_of(struct rebuilding *rebuilding, uint32_t process)
{
	if (process >= rebuilding->cbs_count) {
		size_t count = (size_t)process * 2 + 16;

		rebuilding->cbs = memory_or_die(realloc(rebuilding->cbs, count * sizeof(*rebuilding->cbs)));
		memset(rebuilding->cbs + rebuilding->cbs_count, 0,
		       (count - rebuilding->cbs_count) * sizeof(*rebuilding->cbs));
		rebuilding->cbs_count = count;
	}
	if (!rebuilding->cbs[process])
		rebuilding->cbs[process] = memory_zeroed(sizeof(*rebuilding->cbs[process]));
	return rebuilding->cbs[process];
}

static void free_cbs(struct rebuilding *rebuilding)
{
	for (size_t i = 0; i < rebuilding->cbs_count; i++)
		if (rebuilding->cbs[i])
			cbs_free(&rebuilding->cbs[i]->cbs);
	for (size_t i = 0; i < rebuilding->cbs_count; i++)
		free(rebuilding->cbs[i]);
	free(rebuilding->cbs);
}

static void ignore_end(void *context, int64_t key)
{
	(void)context, (void)key;
}

/* Does to the circular buffers of its process what the event did when it was taken in. */
static void replay_cb_event(struct rebuilding *rebuilding, const struct stored_change *stored)
{
	struct cb_replay *replay = cbs_of(rebuilding, stored->change.process);
	struct usage_change change = stored->change;
	struct cb cb = {
	    .usage = 1,
	    .program = stored->program,
	    .number = stored->number,
	    .key = change.key,
	    .size_bytes = (uint64_t)change.bytes,
	    .aliased = stored->aliased,
	};

	if (stored->kind == TTA_CB_ALLOC) {
		cbs_add(&replay->cbs, &replay->usage, &cb);
	} else if (stored->kind == TTA_CB_FREE) {
		change.frees = cbs_end(&replay->cbs, &replay->usage, 1, stored->program, ignore_end, NULL);
	} else if (stored->kind == TTA_DEVICE_CLOSE) {
		cbs_end_all(&replay->cbs, &replay->usage, 1, ignore_end, NULL);
	} else {
		replay->usage.ran = true;
		replay->usage.program = stored->program;
	}
	if (cbs_settle(&replay->cbs, &replay->usage, 1, &change) || change.allocs || change.frees)
		replay_change(rebuilding, &change);
}

static bool replay_stored(void *context, const struct stored_change *stored)
{
	struct rebuilding *rebuilding = context;
	double fraction;

	if (stored->kind)
		replay_cb_event(rebuilding, stored);
	else
		replay_change(rebuilding, &stored->change);
	if (++rebuilding->changes % 16384 || !rebuilding->progress)
		return true;
	fraction = (double)rebuilding->changes / (double)(rebuilding->expected + 1);
	return rebuilding->progress(fraction < 1 ? fraction : 1, rebuilding->context);
}

/* Goes back to the last span that is right. Returns the time from which on all has to be replayed. */
static uint64_t cut_spans(struct rebuilding *rebuilding, struct writer *writer)
{
	struct joint_region *region = &rebuilding->region;
	struct span_end end;
	bool kept = writer_span_before(writer, region->device, region->region, region->dirty_ns, &end);

	rowlog_begin(&rebuilding->log, ROW_SPAN_CUT);
	rowlog_integer(&rebuilding->log, region->device);
	rowlog_integer(&rebuilding->log, region->region);
	rowlog_integer(&rebuilding->log, (int64_t)region->dirty_ns);
	region->dirty_ns = PIECE_NO_DISORDER;
	region->began = false;
	region->span = (struct span){0};
	region->now = kept ? (struct totals){end.bytes, end.bank_bytes, end.blocks} : (struct totals){0};
	return kept ? end.to_ns + 1 : 0;
}

static enum write_result rebuild_region(struct rebuilding *rebuilding, struct writer *writer, struct sql_error *error)
{
	struct joint_region *region = &rebuilding->region;
	struct write_rows rows = {.logs = {&rebuilding->log}};
	enum write_result result;

	rebuilding->from_ns = cut_spans(rebuilding, writer);
	result = writer_changes(writer, region->device, region->region, rebuilding->from_ns, replay_stored, rebuilding,
	                        error);
	if (result != WRITE_DONE)
		return result;
	replay_moment(rebuilding);
	finish_piece(rebuilding);
	log_region(region, &rebuilding->log);
	return writer_store(writer, &rows, error);
}

enum write_result joint_rebuild(struct joint *joint, struct writer *writer, bool (*progress)(double, void *),
                                void *context, struct sql_error *error)
{
	enum write_result result = WRITE_DONE;

	for (size_t i = 0; i < joint->count && result == WRITE_DONE; i++) {
		struct rebuilding rebuilding = {.joint = joint, .progress = progress, .context = context};

		if (joint->regions[i].dirty_ns == PIECE_NO_DISORDER)
			continue;
		rebuilding.region = joint->regions[i];
		if (progress)
			rebuilding.expected = writer_events_since(writer, joint->regions[i].dirty_ns);
		result = rebuild_region(&rebuilding, writer, error);
		if (result == WRITE_DONE)
			joint->regions[i] = rebuilding.region;
		rowlog_free(&rebuilding.log);
		free_cbs(&rebuilding);
	}
	return result;
}
