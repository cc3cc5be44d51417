/* SPDX-License-Identifier: Apache-2.0
 *
 * events.c - what each kind of event does to the ledger of its process, to the totals, and which rows it leaves.
 */
#include <string.h>

#include "event_context.h"
#include "left_out.h"
#include "ttalloc.h"

#define UNCERTAIN                                                                                                      \
	"which chips its devices are is not known, and other processes see others: the same chip may be counted apart"
#define ON_ALL "blocks lie on cores in too many pieces to be told apart: they count as if they lay on all"
#define PRODUCER_MAX (sizeof(((struct tta_segment_header *)0)->producer) - 1)

/* ---- what all kinds share ---- */

struct chunk *context_chunk(const struct event_context *context)
{
	return context->ledger->chunk;
}

uint32_t context_attribution(const struct event_context *context, uint32_t place, uint32_t region, uint8_t flags,
                             uint8_t ended)
{
	struct raw_attribution raw =
	    raw_attribution(context->thread_entry, context->event->label, context->event->stack, place);

	raw.what = raw_attribution_what(region, flags, ended);
	return attribution_id(context->ledger, context->process, context->table, &raw, &context->lacks->origin);
}

struct usage_change context_change(const struct event_context *context)
{
	return (struct usage_change){.at_ns = context->at_ns, .key = context->key, .process = context->process->id};
}

uint32_t context_region_total(struct event_context *context, uint32_t region)
{
	uint32_t number = process_region_total(context->ledger, context->process, context->event->device, region);

	context->refused += number == 0;
	return number;
}

uint64_t context_size(uint64_t size_bytes)
{
	return size_bytes < SIZE_BITS ? size_bytes : SIZE_BITS;
}

uint64_t context_size_of(struct event_context *context, uint64_t size_bytes)
{
	context->lacks->size |= size_bytes > SIZE_BITS;
	return context_size(size_bytes);
}

void context_log_other(struct event_context *context, uint64_t a)
{
	const struct tta_event *event = context->event;
	uint32_t attribution = context_attribution(context, ttalloc_on(event->device, event->allocator), event->region,
	                                           0, TTA_ENDED_FREED);
	struct rowlog *log = &context_chunk(context)->log;

	rowlog_other(
	    log, &(struct other_row){
	             .key = context->key, .at_ns = context->at_ns, .kind = event->kind, .origin = attribution, .a = a});
}

/* ---- devices ---- */

/* The next BYTES of ENTRY, which may have fewer. */
static struct entry cut(struct entry *entry, size_t bytes)
{
	struct entry part = {.data = entry->data, .bytes = bytes < entry->bytes ? bytes : entry->bytes};

	entry->data += part.bytes;
	entry->bytes -= part.bytes;
	return part;
}

/* Without bytes it is not known. */
static struct row_text text_of(const struct entry *text)
{
	return row_text(text->bytes ? text->data : NULL, text->bytes);
}

/* A device's entry, in parts. */
struct device_entry {
	struct entry layouts, arch;
	struct identity {
		struct entry chip, visible, allocator;
		uint32_t cores;
		struct cores ranges; /* without any: it is not known which */
		uint32_t said_ranges;
		bool in_step;
	} identity;
};

/* COUNT of them, or none: part of them would say that the rest is free. */
static void read_ranges(struct entry *entry, uint32_t count, struct cores *cores)
{
	struct ttalloc_core_range range;
	struct entry ranges = cut(entry, count * sizeof(range));

	cores->count = 0;
	if (count > CORE_RANGES_MOST || ranges.bytes < count * sizeof(range))
		return;
	while (ranges.bytes) {
		entry_take(&ranges, &range, sizeof(range));
		cores->ranges[cores->count++] = (struct core_range){range.x0, range.y0, range.x1, range.y1};
	}
}

