/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_block.c - events about blocks, of which kernels are some: ledger, rows and totals.
 */
#include "event_context.h"
#include "ttalloc.h"

#define ON(device, allocator) ttalloc_on(device, (uint32_t)(allocator))
#define TOO_MANY_ADDRESSES                                                                                             \
	"process that had blocks at more addresses than are remembered: of its frees of nothing, some count as "       \
	"frees of blocks that it inherited"

static int64_t stored_bank_bytes(const struct block *block)
{
	return block->bank_bytes == block->size_bytes ? ROW_SAME_BYTES : (int64_t)block->bank_bytes;
}

static struct row_text text_of(const struct event_context *context, uint32_t id)
{
	struct entry entry;

	return entry_find(context->table, id, TTA_ENTRY_TEXT, &entry) ? row_text(entry.data, entry.bytes)
	                                                              : (struct row_text){0};
}

/* Takes a block's waiting row back, or has its row deleted if an earlier chunk wrote one. */
static void leave_held(struct chunk *chunk, const struct block *block)
{
	if ((int64_t)block->key >= chunk->first_key)
		chunk->held.rows[block->birth_row].key = 0;
	else
		CHUNK_ADD(&chunk->unheld)->key = (int64_t)block->key;
}

/* The end of a block that holds a tensor is that of the tensor: then the two have one origin, as others have. */
static uint32_t like_block(const struct event_context *context, uint32_t attribution, const struct block *block)
{
	struct dictionary *dictionary = context->ledger->dictionary;
	uint32_t spec = dictionary_attribution_of(dictionary, block->attribution)->spec;

	return spec ? dictionary_attribution_of_tensor(dictionary, attribution, spec, &context_chunk(context)->log)
	            : attribution;
}

static void end_block(struct event_context *context, const struct block *block, uint8_t ended)
{
	struct holdings *holdings = context->process->holdings;
	struct region_total *total = &holdings->region_totals[block->total - 1];
	/* Of the block, but for what the event says of its own label. */
	uint8_t flags =
	    (uint8_t)((block->flags & ~TTA_LABEL_INHERITED) | (context->event->flags & TTA_LABEL_INHERITED));
	uint32_t attribution =
	    context_attribution(context, ON(total->device, block->allocator), total->region, flags, ended);
	struct usage_change change = context_change(context);

	attribution = like_block(context, attribution, block);
	leave_held(context_chunk(context), block);
	crosscheck_uncount(&holdings->crosscheck, block);
	*CHUNK_ADD(&context_chunk(context)->freed) = (struct freed_row){
	    .key = context->key,
	    .life = context->key - (int64_t)block->key,
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
		change.bank_bytes = served_cores_change(&holdings->cores, total, block, -1);
		change.blocks = -1;
	}
	change.frees = ended == TTA_ENDED_FREED;
	if (change.frees || !(block->flags & TTALLOC_ALIASED)) /* else nothing changes */
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
	    .key = (int64_t)block->key,
	    .alloc_ns = (int64_t)block->alloc_ns,
	    .address = (int64_t)block->address,
	    .size_bytes = (int64_t)block->size_bytes,
	    .bank_bytes = stored_bank_bytes(block),
	    .origin = block->attribution,
	};
}

static void count_alloc(struct event_context *context, uint32_t number, const struct block *block)
{
	struct holdings *holdings = context->process->holdings;
	struct region_total *total = &holdings->region_totals[number - 1];
	struct usage_change change = context_change(context);

	change.allocs = 1;
	if (!(block->flags & TTALLOC_ALIASED)) {
		change.bytes = (int64_t)block->size_bytes;
		change.bank_bytes = served_cores_change(&holdings->cores, total, block, 1);
		change.blocks = 1;
	}
	total->allocated_bytes += change.bytes;
	process_change(context->ledger, context->process, number, &change);
}

static void remember_address(struct event_context *context, bool kernel)
{
	struct process *process = context->process;
	struct rowlog *log = &context_chunk(context)->log;

	if (process_remember_address(process, context->event->address, kernel) || process->holdings->addresses_are_some)
		return;
	process->holdings->addresses_are_some = true;
	rowlog_note(log,
	            &(struct note_row){.process = process->id, .note = row_string(TOO_MANY_ADDRESSES), .count = 1});
}

