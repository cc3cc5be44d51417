/* SPDX-License-Identifier: Apache-2.0
 *
 * resume.c - puts back what the ledger knew, out of the file, so that a recording can go on.
 */
#include "resume.h"

#include <stdio.h>
#include <string.h>

#include "event_context.h"
#include "ttalloc.h"

#define MOST_SKIPPED (1u << 24) /* ids that a file does not have, because files before it had them */

struct resuming {
	struct ledger *ledger;
	struct totals *totals;
	bool sums;
};

/* ---- dictionaries: ids are given out in order, so they have to come back the same ---- */

static bool load_thread(void *context, const void *untyped)
{
	const struct thread_row *row = untyped;
	struct resuming *resuming = context;
	struct dictionary_thread thread = {.process = row->process, .serial = row->serial};

	if (row->id < 1 || row->id > MOST_SKIPPED)
		return false;
	dictionary_skip_threads(resuming->ledger->dictionary, (uint32_t)row->id - 1);
	return dictionary_thread(resuming->ledger->dictionary, &thread, NULL) == row->id;
}

static bool load_label(void *context, const void *untyped)
{
	const struct label_row *row = untyped;
	struct resuming *resuming = context;

	return row->name.bytes && dictionary_label(resuming->ledger->dictionary, row->parent, row->name.bytes,
	                                           row->name.count, NULL) == row->id;
}

static bool load_module(void *context, const void *untyped)
{
	const struct module_row *row = untyped;
	struct frames *frames = dictionary_frames(((struct resuming *)context)->ledger->dictionary);
	char build_id[256];

	if (!row->path.bytes || !row->build_id.bytes || row->build_id.count >= sizeof(build_id))
		return false;
	snprintf(build_id, sizeof(build_id), "%.*s", (int)row->build_id.count, (const char *)row->build_id.bytes);
	return frames_module(frames, row->path.bytes, row->path.count, build_id, NULL) == row->id;
}

static bool load_frame(void *context, const void *untyped)
{
	const struct known_frame_row *row = untyped;
	struct frames *frames = dictionary_frames(((struct resuming *)context)->ledger->dictionary);
	struct frames_code code = {.line = row->line};

	if (!row->function.bytes || !row->file.bytes)
		return frames_native(frames, row->module, row->address, NULL) == row->id;
	code.function = row->function.bytes;
	code.function_bytes = row->function.count;
	code.file = row->file.bytes;
	code.file_bytes = row->file.count;
	return frames_interpreted(frames, &code, NULL) == row->id;
}

static bool load_stack(void *context, const void *untyped)
{
	const struct stack_row *row = untyped;
	struct resuming *resuming = context;

	return row->frames.bytes &&
	       dictionary_stack(resuming->ledger->dictionary, row->frames.bytes, row->frames.count, NULL) == row->id;
}

static bool load_attribution(void *context, const void *untyped)
{
	const struct known_origin_row *row = untyped;
	struct resuming *resuming = context;
	struct attribution attribution = {
	    .process = row->process,
	    .thread = row->thread,
	    .label = row->label,
	    .stack = row->stack,
	    .device = row->device,
	    .region = (uint16_t)row->region,
	    .class = (uint8_t)row->class,
	    .flags = (uint8_t)row->flags,
	    .ended = (uint8_t)row->ended,
	    .allocator = (uint16_t)row->allocator,
	    .spec = row->spec,
	};

	if (row->id < 1 || row->id > MOST_SKIPPED)
		return false;
	dictionary_skip_attributions(resuming->ledger->dictionary, (uint32_t)row->id - 1);
	return dictionary_attribution(resuming->ledger->dictionary, &attribution, NULL) == row->id;
}

/* ---- ranges ---- */

static bool load_text(void *context, const void *untyped)
{
	range_words_know_text(((struct resuming *)context)->ledger->range_words, untyped);
	return true;
}

static bool load_spec(void *context, const void *untyped)
{
	range_words_know_spec(((struct resuming *)context)->ledger->range_words, untyped);
	return true;
}

static bool load_list(void *context, const void *untyped)
{
	range_words_know_list(((struct resuming *)context)->ledger->range_words, untyped);
	return true;
}

static bool load_what(void *context, const void *untyped)
{
	range_words_know_what(((struct resuming *)context)->ledger->range_words, untyped);
	return true;
}

/* ---- chips ---- */