/* Hooks of segment version 1 have no identity. Without an entry that makes sense nothing is known. */
static void read_device(const struct event_context *context, struct device_entry *device)
{
	struct tta_device_identity identity;
	struct tta_device_entry head;
	struct entry rest;
	size_t layouts_bytes;

	if (!entry_find(context->table, (uint32_t)context->event->device_open.entry, TTA_ENTRY_DEVICE, &rest))
		return;
	entry_take(&rest, &head, sizeof(head));
	layouts_bytes = head.layout_count * sizeof(struct ttalloc_bank_layout);
	if (head.layout_count > 16 || rest.bytes < layouts_bytes)
		return;
	device->layouts = cut(&rest, layouts_bytes);
	device->arch = cut(&rest, head.arch_bytes);
	entry_take(&rest, &identity, sizeof(identity));
	device->identity.chip = cut(&rest, identity.chip_bytes);
	device->identity.visible = cut(&rest, identity.visible_bytes);
	device->identity.allocator = cut(&rest, identity.allocator_bytes);
	device->identity.cores = identity.cores;
	device->identity.in_step = identity.in_step != 0;
	device->identity.said_ranges = identity.core_ranges;
	read_ranges(&rest, identity.core_ranges, &device->identity.ranges);
}

static void log_layout(struct event_context *context, const struct ttalloc_bank_layout *layout,
                       const struct entry *arch)
{
	struct rowlog *log = &context_chunk(context)->log;

	rowlog_device(log, &(struct device_row){.key = context->key,
	                                        .process = context->process->id,
	                                        .device = context->event->device,
	                                        .region = layout->region,
	                                        .at_ns = context->at_ns,
	                                        .arch = text_of(arch),
	                                        .banks = layout->banks,
	                                        .bank_bytes = layout->bank_bytes,
	                                        .base_address = layout->base_address,
	                                        .alignment_bytes = layout->alignment_bytes,
	                                        .top_down = layout->top_down != 0});
}

/* The device that IDENTITY says; or a claim that says nothing more than the number. */
static uint32_t opened_device(struct event_context *context, const struct identity *identity)
{
	struct device_claim claim = {.process = context->process->id,
	                             .number = context->event->device,
	                             .chip = text_of(&identity->chip),
	                             .visible = text_of(&identity->visible)};
	uint32_t device = chips_opened(context->ledger, &claim);
	struct rowlog *log = &context_chunk(context)->log;

	if (chips_are_uncertain(context->ledger, &claim, context->at_ns))
		rowlog_note(log, &(struct note_row){.process = context->process->id, .note = row_string(UNCERTAIN)});
	return device;
}

/* And by these what its blocks count for. */
static void log_cores(struct event_context *context, const struct identity *identity)
{
	const struct cores *cores = &identity->ranges;
	char text[CORES_TEXT];

	served_cores_set(&context->process->holdings->cores, context->event->allocator, cores);
	if (identity->said_ranges && !core_levels_fit(cores))
		rowlog_note(&context_chunk(context)->log,
		            &(struct note_row){.process = context->process->id, .note = row_string(ON_ALL)});
	if (!cores->count)
		return;
	rowlog_device_cores(&context_chunk(context)->log,
	                    &(struct device_cores_row){.key = context->key,
	                                               .core_ranges = row_text(text, cores_format(cores, text)),
	                                               .in_step = identity->in_step});
}

static void log_identity(struct event_context *context, const struct identity *identity, uint32_t own_number)
{
	struct rowlog *log = &context_chunk(context)->log;

	if (!context->event->allocator && !identity->chip.bytes && !identity->visible.bytes)
		return;
	rowlog_device_identity(log, &(struct device_identity_row){.key = context->key,
	                                                          .process = context->process->id,
	                                                          .device = context->event->device,
	                                                          .allocator = context->event->allocator,
	                                                          .allocator_name = text_of(&identity->allocator),
	                                                          .cores = identity->cores,
	                                                          .chip = text_of(&identity->chip),
	                                                          .number = own_number,
	                                                          .visible = text_of(&identity->visible)});
	log_cores(context, identity);
}

static void log_layouts(struct event_context *context, const struct device_entry *device)
{
	const struct ingest_observer *observer = context->ledger->observer;
	struct entry layouts = device->layouts;
	struct ttalloc_bank_layout layout;

	while (layouts.bytes) {
		entry_take(&layouts, &layout, sizeof(layout));
		log_layout(context, &layout, &device->arch);
		if (observer)
			observer->opened(observer->context, context->event->device, &layout,
			                 (const char *)device->arch.data, (uint32_t)device->arch.bytes);
	}
}

