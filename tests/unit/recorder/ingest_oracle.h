/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest_oracle.h - what a recording must contain, worked out by brute force: plain arrays, linear searches, and every
 * total summed up again from a sorted list of changes. It shares no code with the recorder.
 */
#ifndef INGEST_ORACLE_H
#define INGEST_ORACLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ttalloc.h"
#include "ttalloc/event.h"

#define ORACLE_PROCESSES 4

struct oracle_event {
	uint8_t kind, flags;
	uint16_t region, allocator;
	bool one;                                        /* a cb_free of number alone */
	uint32_t device, number;                         /* number: index of a circular buffer */
	uint64_t at_ns, address, size_bytes, bank_bytes; /* address: program, for those kinds */
};

/* A block, a circular buffer or a kernel: from when to when. */
struct oracle_block {
	uint32_t process, device, number;
	uint16_t region, allocator;
	uint8_t flags;
	bool cb;
	uint64_t address, program, size_bytes, bank_bytes, alloc_ns, end_ns;
	int64_t key, end_key;
	const char *ended; /* NULL: live */
};

struct oracle_change {
	uint64_t at_ns;
	uint32_t process, device;
	uint16_t region;
	int64_t key, bytes, bank_bytes, blocks, allocs, frees;
};

struct oracle_process {
	uint64_t events, failures, unmatched, inherited, replaced, last_ns, ended_ns;
	bool forked, ended;
	uint64_t *had; /* addresses, and ids of kernels, that it had itself */
	size_t had_count;
	bool ran[4];
	uint64_t program[4]; /* that ran last; before any ran, that placed a circular buffer last */
	int64_t resident[4], resident_blocks[4];
};

struct oracle {
	struct oracle_block *blocks;
	struct oracle_change *changes;
	size_t block_count, change_count, runs, others;
	int64_t next_key;
	struct oracle_process processes[ORACLE_PROCESSES];
};

static inline void oracle_begin(struct oracle *oracle, size_t events)
{
	*oracle = (struct oracle){.next_key = 1};
	oracle->blocks = calloc(events, sizeof(*oracle->blocks));
	oracle->changes = calloc(2 * events + 64, sizeof(*oracle->changes));
	for (int i = 0; i < ORACLE_PROCESSES; i++)
		oracle->processes[i].had = calloc(events, sizeof(uint64_t));
}

static inline void oracle_end(struct oracle *oracle)
{
	for (int i = 0; i < ORACLE_PROCESSES; i++)
		free(oracle->processes[i].had);
	free(oracle->blocks);
	free(oracle->changes);
}

static inline struct oracle_change *oracle_change(struct oracle *oracle, uint32_t process, uint64_t at_ns, int64_t key,
                                                  uint32_t device, uint16_t region)
{
	struct oracle_change *change = &oracle->changes[oracle->change_count++];

	*change =
	    (struct oracle_change){.at_ns = at_ns, .process = process, .key = key, .device = device, .region = region};
	return change;
}

#define ORACLE_ANY_ALLOCATOR UINT32_MAX

/* The youngest live block that fits; ANY fits all, but a kernel's id is no address. */
static inline struct oracle_block *oracle_find(struct oracle *oracle, uint32_t process,
                                               const struct oracle_event *event, uint32_t allocator)
{
	uint32_t device = event->device, region = event->region;
	bool any = device == TTALLOC_ANY || region == TTALLOC_ANY;
	struct oracle_block *found = NULL;

	for (size_t i = 0; i < oracle->block_count; i++) {
		struct oracle_block *block = &oracle->blocks[i];

		if (block->cb || block->ended || block->process != process || block->address != event->address)
			continue;
		if (!any && allocator != ORACLE_ANY_ALLOCATOR && block->allocator != allocator)
			continue;
		if ((device != TTALLOC_ANY && block->device != device) ||
		    (region != TTALLOC_ANY && block->region != region) || (any && block->region == TTALLOC_KERNEL))
			continue;
		if (!found || block->key > found->key)
			found = block;
	}
	return found;
}

static inline void oracle_finish(struct oracle_block *block, const char *ended, uint64_t at_ns, int64_t key)
{
	block->ended = ended;
	block->end_ns = at_ns;
	block->end_key = key;
}

static inline void oracle_free_block(struct oracle *oracle, struct oracle_block *block, const char *ended,
                                     uint64_t at_ns, int64_t key)
{
	struct oracle_change *change = oracle_change(oracle, block->process, at_ns, key, block->device, block->region);

	oracle_finish(block, ended, at_ns, key);
	change->frees = strcmp(ended, "freed") == 0;
	if (block->flags & TTALLOC_ALIASED)
		return;
	change->bytes = -(int64_t)block->size_bytes;
	change->bank_bytes = -(int64_t)block->bank_bytes;
	change->blocks = -1;
}

