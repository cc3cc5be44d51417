/* SPDX-License-Identifier: Apache-2.0
 *
 * events.c - what each kind of event does to the ledger of its process, to the totals, and which rows it leaves.
 */
#include <string.h>

#include "taking.h"
#include "ttalloc.h"

#define PRODUCER_MAX (sizeof(((struct tta_segment_header *)0)->producer) - 1)

/* ---- what all kinds share ---- */

struct chunk *taking_chunk(const struct taking *taking)
{
	return taking->intake->chunk;
}

uint32_t taking_origin(const struct taking *taking, uint32_t device, uint32_t region, uint8_t flags, uint8_t ended)
{
	struct raw_origin raw = raw_origin(taking->thread_entry, taking->event->label, taking->event->stack, device);

	raw.what = raw_origin_what(region, flags, ended);
	return origin_id(taking->intake, taking->process, taking->table, &raw);
}

struct usage_change taking_change(const struct taking *taking)
{
	return (struct usage_change){.at_ns = taking->at_ns, .key = taking->key, .process = taking->process->id};
}

uint32_t taking_usage(struct taking *taking, uint32_t region)
{
	uint32_t number = process_usage(taking->intake, taking->process, taking->event->device, region);

	taking->refused += number == 0;
	return number;
}

uint64_t taking_size(uint64_t size_bytes)
{
	return size_bytes < SIZE_BITS ? size_bytes : SIZE_BITS;
}

void taking_log_other(struct taking *taking, uint64_t a)
{
	const struct tta_event *event = taking->event;
	uint32_t origin = taking_origin(taking, event->device, event->region, 0, ENDED_FREED);
	struct rowlog *log = &taking_chunk(taking)->log;

	rowlog_begin(log, ROW_OTHER);
	rowlog_integer(log, taking->key);
	rowlog_integer(log, (int64_t)taking->at_ns);
	rowlog_integer(log, event->kind);
	rowlog_integer(log, origin);
	rowlog_integer(log, (int64_t)a);
}

/* ---- devices ---- */

static void log_layout(struct taking *taking, const struct ttalloc_bank_layout *layout, const struct entry *arch)
{
	struct rowlog *log = &taking_chunk(taking)->log;

	rowlog_begin(log, ROW_DEVICE);
	rowlog_integer(log, taking->key);
	rowlog_integer(log, taking->process->id);
	rowlog_integer(log, taking->event->device);
	rowlog_integer(log, layout->region);
	rowlog_integer(log, (int64_t)taking->at_ns);
	if (arch->bytes)
		rowlog_text(log, (const char *)arch->data, arch->bytes);
	else
		rowlog_null(log);
	rowlog_optional(log, layout->banks, 0);
	rowlog_optional(log, (int64_t)layout->bank_bytes, 0);
	rowlog_integer(log, (int64_t)layout->base_address);
	rowlog_optional(log, (int64_t)layout->alignment_bytes, 0);
	rowlog_integer(log, layout->top_down != 0);
}

static void take_device_open(struct taking *taking)
{
	struct ttalloc_bank_layout layout;
	struct tta_device_entry device;
	struct entry entry, arch;

	taking_log_other(taking, 0);
	if (!entry_find(taking->table, (uint32_t)taking->event->bank_bytes, TTA_ENTRY_DEVICE, &entry))
		return;
	entry_take(&entry, &device, sizeof(device));
	if (device.layout_count > 16 || entry.bytes < device.layout_count * sizeof(layout))
		return;
	arch = (struct entry){.data = entry.data + device.layout_count * sizeof(layout),
	                      .bytes = entry.bytes - device.layout_count * sizeof(layout)};
	if (arch.bytes > device.arch_bytes)
		arch.bytes = device.arch_bytes;
	for (uint32_t i = 0; i < device.layout_count; i++) {
		entry_take(&entry, &layout, sizeof(layout));
		log_layout(taking, &layout, &arch);
		if (taking->intake->devices)
			devices_open(taking->intake->devices, taking->event->device, &layout, (const char *)arch.data,
			             (uint32_t)arch.bytes);
	}
}

