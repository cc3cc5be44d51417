/* SPDX-License-Identifier: Apache-2.0
 *
 * take_cb.c - events about circular buffers and the programs that they belong to.
 */
#include "taking.h"
#include "ttalloc.h"

struct cb_ending {
	const struct taking *taking;
	const char *how;
};

static void log_cb_end(void *context, int64_t key)
{
	const struct cb_ending *ending = context;
	struct rowlog *log = &taking_chunk(ending->taking)->log;

	rowlog_begin(log, ROW_CB_END);
	rowlog_integer(log, key);
	rowlog_integer(log, ending->taking->key);
	rowlog_integer(log, (int64_t)ending->taking->at_ns);
	rowlog_string(log, ending->how);
}

/* Takes the COUNT ranges of an entry out of it. A list that does not come whole is not known. */
static void take_cores(struct entry *entry, uint32_t count, struct cores *cores)
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

/* Most count their size: that is not said. */
static void log_count(struct rowlog *log, const struct cb *cb, uint64_t size_bytes)
{
	if (cb->aliased || cb->size_bytes == size_bytes)
		return;
	rowlog_begin(log, ROW_CB_COUNT);
	rowlog_integer(log, cb->key);
	rowlog_integer(log, (int64_t)cb->size_bytes);
}

static void log_cb(struct taking *taking, const struct cb *cb, const struct cores *cores)
{
	uint32_t origin = taking_origin(taking, taking->event->device, TTALLOC_CB, taking->event->flags, ENDED_FREED);
	uint64_t size_bytes = taking_size(taking->event->size_bytes);
	struct rowlog *log = &taking_chunk(taking)->log;
	char text[CORES_TEXT];
	size_t length = cores_format(cores, text);

	rowlog_begin(log, ROW_CB);
	rowlog_integer(log, cb->key);
	rowlog_integer(log, (int64_t)taking->at_ns);
	rowlog_integer(log, origin);
	rowlog_integer(log, (int64_t)cb->program);
	rowlog_integer(log, cb->number);
	rowlog_integer(log, (int64_t)taking->event->address);
	rowlog_integer(log, (int64_t)size_bytes);
	if (length)
		rowlog_text(log, text, length);
	else
		rowlog_null(log);
	log_count(log, cb, size_bytes);
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

void take_cb_alloc(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	struct holdings *holdings = taking->process->holdings;
	uint32_t usage = taking_usage(taking, TTALLOC_CB);
	struct tta_cb_entry about = {0};
	struct entry entry = {0};
	struct usage_change change;
	struct cores cores;
	struct cb cb = {.usage = usage, .aliased = event->flags & TTALLOC_ALIASED};
	int64_t replaced;

	if (!usage)
		return;
	if (entry_find(taking->table, (uint32_t)event->bank_bytes, TTA_ENTRY_CB, &entry))
		entry_take(&entry, &about, sizeof(about));
	take_cores(&entry, about.core_ranges, &cores);
	cb.program = about.program;
	cb.number = about.index;
	cb.size_bytes = cb.aliased ? 0 : taking_size(event->size_bytes);
	replaced = cbs_key(&holdings->cbs, &cb);
	if (replaced)
		replace_cb(taking, replaced);
	cb.key = taking->key;
	cbs_add(&holdings->cbs, &holdings->usages[usage - 1], &cb, &cores);
	log_cb(taking, &cb, &cores);
	holdings->usages[usage - 1].allocated_bytes += cb.aliased ? 0 : (int64_t)taking_size(event->size_bytes);
	change = taking_change(taking);
	change.allocs = 1;
	settle(taking, usage, &change);
}

/* Returns how many the event ends: all of its program, or the one that its entry names. */
static uint32_t end_cbs(struct taking *taking, uint32_t usage)
{
	const struct tta_event *event = taking->event;
	struct cbs *cbs = &taking->process->holdings->cbs;
	struct cb_ending ending = {taking, "freed"};
	struct tta_cb_entry about;
	struct entry entry;
	int64_t key;

	if (!event->bank_bytes)
		return cbs_end(cbs, usage, event->address, log_cb_end, &ending);
	if (!entry_find(taking->table, (uint32_t)event->bank_bytes, TTA_ENTRY_CB, &entry))
		return 0;
	entry_take(&entry, &about, sizeof(about));
	key = cbs_end_one(cbs, &(struct cb){.usage = usage, .program = event->address, .number = about.index});
	if (key)
		log_cb_end(&ending, key);
	return key != 0;
}

void take_cb_free(struct taking *taking)
{
	struct holdings *holdings = taking->process->holdings;
	uint32_t usage = process_find_usage(holdings, taking->event->device, TTALLOC_CB);
	struct usage_change change = taking_change(taking);

	taking_log_other(taking, taking->event->address);
	if (!usage)
		return;
	change.frees = end_cbs(taking, usage);
	settle(taking, usage, &change);
}

void take_program_run(struct taking *taking)
{
	const struct tta_event *event = taking->event;
	uint32_t usage = taking_usage(taking, TTALLOC_CB);
	struct usage_change change = taking_change(taking);

	if (!usage)
		return;
	*CHUNK_ADD(&taking_chunk(taking)->runs) = (struct run_row){
	    .key = taking->key,
	    .at_ns = (int64_t)taking->at_ns,
	    .origin = taking_origin(taking, event->device, TTALLOC_CB, 0, ENDED_FREED),
	    .program = (int64_t)event->address,
	};
	cbs_run(&taking->process->holdings->usages[usage - 1], event->address);
	settle(taking, usage, &change);
}

void take_device_close_cbs(struct taking *taking, uint32_t usage)
{
	struct cb_ending ending = {taking, "device close"};

	cbs_end_all(&taking->process->holdings->cbs, usage, log_cb_end, &ending);
}
