/* SPDX-License-Identifier: Apache-2.0
 *
 * ranges.c - where operations and labels begin and end, and the rows that they leave. One row for each would cost
 * more than all that is known of them: those that have ended by a commit are packed into pages.
 */
#include "ranges.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "event_context.h"

#define MOST_OPEN 4096u  /* ranges of a thread, of a kind; more are lost, and counted */
#define MOST_USES 65536u /* tensors of an operation; more are counted */
#define NEAR_KEYS 1000   /* blocks so near to an operation are known by how near */
#define USE_TEXT 80      /* one in a list */

/* ---- those that are there ---- */

struct open_ranges *ranges_of_thread(struct ranges *ranges, uint32_t thread, enum range_kind kind)
{
	uint64_t hash = hash_mix(thread);

	INDEX_EACH_MATCH(&ranges->thread_index, hash, at, ref)
	{
		if (ranges->threads[ref - 1].thread == thread)
			return &ranges->threads[ref - 1].open[kind];
	}
	ranges->threads =
	    memory_room(ranges->threads, ranges->thread_count, &ranges->thread_capacity, sizeof(*ranges->threads));
	ranges->threads[ranges->thread_count++] = (struct range_thread){.thread = thread};
	index_add(&ranges->thread_index, hash, (uint32_t)ranges->thread_count);
	return &ranges->threads[ranges->thread_count - 1].open[kind];
}

struct range *ranges_open(struct open_ranges *open, const struct range *range)
{
	open->ranges = memory_room(open->ranges, open->count, &open->capacity, sizeof(*open->ranges));
	open->ranges[open->count++] = *range;
	return &open->ranges[open->count - 1];
}

static void add_ended(struct ranges *ranges, enum range_kind kind, const struct ended_range *range)
{
	struct ended_ranges *ended = &ranges->ended[kind];

	ended->ranges = memory_room(ended->ranges, ended->count, &ended->capacity, sizeof(*ended->ranges));
	ended->ranges[ended->count++] = *range;
}

void ranges_free(struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->thread_count; i++)
		for (int kind = 0; kind < RANGE_KINDS; kind++) {
			struct open_ranges *open = &ranges->threads[i].open[kind];

			for (size_t j = 0; j < open->count; j++)
				free(open->ranges[j].uses);
			free(open->ranges);
		}
	for (int kind = 0; kind < RANGE_KINDS; kind++)
		free(ranges->ended[kind].ranges);
	free(ranges->threads);
	index_free(&ranges->thread_index);
	*ranges = (struct ranges){.operations = 0};
}

/* ---- events ---- */

/* What the event begins or ends. */
static enum range_kind kind_of(const struct tta_event *event)
{
	return event->kind == TTA_LABEL_BEGIN || event->kind == TTA_LABEL_END ? RANGE_LABEL : RANGE_OPERATION;
}

static struct open_ranges *open_ranges(const struct event_context *context, enum range_kind kind)
{
	uint32_t thread = attribution_thread(context->ledger, context->process, context->table, context->thread_entry);

	return ranges_of_thread(&context->process->holdings->ranges, thread, kind);
}

/* ---- tensors ---- */

/* JSON, as schema_3.sql has it. A loop has the same list again and again, for what is made in it is near. */
static uint32_t list_id(struct ledger *ledger, const struct range *range)
{
	size_t bytes = range->use_count * USE_TEXT + 3, used = 1;
	char *text = memory_or_die(malloc(bytes));
	uint32_t id;

	text[0] = '[';
	for (size_t i = 0; i < range->use_count; i++) {
		const struct tensor_use *use = &range->uses[i];
		int64_t offset = use->block - range->key;
		bool is_near = offset >= -NEAR_KEYS && offset <= NEAR_KEYS;

		used += (size_t)snprintf(text + used, bytes - used, "%s[%d,%u,%u,%d,%" PRId64 "]", i ? "," : "",
		                         use->given, use->index, use->spec, is_near, is_near ? offset : use->block);
	}
	text[used++] = ']';
	id = range_words_list(ledger->range_words, text, used, &ledger->chunk->log);
	free(text);
	return id;
}

static uint32_t what_id(struct ledger *ledger, struct range *range)
{
	if (range->use_count)
		range->what.tensors = list_id(ledger, range);
	return range_words_what(ledger->range_words, &range->what, &ledger->chunk->log);
}

