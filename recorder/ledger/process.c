/* SPDX-License-Identifier: Apache-2.0
 *
 * process.c - the processes of a recording, their region totals, and the totals over all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

static uint64_t segment_hash(const uint8_t *segment_id)
{
	return hash_bytes(segment_id, TTA_ID_BYTES, 0);
}

struct process *process_find(const struct ledger *ledger, const uint8_t *segment_id)
{
	uint64_t hash = segment_hash(segment_id);

	INDEX_EACH_MATCH(&ledger->process_index, hash, at, ref)
	{
		if (memcmp(ledger->processes[ref - 1]->segment_id, segment_id, TTA_ID_BYTES) == 0)
			return ledger->processes[ref - 1];
	}
	return NULL;
}

struct process *process_by_id(const struct ledger *ledger, uint32_t id)
{
	return id && id <= ledger->process_count ? ledger->processes[id - 1] : NULL;
}

struct process *process_new(struct ledger *ledger, const uint8_t *segment_id)
{
	struct process *process = memory_zeroed(sizeof(*process));

	ledger->processes = memory_room(ledger->processes, ledger->process_count, &ledger->process_capacity,
	                                sizeof(*ledger->processes));
	ledger->processes[ledger->process_count++] = process;
	process->id = (uint32_t)ledger->process_count;
	memcpy(process->segment_id, segment_id, TTA_ID_BYTES);
	process->holdings = memory_zeroed(sizeof(*process->holdings));
	index_add(&ledger->process_index, segment_hash(segment_id), process->id);
	return process;
}

void process_skip(struct ledger *ledger, uint32_t last_id)
{
	static const uint8_t nobody[TTA_ID_BYTES];

	while (ledger->process_count < last_id) {
		struct process *process = process_new(ledger, nobody);

		process->ended = "process exit";
		process->ended_committed = true;
		process_drop_holdings(process);
	}
}

void process_touch(struct ledger *ledger, struct process *process)
{
	if (process->chunk == ledger->chunk->serial)
		return;
	process->chunk = ledger->chunk->serial;
	ledger->touched =
	    memory_room(ledger->touched, ledger->touched_count, &ledger->touched_capacity, sizeof(*ledger->touched));
	ledger->touched[ledger->touched_count++] = process->id;
}

void process_drop_holdings(struct process *process)
{
	struct holdings *holdings = process->holdings;

	if (!holdings)
		return;
	blocks_free(&holdings->blocks);
	cbs_free(&holdings->cbs);
	for (size_t i = 0; i < holdings->region_total_count; i++)
		free(holdings->region_totals[i].cores);
	free(holdings->region_totals);
	index_free(&holdings->region_total_index);
	free(holdings->attributions);
	index_free(&holdings->attribution_index);
	stacks_free(&holdings->stacks);
	ranges_free(&holdings->ranges);
	crosscheck_free(&holdings->crosscheck);
	served_cores_free(&holdings->cores);
	index_free(&holdings->addresses);
	free(holdings);
	process->holdings = NULL;
}

/* ---- region totals ---- */

static uint64_t place_hash(uint32_t device, uint32_t region)
{
	return hash_mix((uint64_t)device << 32 | region);
}

uint32_t process_find_region_total(const struct holdings *holdings, uint32_t device, uint32_t region)
{
	INDEX_EACH_MATCH(&holdings->region_total_index, place_hash(device, region), at, ref)
	{
		if (holdings->region_totals[ref - 1].device == device &&
		    holdings->region_totals[ref - 1].region == region)
			return ref;
	}
	return 0;
}

static uint32_t region_number(struct ledger *ledger, uint32_t device, uint32_t region)
{
	uint64_t hash = place_hash(device, region);

	INDEX_EACH_MATCH(&ledger->region_index, hash, at, ref)
	{
		if (ledger->regions[ref - 1].device == device && ledger->regions[ref - 1].region == region)
			return ref;
	}
	ledger->regions =
	    memory_room(ledger->regions, ledger->region_count, &ledger->region_capacity, sizeof(*ledger->regions));
	ledger->regions[ledger->region_count++] = (struct region_place){.device = device, .region = region};
	index_add(&ledger->region_index, hash, (uint32_t)ledger->region_count);
	return (uint32_t)ledger->region_count;
}

