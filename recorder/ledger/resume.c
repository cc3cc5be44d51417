/* SPDX-License-Identifier: Apache-2.0
 *
 * resume.c - puts back what the ledger knew, out of the file, so that a recording can go on.
 */
#include "resume.h"

#include <string.h>

#include "event_context.h"
#include "ttalloc.h"

struct resuming {
	struct ledger *ledger;
	struct totals *totals;
	bool sums;
};

static uint32_t narrow(const struct row_value *value)
{
	return value->type == ROW_INTEGER ? (uint32_t)value->integer : 0;
}

static uint64_t number(const struct row_value *value)
{
	return value->type == ROW_INTEGER ? (uint64_t)value->integer : 0;
}

static bool is_text(const struct row_value *value)
{
	return value->type == ROW_TEXT || value->type == ROW_BLOB;
}

/* ---- dictionaries: ids are given out in order, so they have to come back the same ---- */

static bool load_thread(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	struct dictionary_thread thread = {.process = narrow(&row[1]), .serial = narrow(&row[2])};

	return dictionary_thread(resuming->ledger->dictionary, &thread, NULL) == narrow(&row[0]);
}

static bool load_label(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;

	return is_text(&row[2]) && dictionary_label(resuming->ledger->dictionary, narrow(&row[1]), row[2].bytes,
	                                            row[2].count, NULL) == narrow(&row[0]);
}

static bool load_module(void *context, const struct row_value *row)
{
	struct frames *frames = dictionary_frames(((struct resuming *)context)->ledger->dictionary);
	char build_id[256];

	if (!is_text(&row[1]) || !is_text(&row[2]) || row[2].count >= sizeof(build_id))
		return false;
	snprintf(build_id, sizeof(build_id), "%.*s", (int)row[2].count, (const char *)row[2].bytes);
	return frames_module(frames, row[1].bytes, row[1].count, build_id, NULL) == narrow(&row[0]);
}

static bool load_frame(void *context, const struct row_value *row)
{
	struct frames *frames = dictionary_frames(((struct resuming *)context)->ledger->dictionary);
	struct frames_code code = {.line = narrow(&row[5])};

	if (!is_text(&row[3]) || !is_text(&row[4]))
		return frames_native(frames, narrow(&row[1]), (uint64_t)row[2].integer, NULL) == narrow(&row[0]);
	code.function = row[3].bytes;
	code.function_bytes = row[3].count;
	code.file = row[4].bytes;
	code.file_bytes = row[4].count;
	return frames_interpreted(frames, &code, NULL) == narrow(&row[0]);
}

static bool load_stack(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;

	return is_text(&row[1]) &&
	       dictionary_stack(resuming->ledger->dictionary, row[1].bytes, row[1].count, NULL) == narrow(&row[0]);
}

static bool load_attribution(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	struct attribution attribution = {
	    .process = narrow(&row[1]),
	    .thread = narrow(&row[2]),
	    .label = narrow(&row[3]),
	    .stack = narrow(&row[4]),
	    .device = narrow(&row[5]),
	    .region = (uint16_t)narrow(&row[6]),
	    .class = (uint8_t)narrow(&row[7]),
	    .flags = (uint8_t)narrow(&row[8]),
	    .ended = (uint8_t)narrow(&row[9]),
	    .allocator = (uint16_t)narrow(&row[10]),
	};

	return dictionary_attribution(resuming->ledger->dictionary, &attribution, NULL) == narrow(&row[0]);
}

/* ---- processes ---- */

static bool load_process(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	uint8_t segment_id[TTA_ID_BYTES];
	struct process *process;

	if (!is_text(&row[4]) || !is_text(&row[5]) || !segment_id_parse(row[4].bytes, row[4].count, segment_id))
		return false;
	process = process_new(resuming->ledger, segment_id);
	process->parent = narrow(&row[3]);
	process->forked = process->parent != 0;
	process->segment_path = memory_or_die(strndup(row[5].bytes, row[5].count));
	process->first_number = number(&row[7]);
	process->taken_number = process->committed_number = number(&row[8]);
	process->events = number(&row[9]);
	process->failures = number(&row[10]);
	process->lost = number(&row[11]);
	process->unmatched_frees = number(&row[12]);
	process->inherited_frees = number(&row[13]);
	process->replaced = number(&row[14]);
	process->last_ns = number(&row[15]);
	process_note_producer(process, row[16].bytes, is_text(&row[16]) ? row[16].count : 0);
	if (row[6].type != ROW_NULL) {
		process->ended_ns = number(&row[6]);
		process->ended = "process exit";
		process->ended_committed = true;
		process_drop_holdings(process);
	}
	return process->id == narrow(&row[0]);
}

/* The process ID, if it is one that lives. */
static struct process *living(const struct resuming *resuming, uint32_t id)
{
	struct process *process = process_by_id(resuming->ledger, id);

	return process && process->holdings ? process : NULL;
}