static bool load_device(void *context, const void *untyped)
{
	const struct known_device_row *row = untyped;
	struct resuming *resuming = context;

	chips_restore(resuming->ledger,
	              &(struct device_claim){
	                  .process = row->process, .number = row->number, .chip = row->chip, .visible = row->visible},
	              row->device);
	return true;
}

/* ---- processes ---- */

static bool load_process(void *context, const void *untyped)
{
	const struct known_process_row *row = untyped;
	struct resuming *resuming = context;
	uint8_t segment_id[TTA_ID_BYTES];
	struct process *process;

	if (!row->segment_id.bytes || !row->segment_path.bytes ||
	    !segment_id_parse(row->segment_id.bytes, row->segment_id.count, segment_id))
		return false;
	if (row->id < 1 || row->id > MOST_SKIPPED)
		return false;
	process_skip(resuming->ledger, (uint32_t)row->id - 1);
	process = process_new(resuming->ledger, segment_id);
	process->parent = row->parent;
	process->forked = process->parent != 0;
	process->segment_path = memory_or_die(strndup(row->segment_path.bytes, row->segment_path.count));
	process->first_number = row->first_number;
	process->taken_number = process->committed_number = row->committed_number;
	process->events = row->events;
	process->failures = row->failures;
	process->lost = row->lost;
	process->unmatched_frees = row->unmatched_frees;
	process->inherited_frees = row->inherited_frees;
	process->replaced = row->replaced;
	process->last_ns = row->last_ns;
	process_note_producer(process, row->producer.bytes, row->producer.count);
	if (row->ended_ns != ROW_NO_TIME) {
		process->ended_ns = row->ended_ns;
		process->ended = "process exit";
		process->ended_committed = true;
		process_drop_holdings(process);
	}
	return process->id == row->id;
}

/* The process ID, if it is one that lives. */
static struct process *living(const struct resuming *resuming, uint32_t id)
{
	struct process *process = process_by_id(resuming->ledger, id);

	return process && process->holdings ? process : NULL;
}

static bool load_region_total(void *context, const void *untyped)
{
	const struct usage_row *row = untyped;
	struct resuming *resuming = context;
	struct process *process = living(resuming, row->process);
	uint32_t place = process ? process_region_total(resuming->ledger, process, row->device, row->region) : 0;
	struct region_total *total;

	if (!place)
		return false;
	total = &process->holdings->region_totals[place - 1];
	total->allocs = row->allocs;
	total->frees = row->frees;
	total->allocated_bytes = row->allocated_bytes;
	total->live_bytes = row->live_bytes;
	total->live_bank_bytes = row->live_bank_bytes;
	total->live_blocks = row->live_blocks;
	total->peak_bytes = row->peak_bytes;
	total->peak_ns = row->peak_ns;
	total->peak_key = row->peak_key;
	total->peak_blocks = row->peak_blocks;
	total->peak_bank_bytes = row->peak_bank_bytes;
	total->peak_bank_ns = row->peak_bank_ns;
	return true;
}

/* The process and total of a row's attribution; 0: it makes no sense. */
static uint32_t total_of_attribution(const struct resuming *resuming, uint32_t attribution_id, struct process **process,
                                     const struct attribution **attribution)
{
	*attribution = dictionary_attribution_of(resuming->ledger->dictionary, attribution_id);
	*process = *attribution ? living(resuming, (*attribution)->process) : NULL;
	return *process
	           ? process_region_total(resuming->ledger, *process, (*attribution)->device, (*attribution)->region)
	           : 0;
}

/* Later rows tell of the same number anew. */
static bool load_cores(void *context, const void *untyped)
{
	const struct known_cores_row *row = untyped;
	struct process *process = living(context, row->process);
	char text[CORES_TEXT] = "";
	struct cores cores;

	if (!process)
		return true;
	if (row->core_ranges.count < sizeof(text))
		memcpy(text, row->core_ranges.bytes, row->core_ranges.count);
	cores_parse(&cores, text);
	served_cores_set(&process->holdings->cores, (uint16_t)row->allocator, &cores);
	return true;
}

