/* SPDX-License-Identifier: Apache-2.0
 *
 * take_block.c - events about blocks, of which kernels are some: ledger, rows and totals.
 */
#include "taking.h"
#include "ttalloc.h"

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
	/* Of the block, but for what the event says of its own label. */
	uint8_t flags = (uint8_t)((block->flags & ~TTA_LABEL_INHERITED) | (taking->event->flags & TTA_LABEL_INHERITED));
	uint32_t origin = taking_origin(taking, usage->device, usage->region, flags, ended);
	struct usage_change change = taking_change(taking);

	leave_held(taking_chunk(taking), block);
	*CHUNK_ADD(&taking_chunk(taking)->freed) = (struct freed_row){
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
	struct chunk *chunk = taking_chunk(taking);

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
	struct usage_change change = taking_change(taking);

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
	uint32_t usage = taking_usage(taking, region);
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
	block->size_bytes = taking_size(event->size_bytes) & SIZE_BITS;
	block->bank_bytes = (bank_bytes ? taking_size(bank_bytes) : block->size_bytes) & SIZE_BITS;
	block->flags = event->flags;
	block->origin = taking_origin(taking, event->device, region, event->flags, ENDED_FREED);
	hold_block(taking, block);
	count_alloc(taking, usage, block);
	return true;
}

void take_alloc(struct taking *taking)
{
	take_block(taking, taking->event->region, taking->event->bank_bytes);
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

void take_free(struct taking *taking, uint32_t region)
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
	taking_log_other(taking, event->address);
}

void take_failure(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	uint32_t origin = taking_origin(taking, event->device, event->region, event->flags, ENDED_FREED);
	uint64_t size_bytes = taking_size(event->size_bytes), bank_bytes = taking_size(event->bank_bytes);
	struct rowlog *log = &taking_chunk(taking)->log;

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

	if (!there) { /* without an entry there is not even a place for an empty text */
		rowlog_null(log);
		return;
	}
	rowlog_text(log, (const char *)entry->data, there);
	entry->data += there;
	entry->bytes -= there;
}

void take_kernel(struct taking *taking)
{
	struct rowlog *log = &taking_chunk(taking)->log;
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

/* ---- devices that are closed ---- */

static void close_block(void *context, const struct block *block)
{
	struct taking *taking = context;
	struct holdings *holdings = taking->process->holdings;
	struct chunk *chunk = taking_chunk(taking);
	struct block taken;

	if (!taking_closes(&holdings->usages[block->usage - 1], taking->event->device))
		return;
	*CHUNK_ADD(&chunk->closed) = (struct closed_row){block->key, taking->key, (int64_t)taking->at_ns};
	ledger_take(&holdings->ledger, block->usage, block->address, &taken);
}

void take_device_close_blocks(struct taking *taking)
{
	ledger_each(&taking->process->holdings->ledger, close_block, taking);
}
