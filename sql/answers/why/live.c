/* SPDX-License-Identifier: Apache-2.0
 *
 * live.c - which blocks were live at the moment that is asked about.
 */
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/replay/replay.h"
#include "private.h"

struct collecting {
	struct why *why;
	struct owners owners;
	const struct catalog *catalog;
	const struct why_bank *bank;
	struct why_moment *moment;
	struct place place; /* of STOP_AT_PLACE */
	uint64_t used_bytes;
	bool lives; /* at the recording's end, the block that is looked for */
	bool failed;
};

/* BYTES rounded up to whole units. */
static uint64_t in_units(const struct why_bank *bank, uint64_t bytes)
{
	uint64_t rest = bytes % bank->unit;

	return rest && bytes <= UINT64_MAX - bank->unit ? bytes + bank->unit - rest : bytes;
}

/* ADDRESS as a whole number of units from the bank's beginning, within the bank. */
static uint64_t within(const struct why_bank *bank, uint64_t address, bool up)
{
	if (address <= bank->low)
		return bank->low;
	if (address >= bank->high)
		return bank->high;
	uint64_t offset = address - bank->low;
	offset = up ? in_units(bank, offset) : offset - offset % bank->unit;
	return offset < bank->high - bank->low ? bank->low + offset : bank->high;
}

static void place_block(const struct why_bank *bank, struct why_block *block)
{
	uint64_t address = (uint64_t)block->address, bytes = (uint64_t)block->bank_bytes;

	block->start = within(bank, address, false);
	block->end = within(bank, bytes > UINT64_MAX - address ? UINT64_MAX : address + bytes, true);
}

static uint64_t used_by(const struct collecting *collecting, const struct replay_block *block)
{
	return collecting->catalog->origins[block->origin].aliased
	           ? 0
	           : in_units(collecting->bank, (uint64_t)block->bank_bytes);
}

static void add_used(const struct replay_block *block, void *context)
{
	struct collecting *collecting = context;

	collecting->used_bytes += used_by(collecting, block);
	collecting->lives |= (uint64_t)block->address == collecting->moment->address;
}

static void add_block(const struct replay_block *block, void *context)
{
	struct collecting *collecting = context;
	struct why *why = collecting->why;

	const struct catalog_origin *origin = &collecting->catalog->origins[block->origin];

	if (collecting->failed || block->bank_bytes <= 0 || owners_apart(&collecting->moment->asker, origin))
		return;
	why->on_cores |= origin->cores != NULL;
	if (!owners_know(&collecting->owners, &collecting->moment->asker, collecting->catalog, origin)) {
		why->unknown_bytes += (int64_t)used_by(collecting, block);
		return;
	}
	if (array_reserve(&why->blocks, &why->block_capacity, why->block_count) < 0) {
		collecting->failed = true;
		return;
	}
	struct why_block *added = &why->blocks[why->block_count++];
	*added = (struct why_block){.key = block->alloc_key,
	                            .origin = block->origin,
	                            .address = block->address,
	                            .size_bytes = block->size_bytes,
	                            .bank_bytes = block->bank_bytes,
	                            .alloc_ns = block->alloc_ns,
	                            .aliased = origin->aliased};
	place_block(collecting->bank, added);
}

/* By what they take up of the bank; what is outside of it is not free space either way. */
static int by_address(const void *a, const void *b)
{
	const struct why_block *first = a, *second = b;

	if (first->start != second->start)
		return first->start < second->start ? -1 : 1;
	if (first->end != second->end)
		return first->end < second->end ? -1 : 1;
	return (first->key > second->key) - (first->key < second->key);
}

/* Whether what EVENT did is part of the moment, so that nothing more is undone. */
static bool is_reached(struct collecting *collecting, const struct replay_event *event)
{
	struct why_moment *moment = collecting->moment;
	struct place place = {event->at_ns, event->process, event->key};

	switch (moment->stop) {
	case STOP_AT_PLACE:
		return !place_is_before(collecting->place, place);
	case STOP_AT_USED:
		return collecting->used_bytes == moment->used_bytes;
	case STOP_AT_ALLOC:
		return event->is_alloc;
	case STOP_BEFORE_END_OF:
		return event->is_alloc && (uint64_t)event->block->address == moment->address;
	}
	return true;
}