static bool load_held(void *context, const void *untyped)
{
	const struct held_row *row = untyped;
	struct resuming *resuming = context;
	const struct attribution *attribution;
	struct process *process;
	struct block_place place = {.total = total_of_attribution(resuming, row->origin, &process, &attribution),
	                            .address = row->address};
	struct block *block;

	if (!place.total || row->key == 0)
		return false;
	place.allocator = attribution->allocator;
	if (blocks_find(&process->holdings->blocks, &place))
		return false;
	block = blocks_add(&process->holdings->blocks, &place);
	block->key = row->key & BLOCK_KEY_BITS;
	block->alloc_ns = row->alloc_ns;
	block->size_bytes = row->size_bytes & SIZE_BITS;
	block->bank_bytes = (row->bank_bytes == ROW_SAME_BYTES ? row->size_bytes : row->bank_bytes) & SIZE_BITS;
	block->flags = attribution->flags;
	block->attribution = row->origin;
	block->birth_row = 0;
	crosscheck_count(&process->holdings->crosscheck, block);
	if (!(block->flags & TTALLOC_ALIASED)) /* which the total has already */
		served_cores_change(&process->holdings->cores, &process->holdings->region_totals[place.total - 1],
		                    block, 1);
	return true;
}

static bool load_cb(void *context, const void *untyped)
{
	const struct known_cb_row *row = untyped;
	struct resuming *resuming = context;
	const struct attribution *attribution;
	struct process *process;
	struct cb cb = {.total = total_of_attribution(resuming, row->origin, &process, &attribution)};
	char text[CORES_TEXT] = "";
	struct cores cores;

	if (!cb.total || row->key == 0)
		return false;
	cb.key = row->key;
	cb.program = row->program;
	cb.number = row->idx;
	cb.aliased = attribution->flags & TTALLOC_ALIASED;
	cb.size_bytes = cb.aliased ? 0 : row->counted_bytes;
	if (cbs_key(&process->holdings->cbs, &cb))
		return false;
	if (row->cores.bytes && row->cores.count < sizeof(text))
		memcpy(text, row->cores.bytes, row->cores.count);
	cores_parse(&cores, text);
	cbs_add_counted(&process->holdings->cbs, &process->holdings->region_totals[cb.total - 1], &cb, &cores,
	                context_size(row->size_bytes));
	return true;
}

/* The program whose circular buffers are resident: the one of the last cb_alloc, then the one that ran last, if any. */
static bool load_run(void *context, const void *untyped)
{
	const struct known_run_row *row = untyped;
	struct resuming *resuming = context;
	struct process *process = living(resuming, row->process);
	uint32_t place = process ? process_region_total(resuming->ledger, process, row->device, TTALLOC_CB) : 0;

	if (!place)
		return false;
	process->holdings->region_totals[place - 1].ran = row->ran;
	process->holdings->region_totals[place - 1].program = row->program;
	return true;
}

static bool load_address(void *context, const void *untyped)
{
	const struct known_address_row *row = untyped;
	struct resuming *resuming = context;
	struct process *process = living(resuming, row->process);

	if (process)
		process_remember_address(process, row->address, row->region == TTALLOC_KERNEL);
	return true;
}

static bool load_operations(void *context, const void *untyped)
{
	const struct known_operations_row *row = untyped;
	struct process *process = living(context, row->process);

	if (process)
		process->holdings->ranges.operations = row->number;
	return true;
}

/* Outer ones come first. */
static bool load_range(void *context, const void *untyped)
{
	const struct known_range_row *row = untyped;
	struct resuming *resuming = context;
	struct process *process = living(resuming, row->process);
	enum range_kind kind = row->number ? RANGE_OPERATION : RANGE_LABEL;
	struct open_ranges *open;

	if (!process)
		return false;
	open = ranges_of_thread(&process->holdings->ranges, row->thread, kind);
	ranges_open(open, &(struct range){.key = row->key,
	                                  .begin_ns = row->at_ns,
	                                  .number = row->number,
	                                  .level = open->count,
	                                  .stored_what = row->what,
	                                  .what = {.thread = row->thread,
	                                           .label = row->label,
	                                           .stack = row->stack,
	                                           .name = row->name,
	                                           .arguments = row->arguments,
	                                           .around = row->around,
	                                           .tensors = row->tensors}});
	return true;
}

/* ---- ids of earlier files ---- */

static bool load_file_ids(void *context, const void *untyped)
{
	const struct known_file_row *row = untyped;
	struct ledger *ledger = ((struct resuming *)context)->ledger;

	if (row->last_process > MOST_SKIPPED || row->last_thread > MOST_SKIPPED || row->last_origin > MOST_SKIPPED)
		return false;
	process_skip(ledger, row->last_process);
	dictionary_skip_threads(ledger->dictionary, row->last_thread);
	dictionary_skip_attributions(ledger->dictionary, row->last_origin);
	range_words_skip(ledger->range_words, row->last_text, row->last_list, row->last_what);
	return true;
}