static bool apply_block(struct event_context *context, uint32_t region, uint64_t bank_bytes)
{
	const struct tta_event *event = context->event;
	struct holdings *holdings = context->process->holdings;
	struct block_place place = {
	    .total = context_region_total(context, region), .address = event->address, .allocator = event->allocator};
	struct block *block, old;

	if (!place.total)
		return false;
	if (blocks_take(&holdings->blocks, &place, &old))
		replace_block(context, &old);
	if (context->process->forked)
		remember_address(context, region == TTALLOC_KERNEL);
	block = blocks_add(&holdings->blocks, &place);
	block->key = (uint64_t)context->key & BLOCK_KEY_BITS;
	block->alloc_ns = context->at_ns;
	block->size_bytes = context_size_of(context, event->size_bytes) & SIZE_BITS;
	block->bank_bytes = (bank_bytes ? context_size_of(context, bank_bytes) : block->size_bytes) & SIZE_BITS;
	block->flags = event->flags;
	block->attribution =
	    context_attribution(context, ON(event->device, event->allocator), region, event->flags, TTA_ENDED_FREED);
	hold_block(context, block);
	count_alloc(context, place.total, block);
	crosscheck_count(&holdings->crosscheck, block);
	return true;
}

void apply_alloc(struct event_context *context)
{
	apply_block(context, context->event->region, context->event->bank_bytes);
}

/* The youngest block at the event's address, of those that its device and region allow; NULL: none. A kernel's id is no
 * address. */
static const struct block *youngest_at(const struct event_context *context)
{
	const struct holdings *holdings = context->process->holdings;
	const struct tta_event *event = context->event;
	const struct block *youngest = NULL;

	for (uint32_t i = 1; i <= holdings->region_total_count; i++) {
		const struct region_total *total = &holdings->region_totals[i - 1];
		const struct block *block;

		if ((event->device != TTALLOC_ANY && event->device != total->device) ||
		    (event->region != TTALLOC_ANY && event->region != total->region) || total->region == TTALLOC_KERNEL)
			continue;
		block = blocks_find_youngest(&holdings->blocks, i, event->address);
		if (block && (!youngest || block->key > youngest->key))
			youngest = block;
	}
	return youngest;
}

/* The block that the event frees; NULL: none. */
static const struct block *freed_block(const struct event_context *context, uint32_t region)
{
	const struct blocks *blocks = &context->process->holdings->blocks;
	const struct tta_event *event = context->event;
	struct block_place place = {.address = event->address, .allocator = event->allocator};

	if (region == TTALLOC_ANY || event->device == TTALLOC_ANY)
		return youngest_at(context);
	place.total = process_find_region_total(context->process->holdings, event->device, region);
	if (!place.total)
		return NULL;
	return place.allocator ? blocks_find(blocks, &place) : blocks_find_youngest(blocks, place.total, place.address);
}

/* A held row that is in the file already is told again. */
static void tell_tensor(const struct event_context *context, struct block *block, uint32_t spec)
{
	struct chunk *chunk = context_chunk(context);

	block->attribution =
	    dictionary_attribution_of_tensor(context->ledger->dictionary, block->attribution, spec, &chunk->log);
	if ((int64_t)block->key >= chunk->first_key)
		chunk->held.rows[block->birth_row].origin = block->attribution;
	else
		rowlog_retold(&chunk->log,
		              &(struct retold_row){.key = (int64_t)block->key, .origin = block->attribution});
}

int64_t context_tensor_block(const struct event_context *context, uint32_t spec)
{
	const struct blocks *blocks = &context->process->holdings->blocks;
	const struct tta_event *event = context->event;
	struct block_place place = {
	    .total = process_find_region_total(context->process->holdings, event->device, event->region),
	    .address = event->tensor.address,
	    .allocator = event->allocator};
	struct block *block = place.total ? blocks_find(blocks, &place) : NULL;

	if (!block && place.total)
		block = blocks_find_youngest(blocks, place.total, place.address);
	if (!block)
		return 0;
	if (!dictionary_attribution_of(context->ledger->dictionary, block->attribution)->spec)
		tell_tensor(context, block, spec);
	return (int64_t)block->key;
}