/* The moment is after EVENT, and before what is UNDONE. */
static void take_place(struct collecting *collecting, const struct replay_event *event, struct place undone)
{
	struct why_moment *moment = collecting->moment;

	moment->found = true;
	if (moment->stop == STOP_AT_PLACE)
		return;
	moment->until = undone;
	moment->at_ns = event->at_ns;
	moment->process = collecting->catalog->processes[event->process].id;
	moment->key = event->key;
}

static int rewind_to(struct collecting *collecting, struct replay *replay, struct sql_error *error)
{
	struct why_moment *moment = collecting->moment;
	struct replay_event event;
	struct place undone = {INT64_MAX, INT64_MAX, INT64_MAX};
	bool ended; /* the block that is looked for lives now */
	int state;

	replay_each(replay, add_used, collecting);
	ended = moment->stop == STOP_BEFORE_END_OF && collecting->lives;
	while ((state = replay_peek(replay, &event, error)) == 1) {
		uint64_t used = used_by(collecting, event.block);
		struct place place = {event.at_ns, event.process, event.key};

		/* a close of a device, or an end of a process, is one event that ends many blocks */
		if (place_is_before(place, undone) && (ended || is_reached(collecting, &event))) {
			take_place(collecting, &event, undone);
			return 0;
		}
		undone = place;
		ended |= moment->stop == STOP_BEFORE_END_OF && !event.is_alloc &&
		         (uint64_t)event.block->address == moment->address;
		collecting->used_bytes += event.is_alloc ? 0 - used : used;
		if (replay_undo(replay, error) < 0)
			return -1;
	}
	return state;
}

/* The index of the process of that id, in the order in which places are compared. */
static int64_t process_index(const struct catalog *catalog, int64_t id)
{
	for (size_t i = 0; i < catalog->process_count; i++)
		if (catalog->processes[i].id == id)
			return (int64_t)i;
	return INT64_MAX;
}

int why_collect(struct recording *recording, const struct why_bank *bank, struct why_moment *moment, struct why *why,
                struct sql_error *error)
{
	struct catalog catalog = {0};
	struct filter filter = filter_all();
	struct replay *replay = NULL;
	int result = -1;

	filter.has_device = filter.has_region = true;
	filter.device = why->device;
	filter.region = why->region;
	struct collecting collecting = {.why = why, .catalog = &catalog, .bank = bank, .moment = moment};

	why->block_count = 0;
	why->unknown_bytes = 0;
	if (catalog_load(&catalog, recording, &filter, false, error) < 0 ||
	    owners_load(&collecting.owners, recording, error) < 0)
		goto cleanup;
	moment->asker.cores =
	    catalog_cores(&catalog, moment->asker.process, moment->asker.device, moment->asker.allocator);
	why->on_cores = moment->asker.cores != NULL;
	collecting.place = (struct place){moment->at_ns, process_index(&catalog, moment->process), moment->key};
	moment->until = collecting.place;
	moment->until.key += moment->key < INT64_MAX;
	replay = replay_open(recording, &catalog, error);
	if (!replay || rewind_to(&collecting, replay, error) < 0)
		goto cleanup;
	replay_each(replay, add_block, &collecting);
	if (collecting.failed) {
		sql_fail(error, "out of memory");
		goto cleanup;
	}
	if (why->block_count > 1)
		qsort(why->blocks, why->block_count, sizeof(*why->blocks), by_address);
	result = 0;
cleanup:
	moment->asker.cores = NULL; /* which are the catalog's */
	replay_close(replay);
	owners_clear(&collecting.owners);
	catalog_clear(&catalog);
	return result;
}
