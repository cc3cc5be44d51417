/* SPDX-License-Identifier: Apache-2.0
 *
 * process.c - the processes of a recording, their usages, and the totals over all of them.
 */
#include <string.h>

#include "intake.h"

static uint64_t segment_hash(const uint8_t *segment_id)
{
	return hash_bytes(segment_id, TTA_ID_BYTES, 0);
}

struct process *process_find(const struct intake *intake, const uint8_t *segment_id)
{
	uint64_t hash = segment_hash(segment_id);

	INDEX_EACH_MATCH(&intake->process_index, hash, at, ref)
	{
		if (memcmp(intake->processes[ref - 1]->segment_id, segment_id, TTA_ID_BYTES) == 0)
			return intake->processes[ref - 1];
	}
	return NULL;
}

struct process *process_by_id(const struct intake *intake, uint32_t id)
{
	return id && id <= intake->process_count ? intake->processes[id - 1] : NULL;
}

struct process *process_new(struct intake *intake, const uint8_t *segment_id)
{
	struct process *process = memory_zeroed(sizeof(*process));

	intake->processes = memory_room(intake->processes, intake->process_count, &intake->process_capacity,
	                                sizeof(*intake->processes));
	intake->processes[intake->process_count++] = process;
	process->id = (uint32_t)intake->process_count;
	memcpy(process->segment_id, segment_id, TTA_ID_BYTES);
	process->holdings = memory_zeroed(sizeof(*process->holdings));
	index_add(&intake->process_index, segment_hash(segment_id), process->id);
	return process;
}

void process_touch(struct intake *intake, struct process *process)
{
	if (process->chunk == intake->chunk->serial)
		return;
	process->chunk = intake->chunk->serial;
	intake->touched =
	    memory_room(intake->touched, intake->touched_count, &intake->touched_capacity, sizeof(*intake->touched));
	intake->touched[intake->touched_count++] = process->id;
}

void process_drop_holdings(struct process *process)
{
	struct holdings *holdings = process->holdings;

	if (!holdings)
		return;
	ledger_free(&holdings->ledger);
	cbs_free(&holdings->cbs);
	free(holdings->usages);
	index_free(&holdings->usage_index);
	free(holdings->origins);
	index_free(&holdings->origin_index);
	stacks_free(&holdings->stacks);
	index_free(&holdings->addresses);
	free(holdings);
	process->holdings = NULL;
}

/* ---- usages ---- */

static uint64_t usage_hash(uint32_t device, uint32_t region)
{
	return hash_mix((uint64_t)device << 32 | region);
}

uint32_t process_find_usage(const struct holdings *holdings, uint32_t device, uint32_t region)
{
	INDEX_EACH_MATCH(&holdings->usage_index, usage_hash(device, region), at, ref)
	{
		if (holdings->usages[ref - 1].device == device && holdings->usages[ref - 1].region == region)
			return ref;
	}
	return 0;
}

static uint32_t joint_number(struct intake *intake, uint32_t device, uint32_t region)
{
	uint64_t hash = usage_hash(device, region);

	INDEX_EACH_MATCH(&intake->joint_index, hash, at, ref)
	{
		if (intake->joints[ref - 1].device == device && intake->joints[ref - 1].region == region)
			return ref;
	}
	intake->joints =
	    memory_room(intake->joints, intake->joint_count, &intake->joint_capacity, sizeof(*intake->joints));
	intake->joints[intake->joint_count++] = (struct joint_place){.device = device, .region = region};
	index_add(&intake->joint_index, hash, (uint32_t)intake->joint_count);
	return (uint32_t)intake->joint_count;
}

uint32_t process_usage(struct intake *intake, struct process *process, uint32_t device, uint32_t region)
{
	struct holdings *holdings = process->holdings;
	uint32_t number = process_find_usage(holdings, device, region);
	struct usage *usage;

	if (number)
		return number;
	if (holdings->usage_count == MOST_USAGES)
		return 0;
	holdings->usages =
	    memory_room(holdings->usages, holdings->usage_count, &holdings->usage_capacity, sizeof(*holdings->usages));
	usage = &holdings->usages[holdings->usage_count++];
	usage_begin(usage, device, region);
	usage->joint = joint_number(intake, device, region);
	index_add(&holdings->usage_index, usage_hash(device, region), (uint32_t)holdings->usage_count);
	return (uint32_t)holdings->usage_count;
}

/* ---- totals ---- */

void intake_change(struct intake *intake, uint32_t joint, const struct usage_change *change)
{
	struct joint_place *place = &intake->joints[joint - 1];
	struct chunk *chunk = intake->chunk;
	struct piece *piece;

	if (intake->devices && !process_by_id(intake, change->process)->old_client)
		devices_change(intake->devices, place->device, place->region, change->bytes);
	if (place->chunk == chunk->serial) {
		piece = &chunk->pieces.rows[place->piece];
		if (piece_may_grow(piece->from_ns, piece->changes, change->at_ns, 1)) {
			piece_add(piece, change);
			return;
		}
	}
	piece_begin(CHUNK_ADD(&chunk->pieces), place->device, place->region, change);
	place->chunk = chunk->serial;
	place->piece = chunk->pieces.count - 1;
}

void process_change(struct intake *intake, struct process *process, uint32_t usage, const struct usage_change *change)
{
	struct usage *place = &process->holdings->usages[usage - 1];

	usage_add(place, change);
	place->chunk = intake->chunk->serial;
	intake_change(intake, place->joint, change);
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

void process_remember_address(struct process *process, uint64_t address, bool kernel)
{
	uint64_t hash = address_hash(address, kernel);

	if (process->holdings->addresses.count < MOST_ADDRESSES && !has_address(process, hash))
		index_add(&process->holdings->addresses, hash, (uint32_t)(hash >> 32 | 1));
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

void process_log_state(const struct intake *intake, struct process *process, struct rowlog *log)
{
	struct holdings *holdings = process->holdings;

	rowlog_begin(log, ROW_PROCESS_STATE);
	rowlog_integer(log, process->id);
	rowlog_string(log, process->ended ? "" : NULL);
	rowlog_optional(log, process->ended ? (int64_t)process->ended_ns : -1, -1);
	rowlog_string(log, process->ended);
	rowlog_optional(log, (int64_t)process->first_number, 0);
	rowlog_integer(log, (int64_t)process->taken_number);
	rowlog_integer(log, (int64_t)process->events);
	rowlog_integer(log, (int64_t)process->failures);
	rowlog_integer(log, (int64_t)process->lost);
	rowlog_integer(log, (int64_t)process->unmatched_frees);
	rowlog_integer(log, (int64_t)process->inherited_frees);
	rowlog_integer(log, (int64_t)process->replaced);
	for (size_t i = 0; holdings && i < holdings->usage_count; i++)
		if (holdings->usages[i].chunk == intake->chunk->serial)
			usage_log(&holdings->usages[i], process->id, log);
}