/* ---- ends ---- */

static void end_innermost(const struct event_context *context, struct open_ranges *open, uint32_t ended)
{
	struct range *range = &open->ranges[--open->count];
	struct rowlog *log = &context_chunk(context)->log;
	struct ended_range row = {.number = range->number,
	                          .record = {.key = range->key,
	                                     .life = context->key - range->key,
	                                     .begin_ns = range->begin_ns,
	                                     .held_ns = (int64_t)context->at_ns - range->begin_ns}};

	range->what.ended = ended;
	row.record.what = what_id(context->ledger, range);
	free(range->uses);
	add_ended(&context->process->holdings->ranges, range->number ? RANGE_OPERATION : RANGE_LABEL, &row);
	if (range->stored_what)
		rowlog_range_shut(log, &(struct range_shut_row){.key = range->key});
}

/* An end that was lost is that of the next range of its level, or of the one around it. */
static void end_deeper(const struct event_context *context, struct open_ranges *open, uint64_t level)
{
	while (open->count && open->ranges[open->count - 1].level >= level)
		end_innermost(context, open, TTA_OPERATION_RETURNED);
}

static uint32_t text_id(const struct event_context *context, enum tta_entry_type type, uint64_t entry_number)
{
	struct entry entry = {.data = (const uint8_t *)""};

	entry_find(context->table, (uint32_t)entry_number, type, &entry);
	return range_words_text(context->ledger->range_words, entry.data, entry.bytes, &context_chunk(context)->log);
}

/* 0: the event does not say. */
static uint32_t arguments_id(const struct event_context *context)
{
	uint64_t entry = context->event->range.arguments_entry;

	return entry && entry != TTA_LEFT_OUT ? text_id(context, TTA_ENTRY_ARGUMENTS, entry) : 0;
}

static struct range_what_row what_begins(const struct event_context *context)
{
	const struct tta_event *event = context->event;

	return (struct range_what_row){
	    .thread = attribution_thread(context->ledger, context->process, context->table, context->thread_entry),
	    .label = attribution_label(context->ledger, context->table, event->label),
	    .stack = attribution_stack(context->ledger, context->process, context->table, event->stack)};
}

void apply_range_begin(struct event_context *context)
{
	enum range_kind kind = kind_of(context->event);
	struct ranges *ranges = &context->process->holdings->ranges;
	struct open_ranges *open = open_ranges(context, kind);
	struct range range = {
	    .key = context->key, .begin_ns = (int64_t)context->at_ns, .level = context->event->range.depth};

	end_deeper(context, open, range.level);
	if (open->count == MOST_OPEN) {
		context->refused++;
		return;
	}
	range.what = what_begins(context);
	if (kind == RANGE_OPERATION) {
		range.number = ++ranges->operations;
		range.what.name = text_id(context, TTA_ENTRY_OPERATION, context->event->range.entry);
		range.what.arguments = arguments_id(context);
		if (open->count)
			range.what.around = (uint32_t)(range.number - open->ranges[open->count - 1].number);
	}
	ranges_open(open, &range);
}

/* One that began before the recording did has no beginning in it. */
void apply_range_end(struct event_context *context)
{
	const struct tta_event *event = context->event;
	enum range_kind kind = kind_of(event);
	struct open_ranges *open = open_ranges(context, kind);
	bool aborted = kind == RANGE_OPERATION && event->range.end == TTA_OPERATION_ABORTED;

	if (event->range.depth < UINT64_MAX)
		end_deeper(context, open, event->range.depth + 1);
	if (open->count && open->ranges[open->count - 1].level == event->range.depth)
		end_innermost(context, open, aborted ? TTA_OPERATION_ABORTED : TTA_OPERATION_RETURNED);
}

/* The next word of a tensor, which has BYTES of it. */
static struct row_text take_text(struct entry *entry, uint16_t bytes)
{
	size_t there = bytes < entry->bytes ? bytes : entry->bytes;
	struct row_text text = row_text(there ? entry->data : NULL, there);

	entry->data += there;
	entry->bytes -= there;
	return text;
}

