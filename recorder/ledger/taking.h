/* SPDX-License-Identifier: Apache-2.0
 *
 * taking.h - one event on its way in, and what the files that deal with its kinds share.
 */
#ifndef RECORDER_TAKING_H
#define RECORDER_TAKING_H

#include "entries.h"
#include "intake.h"
#include "ttalloc.h"

struct taking {
	struct intake *intake;
	struct process *process;
	const struct ingest_table *table;
	const struct tta_event *event;
	uint32_t thread_entry;
	uint64_t at_ns;
	int64_t key;
	uint64_t
	    refused; /* events of the batch that name more devices and regions than there can be, or no known kind */
};

struct chunk *taking_chunk(const struct taking *taking);
struct usage_change taking_change(const struct taking *taking);

/* The dictionary's id for something of (DEVICE, REGION) that this event did. */
uint32_t taking_origin(const struct taking *taking, uint32_t device, uint32_t region, uint8_t flags, uint8_t ended);

/* The usage that the event is about; 0: refused. */
uint32_t taking_usage(struct taking *taking, uint32_t region);

/* Whether closing DEVICE ends what the process has there. The host's memory is no device's, whatever number it has. */
static inline bool taking_closes(const struct usage *usage, uint32_t device)
{
	return usage->device == device && usage->region != TTALLOC_HOST;
}

/* A size that can be stored and added up. */
uint64_t taking_size(uint64_t size_bytes);

/* Logs an event without a row of its own kind: a free of nothing, a cb_free, and what happens to devices. */
void taking_log_other(struct taking *taking, uint64_t a);

/* take_block.c: blocks and kernels. */
void take_alloc(struct taking *taking);
void take_free(struct taking *taking, uint32_t region);
void take_failure(struct taking *taking);
void take_kernel(struct taking *taking);
void take_device_close_blocks(struct taking *taking);

/* take_cb.c: circular buffers. */
void take_cb_alloc(struct taking *taking);
void take_cb_free(struct taking *taking);
void take_program_run(struct taking *taking);
void take_device_close_cbs(struct taking *taking, uint32_t usage);

#endif
