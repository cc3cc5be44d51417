/* SPDX-License-Identifier: Apache-2.0
 *
 * events.c - what each kind of event does to the ledger of its process, to the totals, and which rows it leaves.
 */
#include <string.h>

#include "entries.h"
#include "intake.h"
#include "ttalloc.h"

/* One event on its way in. */
struct taking {
	struct intake *intake;
	struct process *process;
	const struct ingest_table *table;
	const struct tta_event *event;
	uint32_t thread_entry;
	uint64_t at_ns;
	int64_t key;
	uint64_t refused; /* events of the batch that name more devices and regions than there can be */
};

static struct chunk *chunk_of(const struct taking *taking)
{
	return taking->intake->chunk;
}

/* The dictionary's id for something of (DEVICE, REGION) that this event did. */
static uint32_t origin_of(const struct taking *taking, uint32_t device, uint32_t region, uint8_t flags, uint8_t ended)
{
	struct raw_origin raw = {
	    .thread_entry = taking->thread_entry,
	    .label = taking->event->label,
	    .stack = taking->event->stack,
	    .device = device,
	    .region = (uint16_t)region,
	    .flags = flags,
	    .ended = ended,
	};

	return origin_id(taking->intake, taking->process, taking->table, &raw);
}

static struct usage_change change_of(const struct taking *taking)
{
	return (struct usage_change){.at_ns = taking->at_ns, .key = taking->key, .process = taking->process->id};
}

/* The usage that the event is about; 0: refused. */
static uint32_t usage_of(struct taking *taking, uint32_t region)
{
	uint32_t number = process_usage(taking->intake, taking->process, taking->event->device, region);

	taking->refused += number == 0;
	return number;
}

static uint64_t sane_size(uint64_t size_bytes)
{
	return size_bytes < SIZE_BITS ? size_bytes : SIZE_BITS;
}

static int64_t stored_bank_bytes(const struct block *block)
{
	return block->bank_bytes == block->size_bytes ? ROW_SAME_BYTES : (int64_t)block->bank_bytes;
}

static void text_of(const struct taking *taking, uint32_t id, struct rowlog *log)
{
	struct entry entry;

	if (entry_find(taking->table, id, TTA_ENTRY_TEXT, &entry))
		rowlog_text(log, (const char *)entry.data, entry.bytes);
	else
		rowlog_null(log);
}

/* ---- blocks ---- */

/* Takes a block's waiting row back, or has its row deleted if an earlier chunk wrote one. */
static void leave_held(struct chunk *chunk, const struct block *block)
{
	if (block->key >= chunk->first_key)
		chunk->held.rows[block->birth_row].key = 0;
	else
		CHUNK_ADD(&chunk->unheld)->key = block->key;
}

static void end_block(struct taking *taking, const struct block *block, uint8_t ended)
{
	const struct usage *usage = &taking->process->holdings->usages[block->usage - 1];
	uint32_t origin = origin_of(taking, usage->device, usage->region, block->flags, ended);
	struct usage_change change = change_of(taking);

	leave_held(chunk_of(taking), block);
	*CHUNK_ADD(&chunk_of(taking)->freed) = (struct freed_row){
	    .key = taking->key,
	    .life = taking->key - block->key,
	    .free_ns = (int64_t)taking->at_ns,
	    .held_ns = (int64_t)(taking->at_ns - block->alloc_ns),
	    .address = (int64_t)block->address,
	    .size_bytes = (int64_t)block->size_bytes,
	    .bank_bytes = stored_bank_bytes(block),
	    .origin = block->origin,
	    .free_origin = origin == block->origin ? 0 : origin,
	};
	if (!(block->flags & TTALLOC_ALIASED)) {
		change.bytes = -(int64_t)block->size_bytes;
		change.bank_bytes = -(int64_t)block->bank_bytes;
		change.blocks = -1;
	}
	change.frees = ended == ENDED_FREED;
	process_change(taking->intake, taking->process, block->usage, &change);
}

/* The end takes the event's key, and the event a fresh one. */
static void replace_block(struct taking *taking, const struct block *block)
{
	end_block(taking, block, ENDED_REPLACED);
	taking->process->replaced++;
	taking->key = taking->intake->next_key++;
}