/* 0: the event does not say. */
static uint32_t spec_id(const struct event_context *context)
{
	struct tta_tensor_entry head;
	struct tensor_spec_row row;
	struct entry entry;

	if (!entry_find(context->table, (uint32_t)context->event->tensor.entry, TTA_ENTRY_TENSOR, &entry))
		return 0;
	entry_take(&entry, &head, sizeof(head));
	row.shape = take_text(&entry, head.bytes[0]); /* one behind the other */
	row.dtype = take_text(&entry, head.bytes[1]);
	row.layout = take_text(&entry, head.bytes[2]);
	row.memory = take_text(&entry, head.bytes[3]);
	row.shard_shape = take_text(&entry, head.bytes[4]);
	row.shard_grid = take_text(&entry, head.bytes[5]);
	row.orientation = take_text(&entry, head.bytes[6]);
	return range_words_spec(context->ledger->range_words, &row, &context_chunk(context)->log);
}

void apply_tensor(struct event_context *context)
{
	const struct tta_event *event = context->event;
	struct open_ranges *open = open_ranges(context, RANGE_OPERATION);
	struct range *range = open->count ? &open->ranges[open->count - 1] : NULL;
	struct tensor_use use = {
	    .spec = spec_id(context), .index = (uint32_t)(event->tensor.place >> 1), .given = event->tensor.place & 1};

	if (!range || !use.spec)
		return;
	use.block = context_tensor_block(context, use.spec);
	if (!use.block)
		return;
	if (range->use_count == MOST_USES) {
		context->lacks->tensor = true;
		return;
	}
	range->uses = memory_room(range->uses, range->use_count, &range->use_capacity, sizeof(*range->uses));
	range->uses[range->use_count++] = use;
}

/* ---- rows ---- */

static void log_open(struct ledger *ledger, const struct process *process, struct range *range)
{
	struct rowlog *log = &ledger->chunk->log;
	uint32_t what = what_id(ledger, range);

	if (what == range->stored_what)
		return;
	range->stored_what = what;
	rowlog_range_open(log, &(struct range_open_row){.key = range->key,
	                                                .process = process->id,
	                                                .number = range->number,
	                                                .at_ns = range->begin_ns,
	                                                .what = what});
}

static int compare_begins(const void *a, const void *b)
{
	const struct ended_range *first = a, *second = b;

	return (first->record.key > second->record.key) - (first->record.key < second->record.key);
}

/* How many of COUNT ranges fit one page: the numbers of operations follow each other there. */
static size_t page_of(const struct ended_range *ranges, size_t count)
{
	size_t fits = 1;

	while (fits < count && fits < RANGE_PAGE_FULL && ranges[fits].record.key > ranges[fits - 1].record.key &&
	       (!ranges[0].number || ranges[fits].number == ranges[0].number + (int64_t)fits))
		fits++;
	return fits;
}

static void log_page(struct ledger *ledger, const struct process *process, const struct ended_range *ranges,
                     size_t count)
{
	struct range_page_row row = {.process = process->id, .first_number = ranges[0].number};
	struct range_record records[RANGE_PAGE_FULL];
	uint8_t digits[RANGE_PAGE_BYTES];

	for (size_t i = 0; i < count; i++)
		records[i] = ranges[i].record;
	range_page_pack(records, count, digits, &row);
	rowlog_range_page(&ledger->chunk->log, &row);
}

static void log_ended(struct ledger *ledger, const struct process *process, struct ended_ranges *ended)
{
	if (ended->count)
		qsort(ended->ranges, ended->count, sizeof(*ended->ranges), compare_begins);
	for (size_t at = 0, count; at < ended->count; at += count) {
		count = page_of(ended->ranges + at, ended->count - at);
		log_page(ledger, process, ended->ranges + at, count);
	}
	ended->count = 0;
}

void ranges_log(struct ledger *ledger, struct process *process)
{
	struct ranges *ranges = &process->holdings->ranges;

	for (int kind = 0; kind < RANGE_KINDS; kind++) {
		for (size_t i = 0; i < ranges->thread_count; i++) {
			struct open_ranges *open = &ranges->threads[i].open[kind];

			for (size_t j = 0; j < open->count; j++)
				log_open(ledger, process, &open->ranges[j]);
		}
		log_ended(ledger, process, &ranges->ended[kind]);
	}
}