/* The event has its process's own number still; all that follows has the recording's. */
static void apply_device_open(struct event_context *context)
{
	struct device_entry device = {.layouts.bytes = 0};
	const struct tta_event *own = context->event;
	struct tta_event event = *own;

	read_device(context, &device);
	event.device = (uint16_t)opened_device(context, &device.identity);
	if (!chips_are_chosen(context->ledger, event.device))
		return;
	context->event = &event;
	context_log_other(context, 0);
	log_identity(context, &device.identity, own->device);
	log_layouts(context, &device);
	context->event = own;
}

/* All that goes of the total goes at this one moment. */
static void close_region_total(struct event_context *context, uint32_t number)
{
	struct region_total *total = &context->process->holdings->region_totals[number - 1];
	struct usage_change change = context_change(context);

	change.bytes = -total->closing_bytes;
	change.bank_bytes = -total->closing_bank_bytes;
	change.blocks = -total->closing_blocks;
	total->closing_bytes = total->closing_bank_bytes = total->closing_blocks = 0;
	if (change.bytes || change.bank_bytes || change.blocks)
		process_change(context->ledger, context->process, number, &change);
}

static void close_cbs(struct event_context *context, uint32_t number)
{
	struct region_total *total = &context->process->holdings->region_totals[number - 1];

	apply_device_close_cbs(context, number);
	total->resident_bytes = total->resident_blocks = 0;
	total->closing_bytes = total->live_bytes;
	total->closing_bank_bytes = total->live_bank_bytes;
	total->closing_blocks = total->live_blocks;
}

/* Or one allocator of it, to which no circular buffer belongs. */
static void apply_device_close(struct event_context *context)
{
	struct holdings *holdings = context->process->holdings;

	context_log_other(context, 0);
	apply_device_close_blocks(context);
	for (uint32_t i = 1; i <= holdings->region_total_count; i++) {
		if (!context_closes(&holdings->region_totals[i - 1], context->event->device))
			continue;
		if (holdings->region_totals[i - 1].region == TTALLOC_CB && !context->event->allocator)
			close_cbs(context, i);
		close_region_total(context, i);
	}
}

/* ---- marks ---- */

static void apply_step(struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;

	rowlog_step(log, &(struct step_row){.key = context->key,
	                                    .process = context->process->id,
	                                    .number = context->event->step.number,
	                                    .at_ns = context->at_ns});
}

static void apply_snapshot(struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;
	struct entry name;

	if (!entry_find(context->table, (uint32_t)context->event->text.entry, TTA_ENTRY_TEXT, &name) || name.bytes == 0)
		return;
	rowlog_snapshot(log, &(struct snapshot_row){.key = context->key,
	                                            .process = context->process->id,
	                                            .at_ns = context->at_ns,
	                                            .name = text_of(&name)});
}

static void apply_loss(struct event_context *context)
{
	const struct tta_event *event = context->event;
	const char *why = event->loss.reason <= UINT8_MAX ? tta_loss_word((uint32_t)event->loss.reason) : NULL;
	struct ingest_loss loss = {
	    .from_ns = event->loss.first_ticks < context->at_ns ? event->loss.first_ticks : context->at_ns,
	    .to_ns = context->at_ns,
	    .count = context_size(event->loss.count),
	    .why = why ? why : "unknown",
	};
	uint32_t thread = attribution_thread(context->ledger, context->process, context->table, context->thread_entry);

	ledger_loss(context->ledger, context->process, thread, &loss);
}

void ledger_loss(struct ledger *ledger, struct process *process, uint32_t thread, const struct ingest_loss *loss)
{
	struct rowlog *log = &ledger->chunk->log;

	if (process && !loss->events_are_there)
		process->lost += loss->count;
	rowlog_loss(log, &(struct loss_row){.process = process ? process->id : 0,
	                                    .thread = thread,
	                                    .from_ns = loss->from_ns,
	                                    .to_ns = loss->to_ns,
	                                    .from_number = loss->from_number,
	                                    .to_number = loss->to_number,
	                                    .count = loss->count,
	                                    .why = row_text(loss->why, strlen(loss->why))});
}