/* All that the usage still has goes at this one moment. */
static void close_usage(struct taking *taking, uint32_t number)
{
	struct holdings *holdings = taking->process->holdings;
	struct usage *usage = &holdings->usages[number - 1];
	struct usage_change change = taking_change(taking);

	if (usage->region == TTALLOC_CB)
		take_device_close_cbs(taking, number);
	usage->resident_bytes = usage->resident_blocks = 0;
	change.bytes = -usage->live_bytes;
	change.bank_bytes = -usage->live_bank_bytes;
	change.blocks = -usage->live_blocks;
	if (change.bytes || change.bank_bytes || change.blocks)
		process_change(taking->intake, taking->process, number, &change);
}

static void take_device_close(struct taking *taking)
{
	struct holdings *holdings = taking->process->holdings;

	taking_log_other(taking, 0);
	take_device_close_blocks(taking);
	for (uint32_t i = 1; i <= holdings->usage_count; i++)
		if (taking_closes(&holdings->usages[i - 1], taking->event->device))
			close_usage(taking, i);
}

/* ---- marks ---- */

static void take_step(struct taking *taking)
{
	struct rowlog *log = &taking_chunk(taking)->log;

	rowlog_begin(log, ROW_STEP);
	rowlog_integer(log, taking->key);
	rowlog_integer(log, taking->process->id);
	rowlog_integer(log, (int64_t)taking->event->address);
	rowlog_integer(log, (int64_t)taking->at_ns);
}

static const char *loss_reason(uint64_t reason)
{
	switch (reason) {
	case TTA_LOST_RING_FULL:
		return "ring full";
	case TTA_LOST_NO_RING:
		return "no ring";
	case TTA_LOST_BAD_BATCH:
		return "bad batch";
	case TTA_LOST_SWITCHED_OFF:
		return "switched off";
	default:
		return "unknown";
	}
}

static void take_loss(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	struct ingest_loss loss = {
	    .from_ns = event->address < taking->at_ns ? event->address : taking->at_ns,
	    .to_ns = taking->at_ns,
	    .count = taking_size(event->size_bytes),
	    .why = loss_reason(event->bank_bytes),
	};
	uint32_t thread = origin_thread(taking->intake, taking->process, taking->table, taking->thread_entry);

	intake_loss(taking->intake, taking->process, thread, &loss);
}

void intake_loss(struct intake *intake, struct process *process, uint32_t thread, const struct ingest_loss *loss)
{
	struct rowlog *log = &intake->chunk->log;

	process->lost += loss->count;
	intake->totals.lost += loss->count;
	rowlog_begin(log, ROW_LOSS);
	rowlog_integer(log, process->id);
	rowlog_optional(log, thread, 0);
	rowlog_integer(log, (int64_t)loss->from_ns);
	rowlog_integer(log, (int64_t)loss->to_ns);
	rowlog_optional(log, (int64_t)loss->from_number, 0);
	rowlog_optional(log, (int64_t)loss->to_number, 0);
	rowlog_optional(log, (int64_t)loss->count, 0);
	rowlog_text(log, loss->why, strlen(loss->why));
}

/* A note whose text found no room in the table. If it said what cannot be seen, its absence is a loss. */
static void take_note_without_text(struct taking *taking)
{
	struct ingest_loss loss = {.from_ns = taking->at_ns, .to_ns = taking->at_ns};

	loss.why = "something that the producer cannot see, and had no room to name";
	if (taking->event->size_bytes == 0)
		intake_loss(taking->intake, taking->process, 0, &loss);
}

static void take_note(struct taking *taking)
{
	struct rowlog *log = &taking_chunk(taking)->log;
	struct entry text;

	if (!entry_find(taking->table, (uint32_t)taking->event->address, TTA_ENTRY_TEXT, &text) || text.bytes == 0) {
		take_note_without_text(taking);
		return;
	}
	rowlog_begin(log, ROW_NOTE);
	rowlog_integer(log, taking->process->id);
	rowlog_text(log, (const char *)text.data, text.bytes < TTALLOC_NAME_MAX ? text.bytes : TTALLOC_NAME_MAX);
	rowlog_integer(log, (int64_t)taking_size(taking->event->size_bytes));
}

static void take_producer(struct taking *taking)
{
	struct rowlog *log = &taking_chunk(taking)->log;
	struct entry name;

	if (!entry_find(taking->table, (uint32_t)taking->event->address, TTA_ENTRY_TEXT, &name) || name.bytes == 0)
		return;
	name.bytes = name.bytes < PRODUCER_MAX ? name.bytes : PRODUCER_MAX;
	process_note_producer(taking->process, (const char *)name.data, name.bytes);
	rowlog_begin(log, ROW_PRODUCER);
	rowlog_integer(log, taking->process->id);
	rowlog_text(log, (const char *)name.data, name.bytes);
}

