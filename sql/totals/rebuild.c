/* SPDX-License-Identifier: Apache-2.0
 *
 * rebuild.c - makes spans anew, out of the file, where events came out of order.
 *
 * Blocks are gone through backwards, for all devices and regions at once, since rows are in the order of their ends and
 * the totals at the end are known. Circular buffers are gone through forwards, from the beginning: which of them are
 * resident follows from what ran before.
 */
#include <stdlib.h>
#include <string.h>

#include "cbs.h"
#include "sql/base/memory.h"
#include "totals_private.h"
#include "ttalloc.h"
#include "ttalloc/event.h"

static_assert(TTA_CB_ALLOC == 4 && TTA_CB_FREE == 5 && TTA_PROGRAM_RUN == 6 && TTA_DEVICE_CLOSE == 10 &&
                  TTALLOC_ALIASED == 4 && TTALLOC_CB == 16,
              "sql/, which knows nothing of events, names these by number");

struct rebuild_progress {
	uint64_t changes, expected;
	bool (*call)(double fraction, void *context);
	void *context;
};

/* To be called for every change; false: stop. */
static bool go_on(struct rebuild_progress *progress)
{
	double fraction;

	if (++progress->changes % 16384 || !progress->call)
		return true;
	fraction = (double)progress->changes / (double)(progress->expected + 1);
	return progress->call(fraction < 1 ? fraction : 1, progress->context);
}

/* A cb_free, a closed device, or a process that ends has a change for each that it ends: together they are one moment,
 * as they were when they were taken in. */
static bool join_moment(struct usage_change *moment, const struct usage_change *change)
{
	if (moment->key != change->key || moment->process != change->process || moment->at_ns != change->at_ns)
		return false;
	moment->bytes += change->bytes;
	moment->bank_bytes += change->bank_bytes;
	moment->blocks += change->blocks;
	moment->allocs += change->allocs;
	moment->frees += change->frees;
	return true;
}

/* ---- circular buffers, forwards ---- */

/* The circular buffers of one process, gone through once more. */
struct cb_replay {
	struct region_total total;
	struct cbs cbs;
};

struct rebuilding {
	struct totals *totals;
	struct totals_region region; /* a copy, until it is in the file */
	uint64_t from_ns;
	struct usage_change moment; /* not yet in the delta */
	struct delta delta;         /* not yet in a span */
	bool has_moment, has_delta;
	struct rowlog *log;
	struct cb_replay **cbs; /* by process */
	size_t cbs_count;
	struct rebuild_progress *progress;
};

static void finish_delta(struct rebuilding *rebuilding)
{
	if (!rebuilding->has_delta)
		return;
	totals_append(rebuilding->totals, &rebuilding->region, &rebuilding->delta, rebuilding->log);
	rebuilding->has_delta = false;
}

static void replay_moment(struct rebuilding *rebuilding)
{
	const struct usage_change *change = &rebuilding->moment;
	struct delta *delta = &rebuilding->delta;

	if (!rebuilding->has_moment)
		return;
	rebuilding->has_moment = false;
	if (rebuilding->has_delta && delta_may_grow(delta->from_ns, delta->changes, change->at_ns, 1)) {
		delta_add(delta, change);
		return;
	}
	finish_delta(rebuilding);
	delta_begin(delta, rebuilding->region.device, rebuilding->region.region, change);
	rebuilding->has_delta = true;
}

/* A closed device, or a process that ends, has a change for every block: together they are one moment, as they were
 * when they were taken in. */
static void replay_change(struct rebuilding *rebuilding, const struct usage_change *change)
{
	struct usage_change *moment = &rebuilding->moment;

	if (change->at_ns < rebuilding->from_ns)
		return;
	if (rebuilding->has_moment && join_moment(moment, change))
		return;
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
	    .total = 1,
	    .program = stored->program,
	    .number = stored->number,
	    .key = change.key,
	    .size_bytes = (uint64_t)change.bytes,
	    .aliased = stored->aliased,
	};

	if (stored->kind == TTA_CB_ALLOC) {
		cbs_add_counted(&replay->cbs, &replay->total, &cb, NULL, 0);
	} else if (stored->kind == TTA_CB_FREE) {
		change.frees = cbs_end_one(&replay->cbs, &cb) != 0;
	} else if (stored->kind == TTA_DEVICE_CLOSE) {
		cbs_end_all(&replay->cbs, 1, ignore_end, NULL);
	} else {
		cbs_run(&replay->total, stored->program);
	}
	if (cbs_settle(&replay->cbs, &replay->total, 1, &change) || change.allocs || change.frees)
		replay_change(rebuilding, &change);
}

