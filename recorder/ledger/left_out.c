/* SPDX-License-Identifier: Apache-2.0
 *
 * left_out.c - see left_out.h.
 */
#include "left_out.h"

#include "ledger.h"

/* Whether what EVENT names by itself was left out. */
static bool lacks_name(const struct tta_event *event)
{
	switch (event->kind) {
	case TTA_CB_ALLOC:
		return event->cb.entry == TTA_LEFT_OUT;
	case TTA_CB_FREE:
		return event->program.cb_entry == TTA_LEFT_OUT;
	case TTA_KERNEL_LOAD:
		return event->kernel.entry == TTA_LEFT_OUT;
	case TTA_DEVICE_OPEN:
		return event->device_open.entry == TTA_LEFT_OUT;
	case TTA_TENSOR:
		return event->tensor.entry == TTA_LEFT_OUT;
	case TTA_ALLOC_FAILED:
		return event->failed.why_entry == TTA_LEFT_OUT;
	case TTA_OPERATION_BEGIN:
		return event->range.entry == TTA_LEFT_OUT;
	case TTA_NOTE:
	case TTA_PRODUCER:
	case TTA_SNAPSHOT:
		return event->text.entry == TTA_LEFT_OUT;
	default:
		return false;
	}
}

void left_out_count(struct left_out *left_out, const struct tta_event *event, uint32_t thread_entry)
{
	if (event->label & TTA_LEFT_OUT)
		(tta_is_event(event->kind) ? left_out->labels++ : left_out->marks_labels++);
	left_out->stacks += event->stack == TTA_LEFT_OUT;
	left_out->names += lacks_name(event);
	left_out->arguments += event->kind == TTA_OPERATION_BEGIN && event->range.arguments_entry == TTA_LEFT_OUT;
	left_out->threads += thread_entry == TTA_LEFT_OUT;
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
