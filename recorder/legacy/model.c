/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - what old clients hold.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "recorder/ledger/ledger.h"
#include "ttalloc.h"
#include "sql/base/memory.h"

#define DEVICES_MAX 256               /* larger numbers and negative ones cannot be */
#define SIZE_MAX_BYTES (100ull << 30) /* no chip has as much */

/* ---- places ---- */

static uint32_t device_number(struct legacy_model *model, uint32_t device)
{
	uint64_t hash = hash_mix(device);

	INDEX_EACH_MATCH(&model->device_index, hash, at, ref)
	{
		if (model->devices[ref - 1].device == device)
			return ref;
	}
	model->devices =
	    memory_room(model->devices, model->device_count, &model->device_capacity, sizeof(*model->devices));
	model->devices[model->device_count++] = (struct legacy_device){.device = device};
	index_add(&model->device_index, hash, (uint32_t)model->device_count);
	if (device >= model->device_end)
		model->device_end = device + 1;
	return (uint32_t)model->device_count;
}

/* The first place on DEVICE; 0: none. */
static uint32_t first_place(const struct legacy_holdings *holdings, uint32_t device)
{
	INDEX_EACH_MATCH(&holdings->device_index, hash_mix(device), at, ref)
	{
		if (holdings->places[ref - 1].device == device)
			return ref;
	}
	return 0;
}

/* The place, made when it is new; 0: there are too many. */
static uint32_t place_number(struct legacy_model *model, struct legacy_holdings *holdings, uint32_t device,
                             uint32_t region)
{
	uint32_t first = first_place(holdings, device), last = 0;
	struct legacy_place place = {.device = device, .region = region};

	for (uint32_t number = first; number; number = holdings->places[number - 1].next) {
		if (holdings->places[number - 1].region == region)
			return number;
		last = number;
	}
	if (holdings->place_count == MOST_REGION_TOTALS)
		return 0;
	place.totals = device_number(model, device);
	holdings->places =
	    memory_room(holdings->places, holdings->place_count, &holdings->place_capacity, sizeof(*holdings->places));
	holdings->places[holdings->place_count++] = place;
	if (last)
		holdings->places[last - 1].next = (uint32_t)holdings->place_count;
	else
		index_add(&holdings->device_index, hash_mix(device), (uint32_t)holdings->place_count);
	return (uint32_t)holdings->place_count;
}

/* ---- totals ---- */

/* NULL: not one that is asked for. */
static uint64_t *total_of(struct legacy_totals *totals, uint32_t region)
{
	switch (region) {
	case TTALLOC_DRAM:
		return &totals->dram;
	case TTALLOC_L1:
		return &totals->l1;
	case TTALLOC_SYSTEM_MEMORY: /* as the old server counted it */
	case TTALLOC_L1_SMALL:
		return &totals->l1_small;
	case TTALLOC_TRACE:
		return &totals->trace;
	case TTALLOC_CB:
		return &totals->cb;
	case TTALLOC_KERNEL:
		return &totals->kernel;
	default:
		return NULL;
	}
}

static uint64_t counted_bytes(const struct block *block)
{
	return block->flags & TTALLOC_ALIASED ? 0 : block->size_bytes;
}

static void add(struct legacy_model *model, const struct legacy_place *place, uint64_t bytes)
{
	uint64_t *total = total_of(&model->devices[place->totals - 1].totals, place->region);

	if (total && __builtin_add_overflow(*total, bytes, total))
		*total = UINT64_MAX;
}

static void subtract(struct legacy_model *model, const struct legacy_place *place, uint64_t bytes)
{
	uint64_t *total = total_of(&model->devices[place->totals - 1].totals, place->region);

	if (total)
		*total -= bytes < *total ? bytes : *total;
}

/* ---- what comes and goes ---- */

/* Ends what lies at (PLACE, ID). False: nothing does. */
static bool end_at(struct legacy_model *model, struct legacy_holdings *holdings, uint32_t number, uint64_t id,
                   struct legacy_outcome *outcome)
{
	struct block block;

