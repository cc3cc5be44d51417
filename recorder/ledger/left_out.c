/* SPDX-License-Identifier: Apache-2.0
 *
 * left_out.c - see left_out.h.
 */
#include "left_out.h"

#include "ledger.h"

/* The entry that EVENT names by itself; 0: none. */
static uint64_t name_of(const struct tta_event *event)
{
	switch (event->kind) {
	case TTA_CB_ALLOC:
		return event->cb.entry;
	case TTA_CB_FREE:
		return event->program.cb_entry;
	case TTA_KERNEL_LOAD:
		return event->kernel.entry;
	case TTA_DEVICE_OPEN:
		return event->device_open.entry;
	case TTA_TENSOR:
		return event->tensor.entry;
	case TTA_ALLOC_FAILED:
		return event->failed.why_entry;
	case TTA_OPERATION_BEGIN:
		return event->range.entry;
	case TTA_NOTE:
	case TTA_PRODUCER:
	case TTA_SNAPSHOT:
		return event->text.entry;
	default:
		return 0;
	}
}

/* Whether ENTRY lies where no more of the table is read. */
static bool is_beyond(const struct ingest_table *table, uint64_t entry)
{
	return (uint32_t)entry != TTA_LEFT_OUT && ((uint32_t)entry & ~TTA_LEFT_OUT) >= table->most_bytes / 8;
}

static uint64_t arguments_of(const struct tta_event *event)
{
	return event->kind == TTA_OPERATION_BEGIN ? event->range.arguments_entry : 0;
}

void left_out_count(struct left_out *left_out, const struct tta_event *event, uint32_t thread_entry,
                    const struct ingest_table *table)
{
	uint64_t name = name_of(event), arguments = arguments_of(event);

	if (event->label & TTA_LEFT_OUT)
		(tta_is_event(event->kind) ? left_out->labels++ : left_out->marks_labels++);
	left_out->stacks += event->stack == TTA_LEFT_OUT;
	left_out->names += name == TTA_LEFT_OUT;
	left_out->arguments += arguments == TTA_LEFT_OUT;
	left_out->threads += thread_entry == TTA_LEFT_OUT;
	if (table->most_bytes)
		left_out->beyond += is_beyond(table, event->label) || is_beyond(table, event->stack) ||
		                    is_beyond(table, name) || is_beyond(table, arguments) ||
		                    is_beyond(table, thread_entry);
}

void left_out_count_here(struct left_out *left_out, const struct lacks *lacks)
{
	left_out->origins += lacks->origin;
	left_out->tensors += lacks->tensor;
	left_out->sizes += lacks->size;
}

void left_out_report(const struct left_out *left_out, struct ledger *ledger, struct process *process, uint64_t from_ns,
                     uint64_t to_ns)
{
	const struct {
		uint64_t count;
		const char *why;
	} kinds[] = {
	    {left_out->labels ? left_out->labels : left_out->marks_labels, "no room for labels"},
	    {left_out->stacks, "no room for call stacks"},
	    {left_out->modules, "no room for the libraries of call stacks"},
	    {left_out->names, "no room for names"},
	    {left_out->arguments, "no room for arguments of operations"},
	    {left_out->threads, "no room for threads"},
	    {left_out->beyond, "no room for so large a table of names in the recorder"},
	    {left_out->origins, "no room for more threads, labels and call stacks in the recorder"},
	    {left_out->tensors, "no room for more tensors of an operation in the recorder"},
	    {left_out->sizes, "no room for sizes from 256 TiB on in the recorder"},
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].count)
			ledger_loss(ledger, process, 0,
			            &(struct ingest_loss){.from_ns = from_ns,
			                                  .to_ns = to_ns,
			                                  .count = kinds[i].count,
			                                  .why = kinds[i].why,
			                                  .events_are_there = true});
}