/* Sums up the resident circular buffers of a device again, and notes what changed. */
static inline void oracle_settle(struct oracle *oracle, uint32_t process, uint32_t device, uint64_t at_ns, int64_t key,
                                 int64_t allocs, int64_t frees)
{
	struct oracle_process *owner = &oracle->processes[process];
	int64_t bytes = 0, blocks = 0;
	struct oracle_change *change;

	for (size_t i = 0; i < oracle->block_count; i++) {
		const struct oracle_block *cb = &oracle->blocks[i];

		if (!cb->cb || cb->ended || cb->process != process || cb->device != device ||
		    (cb->flags & TTALLOC_ALIASED) || cb->program != owner->program[device])
			continue;
		bytes += (int64_t)cb->size_bytes;
		blocks++;
	}
	if (bytes == owner->resident[device] && blocks == owner->resident_blocks[device] && !allocs && !frees)
		return;
	change = oracle_change(oracle, process, at_ns, key, device, TTALLOC_CB);
	change->bytes = change->bank_bytes = bytes - owner->resident[device];
	change->blocks = blocks - owner->resident_blocks[device];
	change->allocs = allocs;
	change->frees = frees;
	owner->resident[device] = bytes;
	owner->resident_blocks[device] = blocks;
}

static inline uint64_t oracle_name(const struct oracle_event *event)
{
	return event->address | (uint64_t)(event->region == TTALLOC_KERNEL) << 63;
}

static inline void oracle_alloc(struct oracle *oracle, uint32_t process, const struct oracle_event *event)
{
	struct oracle_process *owner = &oracle->processes[process];
	struct oracle_block *old = oracle_find(oracle, process, event, event->allocator);
	struct oracle_block *block = &oracle->blocks[oracle->block_count];
	struct oracle_change *change;

	if (old) {
		oracle_free_block(oracle, old, "replaced", event->at_ns, oracle->next_key++);
		owner->replaced++;
	}
	owner->had[owner->had_count++] = oracle_name(event);
	*block = (struct oracle_block){
	    .process = process,
	    .device = event->device,
	    .region = event->region,
	    .allocator = event->allocator,
	    .flags = event->flags,
	    .address = event->address,
	    .size_bytes = event->size_bytes,
	    .bank_bytes = event->bank_bytes ? event->bank_bytes : event->size_bytes,
	    .alloc_ns = event->at_ns,
	    .key = oracle->next_key++,
	};
	oracle->block_count++;
	change = oracle_change(oracle, process, event->at_ns, block->key, event->device, event->region);
	change->allocs = 1;
	if (event->flags & TTALLOC_ALIASED)
		return;
	change->bytes = (int64_t)block->size_bytes;
	change->bank_bytes = (int64_t)block->bank_bytes;
	change->blocks = 1;
}

static inline void oracle_free(struct oracle *oracle, uint32_t process, const struct oracle_event *event)
{
	struct oracle_process *owner = &oracle->processes[process];
	struct oracle_block *block =
	    oracle_find(oracle, process, event, event->allocator ? event->allocator : ORACLE_ANY_ALLOCATOR);
	bool had = false;
	int64_t key = oracle->next_key++;

	if (block) {
		oracle_free_block(oracle, block, "freed", event->at_ns, key);
		return;
	}
	for (size_t i = 0; i < owner->had_count; i++)
		had |= owner->had[i] == oracle_name(event);
	if (owner->forked && !had)
		owner->inherited++;
	else
		owner->unmatched++;
	oracle->others++;
}

static inline void oracle_cb_alloc(struct oracle *oracle, uint32_t process, const struct oracle_event *event,
                                   uint64_t program)
{
	struct oracle_block *cb = &oracle->blocks[oracle->block_count];

	for (size_t i = 0; i < oracle->block_count; i++) {
		struct oracle_block *old = &oracle->blocks[i];

		if (!old->cb || old->ended || old->process != process || old->device != event->device ||
		    old->program != program || old->number != event->number)
			continue;
		oracle_finish(old, "replaced", event->at_ns, oracle->next_key++);
		oracle->processes[process].replaced++;
	}
	*cb = (struct oracle_block){
	    .process = process,
	    .device = event->device,
	    .region = TTALLOC_CB,
	    .cb = true,
	    .flags = event->flags,
	    .address = event->address,
	    .program = program,
	    .number = event->number,
	    .size_bytes = event->size_bytes,
	    .alloc_ns = event->at_ns,
	    .key = oracle->next_key++,
	};
	oracle->block_count++;
	if (!oracle->processes[process].ran[event->device])
		oracle->processes[process].program[event->device] = program;
	oracle_settle(oracle, process, event->device, event->at_ns, cb->key, 1, 0);
}