static void hold_block(struct taking *taking, struct block *block)
{
	struct chunk *chunk = chunk_of(taking);

	block->birth_row = (uint32_t)chunk->held.count;
	*CHUNK_ADD(&chunk->held) = (struct held_row){
	    .key = block->key,
	    .alloc_ns = (int64_t)block->alloc_ns,
	    .address = (int64_t)block->address,
	    .size_bytes = (int64_t)block->size_bytes,
	    .bank_bytes = stored_bank_bytes(block),
	    .origin = block->origin,
	};
}

static void count_alloc(struct taking *taking, uint32_t usage, const struct block *block)
{
	struct usage_change change = change_of(taking);

	change.allocs = 1;
	if (!(block->flags & TTALLOC_ALIASED)) {
		change.bytes = (int64_t)block->size_bytes;
		change.bank_bytes = (int64_t)block->bank_bytes;
		change.blocks = 1;
	}
	taking->process->holdings->usages[usage - 1].allocated_bytes += change.bytes;
	process_change(taking->intake, taking->process, usage, &change);
}

static bool take_block(struct taking *taking, uint32_t region, uint64_t bank_bytes)
{
	const struct tta_event *event = taking->event;
	struct holdings *holdings = taking->process->holdings;
	uint32_t usage = usage_of(taking, region);
	struct block *block, old;

	if (!usage)
		return false;
	if (ledger_take(&holdings->ledger, usage, event->address, &old))
		replace_block(taking, &old);
	if (taking->process->forked)
		process_remember_address(taking->process, event->address, region == TTALLOC_KERNEL);
	block = ledger_add(&holdings->ledger, usage, event->address);
	block->key = taking->key;
	block->alloc_ns = taking->at_ns;
	block->size_bytes = sane_size(event->size_bytes) & SIZE_BITS;
	block->bank_bytes = (bank_bytes ? sane_size(bank_bytes) : block->size_bytes) & SIZE_BITS;
	block->flags = event->flags;
	block->origin = origin_of(taking, event->device, region, event->flags, ENDED_FREED);
	hold_block(taking, block);
	count_alloc(taking, usage, block);
	return true;
}

/* A free of nothing, a cb_free, and what happens to devices: an event without a row of its own kind. */
static void log_other(struct taking *taking, uint64_t a)
{
	const struct tta_event *event = taking->event;
	uint32_t origin = origin_of(taking, event->device, event->region, 0, ENDED_FREED);
	struct rowlog *log = &chunk_of(taking)->log;

	rowlog_begin(log, ROW_OTHER);
	rowlog_integer(log, taking->key);
	rowlog_integer(log, (int64_t)taking->at_ns);
	rowlog_integer(log, event->kind);
	rowlog_integer(log, origin);
	rowlog_integer(log, (int64_t)a);
}

/* The usage that holds the youngest block at the event's address, of those that its device and region allow. A kernel's
 * id is no address. */
static uint32_t youngest_at(const struct taking *taking)
{
	const struct holdings *holdings = taking->process->holdings;
	const struct tta_event *event = taking->event;
	int64_t youngest = 0;
	uint32_t found = 0;

	for (uint32_t i = 1; i <= holdings->usage_count; i++) {
		const struct usage *usage = &holdings->usages[i - 1];
		const struct block *block;

		if ((event->device != TTALLOC_ANY && event->device != usage->device) ||
		    (event->region != TTALLOC_ANY && event->region != usage->region) || usage->region == TTALLOC_KERNEL)
			continue;
		block = ledger_find(&holdings->ledger, i, event->address);
		if (block && block->key > youngest) {
			youngest = block->key;
			found = i;
		}
	}
	return found;
}

static void take_free(struct taking *taking, uint32_t region)
{
	const struct tta_event *event = taking->event;
	struct process *process = taking->process;
	uint32_t usage;
	struct block block;

	if (region == TTALLOC_ANY || event->device == TTALLOC_ANY)
		usage = youngest_at(taking);
	else
		usage = process_find_usage(process->holdings, event->device, region);
	if (usage && ledger_take(&process->holdings->ledger, usage, event->address, &block)) {
		end_block(taking, &block, ENDED_FREED);
		return;
	}
	if (process_inherited(process, event->address, region == TTALLOC_KERNEL))
		process->inherited_frees++;
	else
		process->unmatched_frees++;
	log_other(taking, event->address);
}