uint32_t process_region_total(struct ledger *ledger, struct process *process, uint32_t device, uint32_t region)
{
	struct holdings *holdings = process->holdings;
	uint32_t number = process_find_region_total(holdings, device, region);
	struct region_total *total;

	if (number)
		return number;
	if (holdings->region_total_count == MOST_REGION_TOTALS)
		return 0;
	holdings->region_totals = memory_room(holdings->region_totals, holdings->region_total_count,
	                                      &holdings->region_total_capacity, sizeof(*holdings->region_totals));
	total = &holdings->region_totals[holdings->region_total_count++];
	region_total_begin(total, device, region);
	total->ledger_region = region_number(ledger, device, region);
	index_add(&holdings->region_total_index, place_hash(device, region), (uint32_t)holdings->region_total_count);
	return (uint32_t)holdings->region_total_count;
}

/* ---- totals ---- */

void ledger_change(struct ledger *ledger, uint32_t region, const struct usage_change *change)
{
	struct region_place *place = &ledger->regions[region - 1];
	struct chunk *chunk = ledger->chunk;
	struct delta *delta;

	if (ledger->observer && !process_by_id(ledger, change->process)->unobserved)
		ledger->observer->changed(ledger->observer->context, place->device, place->region, change->bytes);
	if (place->chunk == chunk->serial) {
		delta = &chunk->deltas.rows[place->delta];
		if (delta_may_grow(delta->from_ns, delta->changes, change->at_ns, 1)) {
			delta_add(delta, change);
			return;
		}
	}
	delta_begin(CHUNK_ADD(&chunk->deltas), place->device, place->region, change);
	place->chunk = chunk->serial;
	place->delta = chunk->deltas.count - 1;
}

void process_change(struct ledger *ledger, struct process *process, uint32_t total, const struct usage_change *change)
{
	struct region_total *place = &process->holdings->region_totals[total - 1];

	region_total_add(place, change);
	place->chunk = ledger->chunk->serial;
	ledger_change(ledger, place->ledger_region, change);
}

/* ---- addresses that a forked process has had itself: kept as 63 bits of hash ---- */

static uint64_t address_hash(uint64_t address, bool kernel)
{
	return hash_pair(address, kernel);
}

static bool has_address(const struct process *process, uint64_t hash)
{
	INDEX_EACH_MATCH(&process->holdings->addresses, hash, at, ref)
	{
		if (ref == (uint32_t)(hash >> 32 | 1))
			return true;
	}
	return false;
}

bool process_remember_address(struct process *process, uint64_t address, bool kernel)
{
	uint64_t hash = address_hash(address, kernel);
	bool is_known = has_address(process, hash);

	if (!is_known && process->holdings->addresses.count == MOST_ADDRESSES)
		return false;
	if (!is_known)
		index_add(&process->holdings->addresses, hash, (uint32_t)(hash >> 32 | 1));
	return true;
}

bool process_inherited(const struct process *process, uint64_t address, bool kernel)
{
	return process->forked && !has_address(process, address_hash(address, kernel));
}

/* ---- who reports ---- */

void process_note_producer(struct process *process, const char *producers, size_t bytes)
{
	static const char *const hooks[] = {"preload", "drop-in"};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		process->hooked |= memmem(producers, bytes, hooks[i], strlen(hooks[i])) != NULL;
}

/* ---- rows ---- */

void segment_id_format(const uint8_t *segment_id, char text[2 * TTA_ID_BYTES + 1])
{
	for (unsigned i = 0; i < TTA_ID_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", segment_id[i]);
}

bool segment_id_parse(const char *text, size_t bytes, uint8_t *segment_id)
{
	unsigned value;

	for (size_t i = 0; i < TTA_ID_BYTES; i++) {
		if (2 * i + 2 > bytes || sscanf(text + 2 * i, "%2x", &value) != 1)
			return false;
		segment_id[i] = (uint8_t)value;
	}
	return bytes == 2 * TTA_ID_BYTES;
}

void process_log_state(const struct ledger *ledger, struct process *process, struct rowlog *log)
{
	struct holdings *holdings = process->holdings;

	rowlog_process_state(log,
	                     &(struct process_state_row){.id = process->id,
	                                                 .segment_path = row_string(process->ended ? "" : NULL),
	                                                 .ended_ns = process->ended ? (int64_t)process->ended_ns : -1,
	                                                 .ended = row_string(process->ended),
	                                                 .first_number = process->first_number,
	                                                 .committed_number = process->taken_number,
	                                                 .events = process->events,
	                                                 .failures = process->failures,
	                                                 .lost = process->lost,
	                                                 .unmatched_frees = process->unmatched_frees,
	                                                 .inherited_frees = process->inherited_frees,
	                                                 .replaced = process->replaced});
	for (size_t i = 0; holdings && i < holdings->region_total_count; i++)
		if (holdings->region_totals[i].chunk == ledger->chunk->serial)
			region_total_log(&holdings->region_totals[i], process->id, log);
}