/* A note whose text found no room in the table. If it said what cannot be seen, its absence is a loss. */
static void apply_note_without_text(struct event_context *context)
{
	struct ingest_loss loss = {.from_ns = context->at_ns, .to_ns = context->at_ns};

	loss.why = "something that the producer cannot see, and had no room to name";
	if (context->event->text.count == 0)
		ledger_loss(context->ledger, context->process, 0, &loss);
}

static void apply_note(struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;
	struct entry text;

	if (!entry_find(context->table, (uint32_t)context->event->text.entry, TTA_ENTRY_TEXT, &text) ||
	    text.bytes == 0) {
		apply_note_without_text(context);
		return;
	}
	if (text.bytes == strlen(TTA_NOTE_ON_CORES) && memcmp(text.data, TTA_NOTE_ON_CORES, text.bytes) == 0)
		return; /* here they are counted core by core */
	rowlog_note(log,
	            &(struct note_row){.process = context->process->id,
	                               .note = row_text((const char *)text.data,
	                                                text.bytes < TTALLOC_NAME_MAX ? text.bytes : TTALLOC_NAME_MAX),
	                               .count = context_size(context->event->text.count)});
}

static void apply_producer(struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;
	struct entry name;

	if (!entry_find(context->table, (uint32_t)context->event->text.entry, TTA_ENTRY_TEXT, &name) || name.bytes == 0)
		return;
	name.bytes = name.bytes < PRODUCER_MAX ? name.bytes : PRODUCER_MAX;
	process_note_producer(context->process, (const char *)name.data, name.bytes);
	rowlog_producer(log, &(struct producer_row){.process = context->process->id,
	                                            .name = row_text((const char *)name.data, name.bytes)});
}

/* ---- batches ---- */

/* Whether EVENT is about a device, which is not recorded. Openings tell of themselves which device that is. */
static bool is_elsewhere(const struct ledger *ledger, const struct tta_event *event)
{
	switch (event->kind) {
	case TTA_ALLOC:
	case TTA_FREE:
	case TTA_ALLOC_FAILED:
	case TTA_CB_ALLOC:
	case TTA_CB_FREE:
	case TTA_PROGRAM_RUN:
	case TTA_KERNEL_LOAD:
	case TTA_KERNEL_UNLOAD:
	case TTA_DEVICE_CLOSE:
	case TTA_CROSSCHECK:
	case TTA_CROSSCHECK_HOLDS:
		return event->region != TTALLOC_HOST && !chips_are_chosen(ledger, event->device);
	default:
		return false;
	}
}

static void (*const appliers[])(struct event_context *context) = {
    [TTA_ALLOC] = apply_alloc,
    [TTA_FREE] = apply_free,
    [TTA_ALLOC_FAILED] = apply_failure,
    [TTA_CB_ALLOC] = apply_cb_alloc,
    [TTA_CB_FREE] = apply_cb_free,
    [TTA_PROGRAM_RUN] = apply_program_run,
    [TTA_KERNEL_LOAD] = apply_kernel,
    [TTA_KERNEL_UNLOAD] = apply_free,
    [TTA_DEVICE_OPEN] = apply_device_open,
    [TTA_DEVICE_CLOSE] = apply_device_close,
    [TTA_STEP] = apply_step,
    [TTA_SNAPSHOT] = apply_snapshot,
    [TTA_LOSS] = apply_loss,
    [TTA_NOTE] = apply_note,
    [TTA_PRODUCER] = apply_producer,
    [TTA_OPERATION_BEGIN] = apply_range_begin,
    [TTA_OPERATION_END] = apply_range_end,
    [TTA_TENSOR] = apply_tensor,
    [TTA_LABEL_BEGIN] = apply_range_begin,
    [TTA_LABEL_END] = apply_range_end,
    [TTA_CROSSCHECK] = apply_crosscheck,
    [TTA_CROSSCHECK_HOLDS] = apply_crosscheck_holds,
};

