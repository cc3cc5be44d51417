/* SPDX-License-Identifier: Apache-2.0
 *
 * event_context.h - one event on its way in, and what the files that deal with its kinds share.
 */
#ifndef RECORDER_EVENT_CONTEXT_H
#define RECORDER_EVENT_CONTEXT_H

#include "entries.h"
#include "ledger.h"
#include "left_out.h"
#include "ttalloc.h"

struct event_context {
	struct ledger *ledger;
	struct process *process;
	const struct ingest_table *table;
	const struct tta_event *event;
	uint32_t thread_entry;
	uint64_t at_ns;
	int64_t key;
	uint64_t refused; /* events of the batch that name more devices, regions or open ranges than there can be, or no
	                   * known kind */
	struct lacks *lacks; /* what the event loses here, for there is too much of it */
};

struct chunk *context_chunk(const struct event_context *context);
struct usage_change context_change(const struct event_context *context);

/* The dictionary's id for something of (PLACE, REGION) that this event did. PLACE: of ttalloc_on(). */
uint32_t context_attribution(const struct event_context *context, uint32_t place, uint32_t region, uint8_t flags,
                             uint8_t ended);

/* The total that the event is about; 0: refused. */
uint32_t context_region_total(struct event_context *context, uint32_t region);

/* Whether closing DEVICE ends what the process has there. The host's memory is no device's, whatever number it has. */
static inline bool context_closes(const struct region_total *total, uint32_t device)
{
	return total->device == device && total->region != TTALLOC_HOST;
}

/* A number that can be stored and added up. */
uint64_t context_size(uint64_t size_bytes);

/* The same of what the event is about: that it is larger is a loss. */
uint64_t context_size_of(struct event_context *context, uint64_t size_bytes);

/* Logs an event without a row of its own kind: a free of nothing, a cb_free, and what happens to devices. */
void context_log_other(struct event_context *context, uint64_t a);

/* apply_block.c: blocks and kernels. */
void apply_alloc(struct event_context *context);
void apply_free(struct event_context *context);
void apply_failure(struct event_context *context);
void apply_kernel(struct event_context *context);
void apply_device_close_blocks(struct event_context *context);
/* The key of the block that a tensor is in, which is one of SPEC if nobody said so before; 0: there is none. */
int64_t context_tensor_block(const struct event_context *context, uint32_t spec);

/* ranges.c: operations and labels. */
void apply_range_begin(struct event_context *context);
void apply_range_end(struct event_context *context);
void apply_tensor(struct event_context *context);

/* crosscheck.c: what allocators say of themselves. */
void apply_crosscheck(struct event_context *context);
void apply_crosscheck_holds(struct event_context *context);

/* apply_cb.c: circular buffers. */
void apply_cb_alloc(struct event_context *context);
void apply_cb_free(struct event_context *context);
void apply_program_run(struct event_context *context);
void apply_device_close_cbs(struct event_context *context, uint32_t total);

#endif
