/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_block.c - events about blocks, of which kernels are some: ledger, rows and totals.
 */
#include "event_context.h"
#include "ttalloc.h"

static int64_t stored_bank_bytes(const struct block *block)
{
	return block->bank_bytes == block->size_bytes ? ROW_SAME_BYTES : (int64_t)block->bank_bytes;
}

static void text_of(const struct event_context *context, uint32_t id, struct rowlog *log)
{
	struct entry entry;

	if (entry_find(context->table, id, TTA_ENTRY_TEXT, &entry))
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

static void end_block(struct event_context *context, const struct block *block, uint8_t ended)
{
	const struct region_total *total = &context->process->holdings->region_totals[block->total - 1];
	/* Of the block, but for what the event says of its own label. */
	uint8_t flags =
	    (uint8_t)((block->flags & ~TTA_LABEL_INHERITED) | (context->event->flags & TTA_LABEL_INHERITED));
	uint32_t attribution = context_attribution(context, total->device, total->region, flags, ended);
	struct usage_change change = context_change(context);

	leave_held(context_chunk(context), block);
	*CHUNK_ADD(&context_chunk(context)->freed) = (struct freed_row){
	    .key = context->key,
	    .life = context->key - block->key,
	    .free_ns = (int64_t)context->at_ns,
	    .held_ns = (int64_t)(context->at_ns - block->alloc_ns),
	    .address = (int64_t)block->address,
	    .size_bytes = (int64_t)block->size_bytes,
	    .bank_bytes = stored_bank_bytes(block),
	    .origin = block->attribution,
	    .free_origin = attribution == block->attribution ? 0 : attribution,
	};
	if (!(block->flags & TTALLOC_ALIASED)) {
		change.bytes = -(int64_t)block->size_bytes;
		change.bank_bytes = -(int64_t)block->bank_bytes;
		change.blocks = -1;
	}
	change.frees = ended == TTA_ENDED_FREED;
	process_change(context->ledger, context->process, block->total, &change);
}

/* The end takes the event's key, and the event a fresh one. */
static void replace_block(struct event_context *context, const struct block *block)
{
	end_block(context, block, TTA_ENDED_REPLACED);
	context->process->replaced++;
	context->key = context->ledger->next_key++;
}

static void hold_block(struct event_context *context, struct block *block)
{
	struct chunk *chunk = context_chunk(context);

	block->birth_row = (uint32_t)chunk->held.count;
	*CHUNK_ADD(&chunk->held) = (struct held_row){
	    .key = block->key,
	    .alloc_ns = (int64_t)block->alloc_ns,
	    .address = (int64_t)block->address,
	    .size_bytes = (int64_t)block->size_bytes,
	    .bank_bytes = stored_bank_bytes(block),
	    .origin = block->attribution,
	};
}

static void count_alloc(struct event_context *context, uint32_t total, const struct block *block)
{
	struct usage_change change = context_change(context);

	change.allocs = 1;
	if (!(block->flags & TTALLOC_ALIASED)) {
		change.bytes = (int64_t)block->size_bytes;
		change.bank_bytes = (int64_t)block->bank_bytes;
		change.blocks = 1;
	}
	context->process->holdings->region_totals[total - 1].allocated_bytes += change.bytes;
	process_change(context->ledger, context->process, total, &change);
}

static bool apply_block(struct event_context *context, uint32_t region, uint64_t bank_bytes)
{
	const struct tta_event *event = context->event;
	struct holdings *holdings = context->process->holdings;
	uint32_t total = context_region_total(context, region);
	struct block *block, old;

	if (!total)
		return false;
	if (blocks_take(&holdings->blocks, total, event->address, &old))
		replace_block(context, &old);
	if (context->process->forked)
		process_remember_address(context->process, event->address, region == TTALLOC_KERNEL);
	block = blocks_add(&holdings->blocks, total, event->address);
	block->key = context->key;
	block->alloc_ns = context->at_ns;
	block->size_bytes = context_size(event->size_bytes) & SIZE_BITS;
	block->bank_bytes = (bank_bytes ? context_size(bank_bytes) : block->size_bytes) & SIZE_BITS;
	block->flags = event->flags;
	block->attribution = context_attribution(context, event->device, region, event->flags, TTA_ENDED_FREED);
	hold_block(context, block);
	count_alloc(context, total, block);
	return true;
}

void apply_alloc(struct event_context *context)
{
	apply_block(context, context->event->region, context->event->bank_bytes);
}

/* The total that holds the youngest block at the event's address, of those that its device and region allow. A kernel's
 * id is no address. */
static uint32_t youngest_at(const struct event_context *context)
{
	const struct holdings *holdings = context->process->holdings;
	const struct tta_event *event = context->event;
	int64_t youngest = 0;
	uint32_t found = 0;

	for (uint32_t i = 1; i <= holdings->region_total_count; i++) {
		const struct region_total *total = &holdings->region_totals[i - 1];
		const struct block *block;

		if ((event->device != TTALLOC_ANY && event->device != total->device) ||
		    (event->region != TTALLOC_ANY && event->region != total->region) || total->region == TTALLOC_KERNEL)
			continue;
		block = blocks_find(&holdings->blocks, i, event->address);
		if (block && block->key > youngest) {
			youngest = block->key;
			found = i;
		}
	}
	return found;
}

void apply_free(struct event_context *context, uint32_t region)
{
	const struct tta_event *event = context->event;
	struct process *process = context->process;
	uint32_t total;
	struct block block;

	if (region == TTALLOC_ANY || event->device == TTALLOC_ANY)
		total = youngest_at(context);
	else
		total = process_find_region_total(process->holdings, event->device, region);
	if (total && blocks_take(&process->holdings->blocks, total, event->address, &block)) {
		end_block(context, &block, TTA_ENDED_FREED);
		return;
	}
	if (process_inherited(process, event->address, region == TTALLOC_KERNEL))
		process->inherited_frees++;
	else
		process->unmatched_frees++;
	context_log_other(context, event->address);
}

void apply_failure(struct event_context *context)
{
	const struct tta_event *event = context->event;
	uint32_t attribution =
	    context_attribution(context, event->device, event->region, event->flags, TTA_ENDED_FREED);
	uint64_t size_bytes = context_size(event->size_bytes), bank_bytes = context_size(event->bank_bytes);
	struct rowlog *log = &context_chunk(context)->log;

	context->process->failures++;
	rowlog_begin(log, ROW_FAILURE);
	rowlog_integer(log, context->key);
	rowlog_integer(log, (int64_t)context->at_ns);
	rowlog_integer(log, attribution);
	rowlog_integer(log, (int64_t)size_bytes);
	rowlog_optional(log, bank_bytes == size_bytes ? 0 : (int64_t)bank_bytes, 0);
	text_of(context, (uint32_t)event->address, log);
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

void apply_kernel(struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;
	struct tta_kernel_entry kernel = {0};
	struct entry entry = {0};

	if (!apply_block(context, TTALLOC_KERNEL, 0))
		return;
	if (entry_find(context->table, (uint32_t)context->event->bank_bytes, TTA_ENTRY_KERNEL, &entry))
		entry_take(&entry, &kernel, sizeof(kernel));
	rowlog_begin(log, ROW_KERNEL);
	rowlog_integer(log, context->key);
	kernel_text(&entry, kernel.name_bytes, log);
	kernel_text(&entry, kernel.kind_bytes, log);
	kernel_text(&entry, kernel.core_type_bytes, log);
}

/* ---- devices that are closed ---- */

static void close_block(void *closing, const struct block *block)
{
	struct event_context *context = closing;
	struct holdings *holdings = context->process->holdings;
	struct chunk *chunk = context_chunk(context);
	struct block taken;

	if (!context_closes(&holdings->region_totals[block->total - 1], context->event->device))
		return;
	*CHUNK_ADD(&chunk->closed) = (struct closed_row){block->key, context->key, (int64_t)context->at_ns};
	blocks_take(&holdings->blocks, block->total, block->address, &taken);
}

void apply_device_close_blocks(struct event_context *context)
{
	blocks_each(&context->process->holdings->blocks, close_block, context);
}