/* ---- batches ---- */

/* Returns whether it was a mark. */
static bool take_one(struct taking *taking)
{
	switch (taking->event->kind) {
	case TTA_ALLOC:
		take_alloc(taking);
		return false;
	case TTA_FREE:
		take_free(taking, taking->event->region);
		return false;
	case TTA_ALLOC_FAILED:
		take_failure(taking);
		return false;
	case TTA_CB_ALLOC:
		take_cb_alloc(taking);
		return false;
	case TTA_CB_FREE:
		take_cb_free(taking);
		return false;
	case TTA_PROGRAM_RUN:
		take_program_run(taking);
		return false;
	case TTA_KERNEL_LOAD:
		take_kernel(taking);
		return false;
	case TTA_KERNEL_UNLOAD:
		take_free(taking, TTALLOC_KERNEL);
		return false;
	case TTA_DEVICE_OPEN:
		take_device_open(taking);
		return false;
	case TTA_DEVICE_CLOSE:
		take_device_close(taking);
		return false;
	case TTA_STEP:
		take_step(taking);
		return true;
	case TTA_LOSS:
		take_loss(taking);
		return true;
	case TTA_NOTE:
		take_note(taking);
		return true;
	case TTA_PRODUCER:
		take_producer(taking);
		return true;
	default:
		taking->refused++;
		return false;
	}
}

void intake_flush_batch(struct intake *intake)
{
	struct open_batch *batch = &intake->batch;
	struct rowlog *log = &intake->chunk->log;

	if (!batch->process)
		return;
	rowlog_begin(log, ROW_BATCH);
	rowlog_integer(log, batch->first_key);
	rowlog_integer(log, batch->last_key);
	rowlog_integer(log, batch->process);
	rowlog_integer(log, (int64_t)batch->first_number);
	rowlog_integer(log, (int64_t)batch->count);
	rowlog_integer(log, (int64_t)batch->from_ns);
	rowlog_integer(log, (int64_t)batch->to_ns);
	rowlog_integer(log, (int64_t)batch->marks);
	batch->process = 0;
}

/* Batches of one process that follow each other without a gap become one row. */
static void note_batch(struct intake *intake, const struct open_batch *next)
{
	struct open_batch *batch = &intake->batch;

	if (batch->process == next->process && batch->last_key + 1 == next->first_key &&
	    batch->first_number + batch->count == next->first_number) {
		batch->last_key = next->last_key;
		batch->count += next->count;
		batch->to_ns = next->to_ns;
		batch->marks += next->marks;
		return;
	}
	intake_flush_batch(intake);
	*batch = *next;
}

static void note_refused(struct intake *intake, struct process *process, const struct open_batch *batch,
                         uint64_t refused)
{
	struct ingest_loss loss = {.from_ns = batch->from_ns, .to_ns = batch->to_ns, .count = refused};

	loss.why = "unknown kind, or too many devices and regions";
	if (refused)
		intake_loss(intake, process, 0, &loss);
}

void events_take(struct intake *intake, struct process *process, const struct ingest_batch *batch, uint32_t skip)
{
	struct taking taking = {.intake = intake, .process = process, .table = &batch->table};
	struct open_batch row = {.process = process->id, .first_key = intake->next_key};

	for (uint32_t i = skip; i < batch->count; i++) {
		taking.event = &batch->events[i];
		taking.thread_entry = batch->thread_entries[i];
		taking.key = intake->next_key++;
		if (batch->at_ns[i] > process->last_ns)
			process->last_ns = batch->at_ns[i];
		taking.at_ns = process->last_ns;
		if (i == skip)
			row.from_ns = taking.at_ns;
		row.marks += take_one(&taking);
	}
	row.marks += taking.refused; /* lost, and so no events of the recording */
	row.to_ns = process->last_ns;
	row.last_key = intake->next_key - 1;
	row.first_number = batch->first_number + skip;
	row.count = batch->count - skip;
	process->events += row.count - row.marks;
	note_batch(intake, &row);
	note_refused(intake, process, &row, taking.refused);
	if (process->last_ns > intake->last_ns)
		intake->last_ns = process->last_ns;
}