static bool replay_stored(void *context, const struct stored_change *stored)
{
	struct rebuilding *rebuilding = context;

	if (stored->kind)
		replay_cb_event(rebuilding, stored);
	else
		replay_change(rebuilding, &stored->change);
	return go_on(rebuilding->progress);
}

/* Goes back to the last span that is right, from whose end on all has to be made. */
static uint64_t cut_spans(const struct totals_region *region, struct writer *writer, struct rowlog *log,
                          struct amounts *before)
{
	struct span_end end;
	bool kept = writer_span_before(writer, region->device, region->region, region->dirty_ns, &end);

	rowlog_span_cut(log, &(struct span_cut_row){
	                         .device = region->device, .region = region->region, .dirty_ns = region->dirty_ns});
	*before = kept ? (struct amounts){end.bytes, end.bank_bytes, end.blocks} : (struct amounts){0};
	return kept ? end.to_ns + 1 : 0;
}

static enum write_result rebuild_cbs(struct totals *totals, struct totals_region *region, struct writer *writer,
                                     struct rebuild_progress *progress, struct rowlog *log, struct sql_error *error)
{
	struct rebuilding rebuilding = {.totals = totals, .region = *region, .log = log, .progress = progress};
	enum write_result result;

	rebuilding.from_ns = cut_spans(region, writer, log, &rebuilding.region.now);
	rebuilding.region.dirty_ns = DELTA_NO_DISORDER;
	rebuilding.region.began = false;
	rebuilding.region.span = (struct span){0};
	result = writer_cb_changes(writer, region->device, replay_stored, &rebuilding, error);
	if (result == WRITE_DONE) {
		replay_moment(&rebuilding);
		finish_delta(&rebuilding);
		region->made = rebuilding.region.span;
		totals_log_region(&rebuilding.region, log);
	}
	free_cbs(&rebuilding);
	return result;
}

/* ---- blocks, backwards ---- */

/* One device and region on the way back. */
struct remaking {
	struct totals_region *region;
	uint64_t from_ns;
	struct amounts now; /* at the present moment */
	struct usage_change moment;
	struct span span;
	bool has_moment, has_span;
	struct span *spans; /* the last one first */
	size_t span_count, span_capacity;
};

struct remaking_all {
	struct totals *totals;
	struct remaking *regions; /* as totals->regions; region NULL: it is not dirty */
	struct rebuild_progress *progress;
};

static void finish_span(struct remaking *remaking)
{
	if (remaking->has_span) {
		remaking->spans = memory_room(remaking->spans, remaking->span_count, &remaking->span_capacity,
		                              sizeof(*remaking->spans));
		remaking->spans[remaking->span_count++] = remaking->span;
	}
	remaking->has_span = false;
}

static struct span *span_reaching(struct remaking *remaking, uint64_t at_ns)
{
	struct span *span = &remaking->span;

	if (remaking->has_span && delta_may_grow(at_ns, span->changes, span->to_ns, 1))
		return span;
	finish_span(remaking);
	*span = (struct span){
	    .to_ns = at_ns,
	    .end = remaking->now,
	    .min_bytes = INT64_MAX,
	    .max_bytes = INT64_MIN,
	    .max_bank_bytes = INT64_MIN,
	};
	remaking->has_span = true;
	return span;
}

/* Counts the totals after the moment into its span, and goes to before it. Of equal ones the earliest counts, which
 * comes last here. */
static void undo_moment(struct remaking *remaking)
{
	const struct usage_change *moment = &remaking->moment;
	struct amounts *now = &remaking->now;
	struct span *span;

	if (!remaking->has_moment)
		return;
	remaking->has_moment = false;
	span = span_reaching(remaking, moment->at_ns);
	span->from_ns = moment->at_ns;
	span->changes++;
	span->allocs += moment->allocs;
	span->frees += moment->frees;
	if (now->bytes < span->min_bytes)
		span->min_bytes = now->bytes;
	if (now->bytes >= span->max_bytes) {
		span->max_bytes = now->bytes;
		span->max_ns = moment->at_ns;
		span->max_key = moment->key;
		span->max_blocks = now->blocks;
	}
	if (now->bank_bytes >= span->max_bank_bytes) {
		span->max_bank_bytes = now->bank_bytes;
		span->max_bank_ns = moment->at_ns;
	}
	now->bytes -= moment->bytes;
	now->bank_bytes -= moment->bank_bytes;
	now->blocks -= moment->blocks;
	span->start = *now;
}