/* Returns whether it was a mark. */
static bool apply_one(struct event_context *context)
{
	uint32_t kind = context->event->kind;

	if (kind >= sizeof(appliers) / sizeof(*appliers) || !appliers[kind]) {
		context->refused++;
		return false;
	}
	appliers[kind](context);
	return !tta_is_event(kind);
}

void ledger_flush_batch(struct ledger *ledger)
{
	struct open_batch *batch = &ledger->batch;
	struct rowlog *log = &ledger->chunk->log;

	if (!batch->process)
		return;
	rowlog_batch(log, &(struct batch_row){.first_key = batch->first_key,
	                                      .last_key = batch->last_key,
	                                      .process = batch->process,
	                                      .first_number = batch->first_number,
	                                      .count = batch->count,
	                                      .from_ns = batch->from_ns,
	                                      .to_ns = batch->to_ns,
	                                      .marks = batch->marks});
	batch->process = 0;
}

/* Batches of one process that follow each other without a gap become one row. */
static void note_batch(struct ledger *ledger, const struct open_batch *next)
{
	struct open_batch *batch = &ledger->batch;

	if (batch->process == next->process && batch->last_key + 1 == next->first_key &&
	    batch->first_number + batch->count == next->first_number) {
		batch->last_key = next->last_key;
		batch->count += next->count;
		batch->to_ns = next->to_ns;
		batch->marks += next->marks;
		return;
	}
	ledger_flush_batch(ledger);
	*batch = *next;
}

static void note_refused(struct ledger *ledger, struct process *process, const struct open_batch *batch,
                         uint64_t refused)
{
	struct ingest_loss loss = {.from_ns = batch->from_ns, .to_ns = batch->to_ns, .count = refused};

	loss.why = "unknown kind, or too many devices, regions or open ranges";
	if (refused)
		ledger_loss(ledger, process, 0, &loss);
}

void events_apply(struct ledger *ledger, struct process *process, const struct ingest_batch *batch, uint32_t skip)
{
	struct lacks lacks;
	struct event_context context = {.ledger = ledger, .process = process, .table = &batch->table, .lacks = &lacks};
	struct open_batch row = {.process = process->id, .first_key = ledger->next_key};
	struct left_out left_out = {.labels = 0};
	struct tta_event renumbered;

	for (uint32_t i = skip; i < batch->count; i++) {
		context.event = chips_renumber(ledger, process, &batch->events[i], &renumbered);
		context.thread_entry = batch->thread_entries[i];
		/* What an operation works on is a part of it, and has no place of its own in the order. */
		context.key = context.event->kind == TTA_TENSOR ? ledger->next_key : ledger->next_key++;
		if (batch->at_ns[i] > process->last_ns)
			process->last_ns = batch->at_ns[i];
		context.at_ns = process->last_ns;
		if (i == skip)
			row.from_ns = context.at_ns;
		left_out_count(&left_out, context.event, context.thread_entry, &batch->table);
		lacks = (struct lacks){.origin = false};
		if (ledger->chosen && is_elsewhere(ledger, context.event))
			row.marks++;
		else
			row.marks += apply_one(&context);
		left_out_count_here(&left_out, &lacks);
	}
	row.marks += context.refused; /* lost, and so no events of the recording */
	row.to_ns = process->last_ns;
	if (ledger->next_key == row.first_key)
		ledger->next_key++; /* nothing had a key: rows of batch are known by their first one */
	row.last_key = ledger->next_key - 1;
	row.first_number = batch->first_number + skip;
	row.count = batch->count - skip;
	process->events += row.count - row.marks;
	note_batch(ledger, &row);
	note_refused(ledger, process, &row, context.refused);
	left_out.modules = stacks_take_blind(&process->holdings->stacks);
	left_out_report(&left_out, ledger, process, row.from_ns, row.to_ns);
	if (process->last_ns > ledger->last_ns)
		ledger->last_ns = process->last_ns;
}