	if (!number || !blocks_take(&holdings->blocks, &(struct block_place){.total = number, .address = id}, &block))
		return false;
	subtract(model, &holdings->places[number - 1], counted_bytes(&block));
	outcome->found = true;
	outcome->freed_bytes = block.size_bytes;
	outcome->freed_region = holdings->places[number - 1].region;
	outcome->repeats = block.repeats;
	return true;
}

static void take_alloc(struct legacy_model *model, struct legacy_holdings *holdings, struct legacy_outcome *outcome,
                       uint64_t at_ns)
{
	struct tta_event *event = &outcome->event;
	uint32_t number = place_number(model, holdings, event->device, event->region);
	struct block *block;

	outcome->refused = !number;
	if (!number)
		return;
	end_at(model, holdings, number, event->address, outcome);
	block = blocks_add(&holdings->blocks, &(struct block_place){.total = number, .address = event->address});
	block->key = (uint64_t)++model->serial & BLOCK_KEY_BITS;
	block->alloc_ns = at_ns;
	block->size_bytes = (event->size_bytes < SIZE_BITS ? event->size_bytes : SIZE_BITS) & SIZE_BITS;
	block->bank_bytes = block->size_bytes;
	block->flags = event->flags;
	block->repeats = outcome->repeats + 1;
	add(model, &holdings->places[number - 1], counted_bytes(block));
}

static bool holds_buffers(const struct legacy_place *place)
{
	return place->region != TTALLOC_CB && place->region != TTALLOC_KERNEL;
}

/* Makes the buffer with this id in place NUMBER the *YOUNGEST, if it is. */
static void prefer_younger(const struct legacy_holdings *holdings, uint32_t number, uint64_t id, int64_t *key,
                           uint32_t *youngest)
{
	const struct block *block;

	if (!holds_buffers(&holdings->places[number - 1]))
		return;
	block = blocks_find(&holdings->blocks, &(struct block_place){.total = number, .address = id});
	if (!block || (int64_t)block->key <= *key)
		return;
	*key = (int64_t)block->key;
	*youngest = number;
}

/* A FREE names no region, and Python's no device: it says 0 whatever it means. */
static uint32_t place_of_free(const struct legacy_holdings *holdings, uint32_t device, uint64_t id)
{
	uint32_t youngest = 0;
	int64_t key = 0;

	for (uint32_t number = first_place(holdings, device); number; number = holdings->places[number - 1].next)
		prefer_younger(holdings, number, id, &key, &youngest);
	if (youngest || device || holdings->names_devices)
		return youngest;
	for (uint32_t number = 1; number <= holdings->place_count; number++)
		prefer_younger(holdings, number, id, &key, &youngest);
	return youngest;
}

static void take_free(struct legacy_model *model, struct legacy_holdings *holdings, struct legacy_outcome *outcome)
{
	struct tta_event *event = &outcome->event;
	uint32_t number = place_of_free(holdings, event->device, event->address);

	holdings->names_devices |= event->device != 0;
	if (!number)
		return;
	event->device = (uint16_t)holdings->places[number - 1].device;
	event->region = (uint16_t)holdings->places[number - 1].region;
	end_at(model, holdings, number, event->address, outcome);
}

/* The end of a circular buffer or a kernel, which names its device. */
static void take_end(struct legacy_model *model, struct legacy_holdings *holdings, struct legacy_outcome *outcome)
{
	const struct tta_event *event = &outcome->event;

	for (uint32_t number = first_place(holdings, event->device); number; number = holdings->places[number - 1].next)
		if (holdings->places[number - 1].region == event->region)
			end_at(model, holdings, number, event->address, outcome);
}