static bool undo_change(void *context, uint32_t device, uint32_t number, const struct usage_change *change)
{
	struct remaking_all *all = context;
	const struct totals_region *region = totals_find(all->totals, device, number);
	struct remaking *remaking = region ? &all->regions[region - all->totals->regions] : NULL;

	if (!remaking || !remaking->region || change->at_ns < remaking->from_ns)
		return go_on(all->progress);
	if (!remaking->has_moment || !join_moment(&remaking->moment, change)) {
		undo_moment(remaking);
		remaking->moment = *change;
		remaking->has_moment = true;
	}
	return go_on(all->progress);
}

/* Ids in the order of time. */
static void log_spans(struct totals *totals, struct remaking *remaking, struct rowlog *log)
{
	struct totals_region clean = *remaking->region;

	undo_moment(remaking);
	finish_span(remaking);
	for (size_t i = remaking->span_count; i-- > 0;) {
		remaking->spans[i].id = ++totals->last_span_id;
		totals_log_span(remaking->region, &remaking->spans[i], log);
	}
	remaking->region->made = remaking->span_count ? remaking->spans[0] : (struct span){0};
	clean.dirty_ns = DELTA_NO_DISORDER;
	totals_log_region(&clean, log);
}

static enum write_result rebuild_blocks(struct totals *totals, struct writer *writer, struct rebuild_progress *progress,
                                        struct rowlog *log, struct sql_error *error)
{
	struct remaking_all all = {.totals = totals, .progress = progress};
	enum write_result result = WRITE_DONE;
	uint64_t from_ns = UINT64_MAX;

	all.regions = memory_zeroed((totals->count + 1) * sizeof(*all.regions));
	for (size_t i = 0; i < totals->count; i++) {
		struct remaking *remaking = &all.regions[i];
		struct amounts ignored;

		if (totals->regions[i].dirty_ns == DELTA_NO_DISORDER || totals->regions[i].region == TTALLOC_CB)
			continue;
		remaking->region = &totals->regions[i];
		remaking->now = totals->regions[i].now;
		remaking->from_ns = cut_spans(remaking->region, writer, log, &ignored);
		from_ns = remaking->from_ns < from_ns ? remaking->from_ns : from_ns;
	}
	if (from_ns != UINT64_MAX)
		result = writer_changes_backwards(writer, from_ns, undo_change, &all, error);
	for (size_t i = 0; i < totals->count; i++) {
		if (result == WRITE_DONE && all.regions[i].region)
			log_spans(totals, &all.regions[i], log);
		free(all.regions[i].spans);
	}
	free(all.regions);
	return result;
}

/* ---- both ---- */

static bool is_wanted(const struct totals_region *region, bool with_cbs)
{
	return region->dirty_ns != DELTA_NO_DISORDER && (with_cbs || region->region != TTALLOC_CB);
}

static enum write_result make_rows(struct totals *totals, struct writer *writer, bool with_cbs,
                                   struct rebuild_progress *progress, struct rowlog *log, struct sql_error *error)
{
	enum write_result result = rebuild_blocks(totals, writer, progress, log, error);

	for (size_t i = 0; i < totals->count && result == WRITE_DONE; i++)
		if (totals->regions[i].region == TTALLOC_CB && is_wanted(&totals->regions[i], with_cbs))
			result = rebuild_cbs(totals, &totals->regions[i], writer, progress, log, error);
	return result;
}

enum write_result totals_rebuild(struct totals *totals, struct writer *writer, bool with_cbs,
                                 bool (*call)(double, void *), void *context, struct sql_error *error)
{
	struct rebuild_progress progress = {.call = call, .context = context};
	struct rowlog log = {0};
	struct write_rows rows = {.logs = {&log}};
	enum write_result result;

	if (totals_dirty_ns(totals, with_cbs) == DELTA_NO_DISORDER)
		return WRITE_DONE;
	if (call)
		progress.expected = 2 * writer_events_since(writer, totals_dirty_ns(totals, with_cbs));
	result = make_rows(totals, writer, with_cbs, &progress, &log, error);
	if (result == WRITE_DONE)
		result = writer_store(writer, &rows, error);
	for (size_t i = 0; i < totals->count && result == WRITE_DONE; i++) {
		struct totals_region *region = &totals->regions[i];

		if (!is_wanted(region, with_cbs))
			continue;
		region->dirty_ns = DELTA_NO_DISORDER;
		region->span = region->made;
		/* of a recording that goes on: what came last in the file was not known to be that late */
		if (region->made.id && region->made.to_ns > region->to_ns) {
			region->to_ns = region->made.to_ns;
			region->to_process = UINT32_MAX;
		}
	}
	rowlog_free(&log);
	return result;
}