static bool load_region_total(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	struct process *process = living(resuming, narrow(&row[0]));
	uint32_t place =
	    process ? process_region_total(resuming->ledger, process, narrow(&row[1]), narrow(&row[2])) : 0;
	struct region_total *total;

	if (!place)
		return false;
	total = &process->holdings->region_totals[place - 1];
	total->allocs = number(&row[3]);
	total->frees = number(&row[4]);
	total->allocated_bytes = (int64_t)number(&row[5]);
	total->live_bytes = (int64_t)number(&row[6]);
	total->live_bank_bytes = (int64_t)number(&row[7]);
	total->live_blocks = (int64_t)number(&row[8]);
	total->peak_bytes = (int64_t)number(&row[9]);
	if (row[10].type != ROW_NULL)
		total->peak_ns = number(&row[10]);
	total->peak_key = (int64_t)number(&row[11]);
	total->peak_blocks = (int64_t)number(&row[12]);
	total->peak_bank_bytes = (int64_t)number(&row[13]);
	if (row[14].type != ROW_NULL)
		total->peak_bank_ns = number(&row[14]);
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

static bool load_held(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	const struct attribution *attribution;
	struct process *process;
	struct block_place place = {.total = total_of_attribution(resuming, narrow(&row[5]), &process, &attribution),
	                            .address = number(&row[2])};
	struct block *block;

	if (!place.total || number(&row[0]) == 0)
		return false;
	place.allocator = attribution->allocator;
	if (blocks_find(&process->holdings->blocks, &place))
		return false;
	block = blocks_add(&process->holdings->blocks, &place);
	block->key = number(&row[0]) & BLOCK_KEY_BITS;
	block->alloc_ns = number(&row[1]);
	block->size_bytes = number(&row[3]) & SIZE_BITS;
	block->bank_bytes = (row[4].type == ROW_NULL ? number(&row[3]) : number(&row[4])) & SIZE_BITS;
	block->flags = attribution->flags;
	block->attribution = narrow(&row[5]);
	block->birth_row = 0;
	return true;
}

static bool load_cb(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	const struct attribution *attribution;
	struct process *process;
	struct cb cb = {.total = total_of_attribution(resuming, narrow(&row[1]), &process, &attribution)};
	char text[CORES_TEXT] = "";
	struct cores cores;

	if (!cb.total || number(&row[0]) == 0)
		return false;
	cb.key = (int64_t)number(&row[0]);
	cb.program = number(&row[2]);
	cb.number = narrow(&row[3]);
	cb.aliased = attribution->flags & TTALLOC_ALIASED;
	cb.size_bytes = cb.aliased ? 0 : number(&row[4]);
	if (cbs_key(&process->holdings->cbs, &cb))
		return false;
	if (is_text(&row[6]) && row[6].count < sizeof(text))
		memcpy(text, row[6].bytes, row[6].count);
	cores_parse(&cores, text);
	cbs_add_counted(&process->holdings->cbs, &process->holdings->region_totals[cb.total - 1], &cb, &cores,
	                context_size(number(&row[5])));
	return true;
}

/* The program whose circular buffers are resident: the one of the last cb_alloc, then the one that ran last, if any. */
static bool load_run(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	struct process *process = living(resuming, narrow(&row[0]));
	uint32_t place = process ? process_region_total(resuming->ledger, process, narrow(&row[1]), TTALLOC_CB) : 0;

	if (!place)
		return false;
	process->holdings->region_totals[place - 1].ran = number(&row[4]);
	process->holdings->region_totals[place - 1].program = number(&row[2]);
	return true;
}

static bool load_address(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	struct process *process = living(resuming, narrow(&row[0]));

	if (process)
		process_remember_address(process, number(&row[1]), narrow(&row[2]) == TTALLOC_KERNEL);
	return true;
}

/* ---- totals ---- */

static bool load_region(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;
	struct totals_state state = {
	    .device = narrow(&row[0]),
	    .region = narrow(&row[1]),
	    .dirty_ns = row[2].type == ROW_NULL ? DELTA_NO_DISORDER : number(&row[2]),
	    .to_ns = number(&row[3]),
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

static bool load_sums(void *context, const struct row_value *row)
{
	struct resuming *resuming = context;

	resuming->ledger->next_key = (int64_t)number(&row[0]) + 1;
	totals_restore_span_id(resuming->totals, (int64_t)number(&row[1]));
	resuming->ledger->last_ns = number(&row[2]);
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
static void tell_devices(const struct ledger *ledger)
{
	for (size_t i = 0; ledger->devices && i < ledger->process_count; i++) {
		const struct holdings *holdings = ledger->processes[i]->holdings;

		for (size_t k = 0; holdings && k < holdings->region_total_count; k++)
			devices_change(ledger->devices, holdings->region_totals[k].device,
			               holdings->region_totals[k].region, holdings->region_totals[k].live_bytes);
	}
}

int resume(struct ledger *ledger, struct totals *totals, struct writer *writer, struct sql_error *error)
{
	static const struct {
		enum load_kind kind;
		bool (*each)(void *context, const struct row_value *row);
	} parts[] = {
	    {LOAD_SUMS, load_sums},
	    {LOAD_PROCESSES, load_process},
	    {LOAD_THREADS, load_thread},
	    {LOAD_LABELS, load_label},
	    {LOAD_MODULES, load_module},
	    {LOAD_FRAMES, load_frame},
	    {LOAD_STACKS, load_stack},
	    {LOAD_ORIGINS, load_attribution},
	    {LOAD_USAGES, load_region_total},
	    {LOAD_HELD, load_held},
	    {LOAD_CBS, load_cb},
	    {LOAD_RUNS, load_run},
	    {LOAD_ADDRESSES, load_address},
	    {LOAD_REGIONS, load_region},
	};
	struct resuming resuming = {.ledger = ledger, .totals = totals};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (writer_load(writer, parts[i].kind, parts[i].each, &resuming, error) != 0)
			return -1;
	settle_all(ledger);
	tell_devices(ledger);
	return 0;
}
