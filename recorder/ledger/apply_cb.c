/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_cb.c - events about circular buffers and the programs that they belong to.
 */
#include "event_context.h"
#include "ttalloc.h"

#define TOO_MANY_PIECES                                                                                                \
	"CB: circular buffers lie on cores in too many pieces to be told apart: they count as if they lay on all"

struct cb_ending {
	const struct event_context *context;
	const char *how;
};

static void log_cb_end(void *context, int64_t key)
{
	const struct cb_ending *ending = context;
	struct rowlog *log = &context_chunk(ending->context)->log;

	rowlog_cb_end(log, &(struct cb_end_row){.key = key,
	                                        .end_key = ending->context->key,
	                                        .end_ns = ending->context->at_ns,
	                                        .ended = row_string(ending->how)});
}

/* Takes the COUNT ranges of an entry out of it. A list that does not come whole is not known. */
static void read_cores(struct entry *entry, uint32_t count, struct cores *cores)
{
	struct ttalloc_core_range range;

	cores->count = 0;
	if (count > CORE_RANGES_MOST || entry->bytes < count * sizeof(range))
		return;
	for (uint32_t i = 0; i < count; i++) {
		entry_take(entry, &range, sizeof(range));
		cores->ranges[cores->count++] = (struct core_range){range.x0, range.y0, range.x1, range.y1};
	}
}

/* CB, whose process said on which cores it lies, counts its size: that is more than it takes of any core. */
static void note_pieces(const struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;

	rowlog_note(log, &(struct note_row){.process = context->process->id, .note = row_string(TOO_MANY_PIECES)});
}

/* Most count their size: that is not said. */
static void log_count(struct rowlog *log, const struct cb *cb, uint64_t size_bytes)
{
	if (cb->aliased || cb->size_bytes == size_bytes)
		return;
	rowlog_cb_count(log, &(struct cb_count_row){.key = cb->key, .counted_bytes = cb->size_bytes});
}

static void log_cb(struct event_context *context, const struct cb *cb, const struct cores *cores)
{
	uint32_t attribution =
	    context_attribution(context, context->event->device, TTALLOC_CB, context->event->flags, TTA_ENDED_FREED);
	uint64_t size_bytes = context_size(context->event->cb.size_bytes);
	struct rowlog *log = &context_chunk(context)->log;
	char text[CORES_TEXT];
	size_t length = cores_format(cores, text);

	rowlog_cb(log, &(struct cb_row){.key = cb->key,
	                                .alloc_ns = context->at_ns,
	                                .origin = attribution,
	                                .program = cb->program,
	                                .idx = cb->number,
	                                .address = context->event->cb.address,
	                                .size_bytes = size_bytes,
	                                .cores = row_text(length ? text : NULL, length)});
	log_count(log, cb, size_bytes);
}

/* Passes on what became of the resident circular buffers, if anything. */
static void settle(struct event_context *context, uint32_t total, struct usage_change *change)
{
	struct holdings *holdings = context->process->holdings;

	if (cbs_settle(&holdings->cbs, &holdings->region_totals[total - 1], total, change) || change->allocs ||
	    change->frees)
		process_change(context->ledger, context->process, total, change);
}

/* As for blocks: the end of the old one takes the event's key, and the event a fresh one. */
static void replace_cb(struct event_context *context, int64_t replaced)
{
	log_cb_end(&(struct cb_ending){context, "replaced"}, replaced);
	context->process->replaced++;
	context->key = context->ledger->next_key++;
}

void apply_cb_alloc(struct event_context *context)
{
	const struct tta_event *event = context->event;
	struct holdings *holdings = context->process->holdings;
	uint32_t total = context_region_total(context, TTALLOC_CB);
	struct tta_cb_entry about = {0};
	struct entry entry = {0};
	struct usage_change change;
	struct cores cores;
	struct cb cb = {.total = total, .aliased = event->flags & TTALLOC_ALIASED};
	int64_t replaced;
	bool should_be_placed;

	if (!total)
		return;
	if (entry_find(context->table, (uint32_t)event->cb.entry, TTA_ENTRY_CB, &entry))
		entry_take(&entry, &about, sizeof(about));
	read_cores(&entry, about.core_ranges, &cores);
	cb.program = about.program;
	cb.number = about.index;
	cb.size_bytes = cb.aliased ? 0 : context_size_of(context, event->cb.size_bytes);
	replaced = cbs_key(&holdings->cbs, &cb);
	if (replaced)
		replace_cb(context, replaced);
	cb.key = context->key;
	should_be_placed = about.core_ranges && cb.size_bytes;
	cbs_add(&holdings->cbs, &holdings->region_totals[total - 1], &cb, &cores);
	if (should_be_placed && !cb.placed)
		note_pieces(context);
	log_cb(context, &cb, &cores);
	holdings->region_totals[total - 1].allocated_bytes +=
	    cb.aliased ? 0 : (int64_t)context_size(event->cb.size_bytes);
	change = context_change(context);
	change.allocs = 1;
	settle(context, total, &change);
}

/* Returns how many the event ends: all of its program, or the one that its entry names. */
static uint32_t end_cbs(struct event_context *context, uint32_t total)
{
	const struct tta_event *event = context->event;
	struct cbs *cbs = &context->process->holdings->cbs;
	struct cb_ending ending = {context, "freed"};
	struct tta_cb_entry about;
	struct entry entry;
	int64_t key;

	if (!event->program.cb_entry)
		return cbs_end(cbs, total, event->program.number, log_cb_end, &ending);
	if (!entry_find(context->table, (uint32_t)event->program.cb_entry, TTA_ENTRY_CB, &entry))
		return 0;
	entry_take(&entry, &about, sizeof(about));
	key = cbs_end_one(cbs, &(struct cb){.total = total, .program = event->program.number, .number = about.index});
	if (key)
		log_cb_end(&ending, key);
	return key != 0;
}

void apply_cb_free(struct event_context *context)
{
	struct holdings *holdings = context->process->holdings;
	uint32_t total = process_find_region_total(holdings, context->event->device, TTALLOC_CB);
	struct usage_change change = context_change(context);

	context_log_other(context, context->event->program.number);
	if (!total)
		return;
	change.frees = end_cbs(context, total);
	settle(context, total, &change);
}

void apply_program_run(struct event_context *context)
{
	const struct tta_event *event = context->event;
	uint32_t total = context_region_total(context, TTALLOC_CB);
	struct usage_change change = context_change(context);

	if (!total)
		return;
	*CHUNK_ADD(&context_chunk(context)->runs) = (struct run_row){
	    .key = context->key,
	    .at_ns = (int64_t)context->at_ns,
	    .origin = context_attribution(context, event->device, TTALLOC_CB, 0, TTA_ENDED_FREED),
	    .program = (int64_t)event->program.number,
	};
	cbs_run(&context->process->holdings->region_totals[total - 1], event->program.number);
	settle(context, total, &change);
}

void apply_device_close_cbs(struct event_context *context, uint32_t total)
{
	struct cb_ending ending = {context, "device close"};

	cbs_end_all(&context->process->holdings->cbs, total, log_cb_end, &ending);
}