static void take_failure(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	uint32_t origin = origin_of(taking, event->device, event->region, event->flags, ENDED_FREED);
	uint64_t size_bytes = sane_size(event->size_bytes), bank_bytes = sane_size(event->bank_bytes);
	struct rowlog *log = &chunk_of(taking)->log;

	taking->process->failures++;
	rowlog_begin(log, ROW_FAILURE);
	rowlog_integer(log, taking->key);
	rowlog_integer(log, (int64_t)taking->at_ns);
	rowlog_integer(log, origin);
	rowlog_integer(log, (int64_t)size_bytes);
	rowlog_optional(log, bank_bytes == size_bytes ? 0 : (int64_t)bank_bytes, 0);
	text_of(taking, (uint32_t)event->address, log);
}

/* ---- kernels ---- */

static void kernel_text(struct entry *entry, uint16_t bytes, struct rowlog *log)
{
	size_t there = bytes < entry->bytes ? bytes : entry->bytes;

	if (there)
		rowlog_text(log, (const char *)entry->data, there);
	else
		rowlog_null(log);
	entry->data += there;
	entry->bytes -= there;
}

static void take_kernel(struct taking *taking)
{
	struct rowlog *log = &chunk_of(taking)->log;
	struct tta_kernel_entry kernel = {0};
	struct entry entry = {0};

	if (!take_block(taking, TTALLOC_KERNEL, 0))
		return;
	if (entry_find(taking->table, (uint32_t)taking->event->bank_bytes, TTA_ENTRY_KERNEL, &entry))
		entry_take(&entry, &kernel, sizeof(kernel));
	rowlog_begin(log, ROW_KERNEL);
	rowlog_integer(log, taking->key);
	kernel_text(&entry, kernel.name_bytes, log);
	kernel_text(&entry, kernel.kind_bytes, log);
	kernel_text(&entry, kernel.core_type_bytes, log);
}

/* ---- circular buffers ---- */

struct cb_ending {
	const struct taking *taking;
	const char *how;
};

static void log_cb_end(void *context, int64_t key)
{
	const struct cb_ending *ending = context;
	struct rowlog *log = &chunk_of(ending->taking)->log;

	rowlog_begin(log, ROW_CB_END);
	rowlog_integer(log, key);
	rowlog_integer(log, ending->taking->key);
	rowlog_integer(log, (int64_t)ending->taking->at_ns);
	rowlog_string(log, ending->how);
}

static void log_cores(struct entry *entry, uint32_t count, struct rowlog *log)
{
	struct ttalloc_core_range range;
	char text[64 * 32];
	int used = 0;

	if (count > 64)
		count = 64;
	for (uint32_t i = 0; i < count && entry->bytes >= sizeof(range); i++) {
		entry_take(entry, &range, sizeof(range));
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s[%u,%u,%u,%u]", used ? "," : "[",
		                 range.x0, range.y0, range.x1, range.y1);
	}
	if (!used) {
		rowlog_null(log);
		return;
	}
	text[used++] = ']';
	rowlog_text(log, text, (size_t)used);
}

static void log_cb(struct taking *taking, const struct cb *cb, struct entry *entry, uint32_t core_ranges)
{
	uint32_t origin = origin_of(taking, taking->event->device, TTALLOC_CB, taking->event->flags, ENDED_FREED);
	struct rowlog *log = &chunk_of(taking)->log;

	rowlog_begin(log, ROW_CB);
	rowlog_integer(log, cb->key);
	rowlog_integer(log, (int64_t)taking->at_ns);
	rowlog_integer(log, origin);
	rowlog_integer(log, (int64_t)cb->program);
	rowlog_integer(log, cb->number);
	rowlog_integer(log, (int64_t)taking->event->address);
	rowlog_integer(log, (int64_t)sane_size(taking->event->size_bytes));
	log_cores(entry, core_ranges, log);
}

/* Passes on what became of the resident circular buffers, if anything. */
static void settle(struct taking *taking, uint32_t usage, struct usage_change *change)
{
	struct holdings *holdings = taking->process->holdings;

	if (cbs_settle(&holdings->cbs, &holdings->usages[usage - 1], usage, change) || change->allocs || change->frees)
		process_change(taking->intake, taking->process, usage, change);
}

/* As for blocks: the end of the old one takes the event's key, and the event a fresh one. */
static void replace_cb(struct taking *taking, int64_t replaced)
{
	log_cb_end(&(struct cb_ending){taking, "replaced"}, replaced);
	taking->process->replaced++;
	taking->key = taking->intake->next_key++;
}