void apply_free(struct event_context *context)
{
	const struct tta_event *event = context->event;
	bool is_kernel = event->kind == TTA_KERNEL_UNLOAD;
	struct process *process = context->process;
	const struct block *found = freed_block(context, is_kernel ? TTALLOC_KERNEL : event->region);
	struct block block;

	if (found) {
		struct block_place place = block_place(found);

		blocks_take(&process->holdings->blocks, &place, &block);
		end_block(context, &block, TTA_ENDED_FREED);
		return;
	}
	if (process_inherited(process, event->address, is_kernel))
		process->inherited_frees++;
	else
		process->unmatched_frees++;
	context_log_other(context, event->address);
}

void apply_failure(struct event_context *context)
{
	const struct tta_event *event = context->event;
	uint32_t attribution = context_attribution(context, ON(event->device, event->allocator), event->region,
	                                           event->flags, TTA_ENDED_FREED);
	uint64_t size_bytes = context_size_of(context, event->failed.size_bytes),
	         bank_bytes = context_size_of(context, event->failed.bank_bytes);
	struct rowlog *log = &context_chunk(context)->log;

	if (!(event->flags & TTALLOC_SAME_REQUEST))
		context->process->failures++;
	rowlog_failure(log, &(struct failure_row){.key = context->key,
	                                          .at_ns = context->at_ns,
	                                          .origin = attribution,
	                                          .size_bytes = size_bytes,
	                                          .bank_bytes = bank_bytes == size_bytes || !bank_bytes
	                                                            ? ROW_SAME_BYTES
	                                                            : (int64_t)bank_bytes,
	                                          .why = text_of(context, (uint32_t)event->failed.why_entry)});
}

/* ---- kernels ---- */

static struct row_text kernel_text(struct entry *entry, uint16_t bytes)
{
	size_t there = bytes < entry->bytes ? bytes : entry->bytes;
	struct row_text text = row_text(entry->data, there);

	if (!there) /* without an entry there is not even a place for an empty text */
		return (struct row_text){0};
	entry->data += there;
	entry->bytes -= there;
	return text;
}

void apply_kernel(struct event_context *context)
{
	struct rowlog *log = &context_chunk(context)->log;
	struct tta_kernel_entry kernel = {0};
	struct entry entry = {0};

	if (!apply_block(context, TTALLOC_KERNEL, 0))
		return;
	if (entry_find(context->table, (uint32_t)context->event->kernel.entry, TTA_ENTRY_KERNEL, &entry))
		entry_take(&entry, &kernel, sizeof(kernel));
	struct kernel_row row = {.key = context->key};
	row.name = kernel_text(&entry, kernel.name_bytes); /* one behind the other */
	row.kind = kernel_text(&entry, kernel.kind_bytes);
	row.core_type = kernel_text(&entry, kernel.core_type_bytes);
	rowlog_kernel(log, &row);
}

/* ---- devices that are closed ---- */

static void close_block(void *closing, const struct block *block)
{
	struct event_context *context = closing;
	struct holdings *holdings = context->process->holdings;
	struct region_total *total = &holdings->region_totals[block->total - 1];
	struct block_place place = block_place(block);
	uint16_t allocator = context->event->allocator;
	struct block taken;

	if (!context_closes(total, context->event->device) || (allocator && allocator != block->allocator))
		return;
	*CHUNK_ADD(&context_chunk(context)->closed) =
	    (struct closed_row){(int64_t)block->key, context->key, (int64_t)context->at_ns};
	blocks_take(&holdings->blocks, &place, &taken);
	crosscheck_uncount(&holdings->crosscheck, &taken);
	if (taken.flags & TTALLOC_ALIASED)
		return;
	total->closing_bytes += (int64_t)taken.size_bytes;
	total->closing_bank_bytes -= served_cores_change(&holdings->cores, total, &taken, -1);
	total->closing_blocks++;
}

void apply_device_close_blocks(struct event_context *context)
{
	blocks_each(&context->process->holdings->blocks, close_block, context);
}