/* ---- totals ---- */

static bool load_region(void *context, const void *untyped)
{
	const struct known_region_row *row = untyped;
	struct resuming *resuming = context;
	struct totals_state state = {
	    .device = row->device,
	    .region = row->region,
	    .dirty_ns = (uint64_t)row->dirty_ns,
	    .to_ns = row->to_ns,
	};

	for (size_t i = 0; i < resuming->ledger->process_count; i++) {
		const struct holdings *holdings = resuming->ledger->processes[i]->holdings;
		uint32_t place = holdings ? process_find_region_total(holdings, state.device, state.region) : 0;

		if (!place)
			continue;
		state.bytes += holdings->region_totals[place - 1].live_bytes;
		state.bank_bytes += holdings->region_totals[place - 1].live_bank_bytes;
		state.blocks += holdings->region_totals[place - 1].live_blocks;
	}
	totals_restore(resuming->totals, &state);
	return true;
}

static bool load_sums(void *context, const void *untyped)
{
	const struct known_sums_row *row = untyped;
	struct resuming *resuming = context;

	resuming->ledger->next_key = row->last_key + 1;
	totals_restore_span_id(resuming->totals, row->last_span);
	resuming->ledger->last_ns = row->end_ns;
	return true;
}

/* Circular buffers and runs are back: which of them are resident follows, and is counted in the total already. */
static void settle_all(struct ledger *ledger)
{
	struct usage_change ignored;

	for (size_t i = 0; i < ledger->process_count; i++) {
		struct holdings *holdings = ledger->processes[i]->holdings;

		for (size_t j = 0; holdings && j < holdings->region_total_count; j++)
			if (holdings->region_totals[j].region == TTALLOC_CB)
				cbs_settle(&holdings->cbs, &holdings->region_totals[j], (uint32_t)j + 1, &ignored);
	}
}

/* What living processes hold. (The geometry of their banks is not told again: they told it when they opened them.) */
static void tell_observer(const struct ledger *ledger)
{
	const struct ingest_observer *observer = ledger->observer;

	for (size_t i = 0; observer && i < ledger->process_count; i++) {
		const struct holdings *holdings = ledger->processes[i]->holdings;

		for (size_t k = 0; holdings && k < holdings->region_total_count; k++)
			observer->changed(observer->context, holdings->region_totals[k].device,
			                  holdings->region_totals[k].region, holdings->region_totals[k].live_bytes);
	}
}

int resume(struct ledger *ledger, struct totals *totals, struct writer *writer, struct sql_error *error)
{
	static const struct {
		enum load_kind kind;
		bool (*each)(void *context, const void *row);
	} parts[] = {
	    {LOAD_SUMS, load_sums},
	    {LOAD_PROCESSES, load_process},
	    {LOAD_DEVICES, load_device},
	    {LOAD_THREADS, load_thread},
	    {LOAD_LABELS, load_label},
	    {LOAD_MODULES, load_module},
	    {LOAD_FRAMES, load_frame},
	    {LOAD_STACKS, load_stack},
	    {LOAD_ORIGINS, load_attribution},
	    {LOAD_OPERATION_TEXTS, load_text},
	    {LOAD_TENSOR_SPECS, load_spec},
	    {LOAD_TENSOR_LISTS, load_list},
	    {LOAD_RANGE_WHATS, load_what},
	    {LOAD_FILE_IDS, load_file_ids},
	    {LOAD_USAGES, load_region_total},
	    {LOAD_CORES, load_cores},
	    {LOAD_HELD, load_held},
	    {LOAD_CBS, load_cb},
	    {LOAD_RUNS, load_run},
	    {LOAD_ADDRESSES, load_address},
	    {LOAD_OPERATIONS, load_operations},
	    {LOAD_RANGES_OPEN, load_range},
	    {LOAD_REGIONS, load_region},
	};
	struct resuming resuming = {.ledger = ledger, .totals = totals};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (writer_load(writer, parts[i].kind, parts[i].each, &resuming, error) != 0)
			return -1;
	settle_all(ledger);
	tell_observer(ledger);
	return 0;
}