static void take_cb_alloc(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	struct holdings *holdings = taking->process->holdings;
	uint32_t usage = usage_of(taking, TTALLOC_CB);
	struct tta_cb_entry about = {0};
	struct entry entry = {0};
	struct usage_change change;
	struct cb cb = {.usage = usage, .aliased = event->flags & TTALLOC_ALIASED};
	int64_t replaced;

	if (!usage)
		return;
	if (entry_find(taking->table, (uint32_t)event->bank_bytes, TTA_ENTRY_CB, &entry))
		entry_take(&entry, &about, sizeof(about));
	cb.program = about.program;
	cb.number = about.index;
	cb.size_bytes = cb.aliased ? 0 : sane_size(event->size_bytes);
	replaced = cbs_key(&holdings->cbs, &cb);
	if (replaced)
		replace_cb(taking, replaced);
	cb.key = taking->key;
	cbs_add(&holdings->cbs, &holdings->usages[usage - 1], &cb);
	log_cb(taking, &cb, &entry, about.core_ranges);
	holdings->usages[usage - 1].allocated_bytes += (int64_t)cb.size_bytes;
	change = change_of(taking);
	change.allocs = 1;
	settle(taking, usage, &change);
}

static void take_cb_free(struct taking *taking)
{
	struct holdings *holdings = taking->process->holdings;
	uint32_t usage = process_find_usage(holdings, taking->event->device, TTALLOC_CB);
	struct usage_change change = change_of(taking);
	struct cb_ending ending = {taking, "freed"};

	log_other(taking, taking->event->address);
	if (!usage)
		return;
	change.frees =
	    cbs_end(&holdings->cbs, &holdings->usages[usage - 1], usage, taking->event->address, log_cb_end, &ending);
	settle(taking, usage, &change);
}

static void take_program_run(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	uint32_t usage = usage_of(taking, TTALLOC_CB);
	struct usage_change change = change_of(taking);
	struct usage *place;

	if (!usage)
		return;
	*CHUNK_ADD(&chunk_of(taking)->runs) = (struct run_row){
	    .key = taking->key,
	    .at_ns = (int64_t)taking->at_ns,
	    .origin = origin_of(taking, event->device, TTALLOC_CB, 0, ENDED_FREED),
	    .program = (int64_t)event->address,
	};
	place = &taking->process->holdings->usages[usage - 1];
	place->ran = true;
	place->program = event->address;
	settle(taking, usage, &change);
}

/* ---- devices ---- */

static void log_layout(struct taking *taking, const struct ttalloc_bank_layout *layout, const struct entry *arch)
{
	struct rowlog *log = &chunk_of(taking)->log;

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

	log_other(taking, 0);
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
	}
}

static void close_block(void *context, const struct block *block)
{
	struct taking *taking = context;
	struct holdings *holdings = taking->process->holdings;
	struct chunk *chunk = chunk_of(taking);
	struct block taken;

	if (holdings->usages[block->usage - 1].device != taking->event->device)
		return;
	*CHUNK_ADD(&chunk->closed) = (struct closed_row){block->key, taking->key, (int64_t)taking->at_ns};
	ledger_take(&holdings->ledger, block->usage, block->address, &taken);
}

/* All that the usage still has goes at this one moment. */
static void close_usage(struct taking *taking, uint32_t number)
{
	struct holdings *holdings = taking->process->holdings;
	struct usage *usage = &holdings->usages[number - 1];
	struct cb_ending ending = {taking, "device close"};
	struct usage_change change = change_of(taking);

	if (usage->region == TTALLOC_CB)
		cbs_end_all(&holdings->cbs, usage, number, log_cb_end, &ending);
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

	log_other(taking, 0);
	ledger_each(&holdings->ledger, close_block, taking);
	for (uint32_t i = 1; i <= holdings->usage_count; i++)
		if (holdings->usages[i - 1].device == taking->event->device)
			close_usage(taking, i);
}

/* ---- marks ---- */

static void take_step(struct taking *taking)
{
	struct rowlog *log = &chunk_of(taking)->log;

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
	    .count = sane_size(event->size_bytes),
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

/* ---- batches ---- */

/* Returns whether it was a mark. */
static bool take_one(struct taking *taking)
{
	switch (taking->event->kind) {
	case TTA_ALLOC:
		take_block(taking, taking->event->region, taking->event->bank_bytes);
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