static void begin(struct legacy_outcome *outcome, const struct legacy_message *message, enum tta_kind kind,
                  uint32_t region)
{
	outcome->event = (struct tta_event){
	    .kind = (uint8_t)kind,
	    .address = message->id,
	    .device = (uint16_t)message->device,
	    .region = (uint16_t)region,
	};
	if (kind == TTA_ALLOC || kind == TTA_CB_ALLOC || kind == TTA_KERNEL_LOAD)
		outcome->event.size_bytes = message->size_bytes;
}

static void begin_alloc(struct legacy_outcome *outcome, const struct legacy_message *message)
{
	uint32_t type = message->buffer_type;

	begin(outcome, message, TTA_ALLOC, type <= TTALLOC_TRACE ? type : LEGACY_ODD_REGION + type);
	outcome->odd = type > TTALLOC_TRACE;
	/* What TT-Metal's graph capture keeps from being placed has address 0: no memory was taken. */
	if (!message->id)
		outcome->event.flags = TTALLOC_ALIASED;
}

static bool is_impossible(const struct legacy_message *message)
{
	return message->device < 0 || message->device >= DEVICES_MAX || message->size_bytes > SIZE_MAX_BYTES;
}

void legacy_model_take(struct legacy_model *model, struct legacy_holdings *holdings,
                       const struct legacy_message *message, uint64_t at_ns, struct legacy_outcome *outcome)
{
	*outcome = (struct legacy_outcome){.impossible = is_impossible(message)};
	if (outcome->impossible)
		return;
	switch (message->type) {
	case LEGACY_ALLOC:
		begin_alloc(outcome, message);
		take_alloc(model, holdings, outcome, at_ns);
		break;
	case LEGACY_FREE:
		begin(outcome, message, TTA_FREE, TTALLOC_ANY);
		take_free(model, holdings, outcome);
		break;
	case LEGACY_CB_ALLOC:
	case LEGACY_KERNEL_LOAD:
		if (message->type == LEGACY_CB_ALLOC)
			begin(outcome, message, TTA_CB_ALLOC, TTALLOC_CB);
		else
			begin(outcome, message, TTA_KERNEL_LOAD, TTALLOC_KERNEL);
		take_alloc(model, holdings, outcome, at_ns);
		break;
	case LEGACY_CB_FREE:
	case LEGACY_KERNEL_UNLOAD:
		if (message->type == LEGACY_CB_FREE)
			begin(outcome, message, TTA_CB_FREE, TTALLOC_CB);
		else
			begin(outcome, message, TTA_KERNEL_UNLOAD, TTALLOC_KERNEL);
		take_end(model, holdings, outcome);
		break;
	case LEGACY_QUERY:
	case LEGACY_RESPONSE:
	case LEGACY_DUMP_REMAINING:
	case LEGACY_DEVICE_INFO_QUERY:
	case LEGACY_DEVICE_INFO_RESPONSE:
	case LEGACY_DUMP_KERNELS:
		break;
	}
}

struct releasing {
	struct legacy_model *model;
	const struct legacy_holdings *holdings;
};

static void release_block(void *context, const struct block *block)
{
	const struct releasing *releasing = context;

	subtract(releasing->model, &releasing->holdings->places[block->total - 1], counted_bytes(block));
}

void legacy_model_release(struct legacy_model *model, struct legacy_holdings *holdings)
{
	struct releasing releasing = {model, holdings};

	blocks_each(&holdings->blocks, release_block, &releasing);
	blocks_free(&holdings->blocks);
	free(holdings->places);
	index_free(&holdings->device_index);
	*holdings = (struct legacy_holdings){0};
}

void legacy_model_totals(const struct legacy_model *model, int32_t device, struct legacy_totals *totals)
{
	*totals = (struct legacy_totals){0};
	INDEX_EACH_MATCH(&model->device_index, hash_mix((uint32_t)device), at, ref)
	{
		if (model->devices[ref - 1].device == (uint32_t)device)
			*totals = model->devices[ref - 1].totals;
	}
}

void legacy_model_free(struct legacy_model *model)
{
	free(model->devices);
	index_free(&model->device_index);
	*model = (struct legacy_model){0};
}