static inline void oracle_cb_free(struct oracle *oracle, uint32_t process, const struct oracle_event *event)
{
	int64_t frees = 0, key = oracle->next_key++;

	for (size_t i = 0; i < oracle->block_count; i++) {
		struct oracle_block *cb = &oracle->blocks[i];

		if (!cb->cb || cb->ended || cb->process != process || cb->device != event->device ||
		    cb->program != event->address || (event->one && cb->number != event->number))
			continue;
		oracle_finish(cb, "freed", event->at_ns, key);
		frees++;
	}
	oracle->others++;
	oracle_settle(oracle, process, event->device, event->at_ns, key, 0, frees);
}

static inline void oracle_device_close(struct oracle *oracle, uint32_t process, const struct oracle_event *event)
{
	int64_t key = oracle->next_key++;

	oracle->others++;
	for (size_t i = 0; i < oracle->block_count; i++) {
		struct oracle_block *block = &oracle->blocks[i];
		struct oracle_change *change;

		if (block->ended || block->process != process || block->device != event->device ||
		    block->region == TTALLOC_HOST)
			continue;
		if (event->allocator && (block->cb || block->allocator != event->allocator))
			continue;
		oracle_finish(block, "device close", event->at_ns, key);
		if (block->cb || (block->flags & TTALLOC_ALIASED))
			continue;
		change = oracle_change(oracle, process, event->at_ns, key, block->device, block->region);
		change->bytes = -(int64_t)block->size_bytes;
		change->bank_bytes = -(int64_t)block->bank_bytes;
		change->blocks = -1;
	}
	oracle_settle(oracle, process, event->device, event->at_ns, key, 0, 0);
}

/* Takes one event, in the order of delivery: keys follow it. */
static inline void oracle_take(struct oracle *oracle, uint32_t process, const struct oracle_event *event,
                               uint64_t program)
{
	struct oracle_process *owner = &oracle->processes[process];

	owner->last_ns = event->at_ns;
	owner->events += event->kind < TTA_STEP;
	switch (event->kind) {
	case TTA_ALLOC:
	case TTA_KERNEL_LOAD:
		oracle_alloc(oracle, process, event);
		break;
	case TTA_FREE:
	case TTA_KERNEL_UNLOAD:
		oracle_free(oracle, process, event);
		break;
	case TTA_CB_ALLOC:
		oracle_cb_alloc(oracle, process, event, program);
		break;
	case TTA_CB_FREE:
		oracle_cb_free(oracle, process, event);
		break;
	case TTA_PROGRAM_RUN:
		owner->ran[event->device] = true;
		owner->program[event->device] = event->address;
		oracle->runs++;
		oracle_settle(oracle, process, event->device, event->at_ns, oracle->next_key++, 0, 0);
		break;
	case TTA_DEVICE_CLOSE:
		oracle_device_close(oracle, process, event);
		break;
	case TTA_ALLOC_FAILED:
		owner->failures++;
		oracle->next_key++;
		break;
	default:
		oracle->next_key++;
	}
}

static inline void oracle_process_ended(struct oracle *oracle, uint32_t process, uint64_t at_ns)
{
	struct oracle_process *owner = &oracle->processes[process];

	owner->ended = true;
	owner->ended_ns = at_ns > owner->last_ns ? at_ns : owner->last_ns + 1;
	for (size_t i = 0; i < oracle->block_count; i++) {
		const struct oracle_block *block = &oracle->blocks[i];
		struct oracle_change *change;

		if (block->cb || block->ended || block->process != process || (block->flags & TTALLOC_ALIASED))
			continue;
		change = oracle_change(oracle, process, owner->ended_ns, INT64_MAX, block->device, block->region);
		change->bytes = -(int64_t)block->size_bytes;
		change->bank_bytes = -(int64_t)block->bank_bytes;
		change->blocks = -1;
	}
	for (uint32_t device = 0; device < 4; device++) {
		struct oracle_change *change =
		    oracle_change(oracle, process, owner->ended_ns, INT64_MAX, device, TTALLOC_CB);

		change->bytes = change->bank_bytes = -owner->resident[device];
		change->blocks = -owner->resident_blocks[device];
	}
}

static inline int oracle_compare(const void *a, const void *b)
{
	const struct oracle_change *left = a, *right = b;

	if (left->at_ns != right->at_ns)
		return left->at_ns < right->at_ns ? -1 : 1;
	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	return (left->key > right->key) - (left->key < right->key);
}

/* Puts all changes into the order of the recording. */
static inline void oracle_sort(struct oracle *oracle)
{
	qsort(oracle->changes, oracle->change_count, sizeof(*oracle->changes), oracle_compare);
}

#endif
