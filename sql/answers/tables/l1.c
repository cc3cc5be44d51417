/* SPDX-License-Identifier: Apache-2.0
 *
 * l1.c - l1(): how the L1 of each device was at its fullest, and where circular buffers and blocks came closest.
 * Blocks are undone from the end of the recording, and the changes of circular buffers with them.
 *
 * Columns: device; peak_bank_bytes, the most that blocks took in each bank and circular buffers on the fullest core
 * together; peak_ns, the earliest moment of it; buffer_bank_bytes and circular_bytes, what each took then; core, the
 * fullest one, as x-y, NULL without any that is known; reserve_bytes, the lowest address that can be allocated, and
 * bank_bytes, NULL without geometry; headroom_bytes, the least that there was between the end of circular buffers (or
 * the lowest address) and the lowest block (or the end of the bank), NULL where one of them is not known; headroom_ns;
 * floor_key, floor_origin and floor_address of the lowest block then, NULL when there was none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/replay/figures.h"
#include "sql/replay/floor_heap.h"
#include "sql/replay/l1_circular.h"
#include "sql/replay/layouts.h"
#include "sql/replay/resident.h"
#include "sql/answers/table_function.h"
#include "ttalloc.h"

struct device {
	int64_t number;
	/* at the present moment */
	struct level level; /* of blocks */
	struct l1_taken circular;
	struct floor_heap heap;
	struct place undone; /* what was undone last */
	bool any_undone;
	/* of what was seen */
	struct place peak;
	int64_t peak_bytes, peak_block_bytes, peak_circular_bytes;
	int64_t headroom, headroom_ns;
	struct replay_block floor;
	bool has_headroom, has_floor;
};

struct survey {
	struct table_call *call;
	struct catalog blocks, buffers; /* catalogs of L1 and of CB */
	struct l1_history history;
	struct layouts layouts;
	struct replay *replay;
	struct device *devices;
	size_t device_count, device_capacity;
	size_t *of_blocks, *of_buffers; /* per series of each catalog, its device */
	int64_t *undone_keys;           /* per process, of blocks */
	bool failed;
};

static int no_memory(struct survey *survey)
{
	return sql_fail(survey->call->error, "out of memory");
}

/* ---- What there is ---- */

static int find_device(struct survey *survey, int64_t number, size_t *index)
{
	for (*index = 0; *index < survey->device_count; ++*index)
		if (survey->devices[*index].number == number)
			return 0;
	if (array_reserve(&survey->devices, &survey->device_capacity, survey->device_count) < 0)
		return no_memory(survey);
	survey->devices[survey->device_count++] = (struct device){.number = number};
	return 0;
}

static int find_devices(struct survey *survey, const struct catalog *catalog, int64_t region, size_t **of_series)
{
	*of_series = calloc(catalog->series_count + 1, sizeof(**of_series));
	if (!*of_series)
		return no_memory(survey);
	for (size_t i = 0; i < catalog->series_count; i++)
		if (catalog->series[i].region == region &&
		    find_device(survey, catalog->series[i].device, &(*of_series)[i]) < 0)
			return -1;
	return 0;
}

static int load_catalog(struct survey *survey, struct catalog *catalog, int64_t region)
{
	struct filter filter = survey->call->filter;

	filter.has_region = true;
	filter.region = region;
	return catalog_load(catalog, survey->call->recording, &filter, false, survey->call->error);
}

static void add_block(struct survey *survey, const struct replay_block *block)
{
	const struct catalog_origin *origin = &survey->blocks.origins[block->origin];
	struct device *device = &survey->devices[survey->of_blocks[origin->series]];
	struct floor_span lowest = {.series = origin->series, .process = origin->process, .block = *block};

	if (!floor_counts(&survey->blocks, block))
		return;
	level_change(&device->level, origin, block->size_bytes, block->bank_bytes, 1);
	survey->failed |= floor_heap_add(&device->heap, &lowest) < 0;
}

static void start_with(const struct replay_block *block, void *context)
{
	add_block(context, block);
}

static int survey_open(struct survey *survey)
{
	struct table_call *call = survey->call;

	if (load_catalog(survey, &survey->blocks, TTALLOC_L1) < 0 ||
	    load_catalog(survey, &survey->buffers, TTALLOC_CB) < 0 ||
	    layouts_load(&survey->layouts, call->recording, call->error) < 0 ||
	    find_devices(survey, &survey->blocks, TTALLOC_L1, &survey->of_blocks) < 0 ||
	    find_devices(survey, &survey->buffers, TTALLOC_CB, &survey->of_buffers) < 0 ||
	    l1_history_load(&survey->history, call->recording, &survey->buffers, call->error) < 0)
		return -1;
	survey->undone_keys = calloc(survey->blocks.process_count + 1, sizeof(*survey->undone_keys));
	if (!survey->undone_keys)
		return no_memory(survey);
	for (size_t i = 0; i < survey->blocks.process_count; i++)
		survey->undone_keys[i] = INT64_MAX;
	for (size_t i = 0; i < survey->buffers.series_count; i++)
		if (survey->buffers.series[i].region == TTALLOC_CB)
			survey->devices[survey->of_buffers[i]].circular = survey->history.now[i];
	survey->replay = replay_open(call->recording, &survey->blocks, call->error);
	if (!survey->replay)
		return -1;
	replay_each(survey->replay, start_with, survey);
	return survey->failed ? no_memory(survey) : 0;
}

static void survey_clear(struct survey *survey)
{
	replay_close(survey->replay);
	for (size_t i = 0; i < survey->device_count; i++)
		floor_heap_clear(&survey->devices[i].heap);
	free(survey->devices);
	free(survey->of_blocks);
	free(survey->of_buffers);
	free(survey->undone_keys);
	l1_history_clear(&survey->history);
	layouts_clear(&survey->layouts);
	catalog_clear(&survey->blocks);
	catalog_clear(&survey->buffers);
}

/* ---- The way back ---- */

static void see_headroom(struct survey *survey, struct device *device, int64_t at_ns)
{
	const struct floor_span *floor = floor_heap_lowest(&device->heap, survey->undone_keys);
	const struct bank_layout *layout = layouts_at(&survey->layouts, device->number, TTALLOC_L1, at_ns);
	uint64_t low, high;

	if ((!floor || !device->circular.end) && !layout)
		return;
	low = device->circular.end ? device->circular.end : layout->base_address;
	high = floor ? (uint64_t)floor->block.address : layout->base_address + layout->bank_bytes;
	if (device->has_headroom && (int64_t)(high - low) > device->headroom)
		return;
	device->has_headroom = true;
	device->headroom = (int64_t)(high - low);
	device->headroom_ns = at_ns;
	device->has_floor = floor;
	if (floor)
		device->floor = floor->block;
}

/* Looks at the present moment, which PLACE made. Of equal ones the earliest counts, which comes last. */
static void see(struct survey *survey, struct device *device, struct place place)
{
	int64_t bytes = (int64_t)(device->level.bank_bytes + (uint64_t)device->circular.bytes);

	if (!device->any_undone || bytes >= device->peak_bytes) {
		device->peak = place;
		device->peak_bytes = bytes;
		device->peak_block_bytes = (int64_t)device->level.bank_bytes;
		device->peak_circular_bytes = device->circular.bytes;
	}
	see_headroom(survey, device, place.at_ns);
}

/* What is about to be undone: the moment after it shows, unless it is part of what was undone before. What a process
 * did in one nanosecond is one moment: a circular buffer that another one replaced ended before that one began. */
static void reach(struct survey *survey, struct device *device, struct place place)
{
	if (device->any_undone && place.at_ns == device->undone.at_ns && place.process == device->undone.process)
		return;
	see(survey, device, place);
	device->any_undone = true;
	device->undone = place;
}

static int undo_block(struct survey *survey, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &survey->blocks.origins[block->origin];
	struct device *device = &survey->devices[survey->of_blocks[origin->series]];

	if (floor_counts(&survey->blocks, block)) {
		reach(survey, device, (struct place){event->at_ns, event->process, event->key});
		survey->undone_keys[event->process] = event->key;
		if (event->is_alloc) {
			level_change(&device->level, origin, block->size_bytes, block->bank_bytes, -1);
			floor_heap_undo(&device->heap, survey->undone_keys);
		} else {
			add_block(survey, block);
		}
	}
	if (survey->failed)
		return no_memory(survey);
	return replay_undo(survey->replay, survey->call->error);
}

static void undo_change(struct survey *survey, const struct l1_change *change)
{
	struct device *device = &survey->devices[survey->of_buffers[change->series]];

	reach(survey, device, change->place);
	device->circular = change->before;
	l1_history_drop(&survey->history);
}

static int descend(struct survey *survey)
{
	struct replay_event event;
	int state;

	while ((state = replay_peek(survey->replay, &event, survey->call->error)) >= 0) {
		struct place place = {event.at_ns, event.process, event.key};
		const struct l1_change *change;

		if (l1_history_last(&survey->history, &change, survey->call->error) < 0)
			return -1;
		if (state == 0 && !change)
			return 0;
		if (change && (state == 0 || !place_is_before(change->place, place)))
			undo_change(survey, change);
		else if (undo_block(survey, &event) < 0)
			return -1;
	}
	return -1;
}

/* ---- Rows ---- */

/* The fullest core of those that are known. */
static int tell_core(struct survey *survey, const struct resident *resident, int64_t *cell)
{
	struct core_cell fullest;
	char text[32];

	*cell = TABLE_NULL;
	if (core_map_fullest(&resident->bytes, &fullest) < 0)
		return no_memory(survey);
	if (!fullest.bytes)
		return 0;
	snprintf(text, sizeof(text), "%u-%u", fullest.range.x0, fullest.range.y0);
	*cell = table_text(survey->call->table, text, survey->call->error);
	return *cell < 0 ? -1 : 0;
}

static int add_device(struct survey *survey, const struct device *device, const struct resident *resident)
{
	const struct bank_layout *layout = layouts_at(&survey->layouts, device->number, TTALLOC_L1, device->peak.at_ns);
	int64_t core;

	if (!device->any_undone)
		return 0;
	if (tell_core(survey, resident, &core) < 0)
		return -1;
	int64_t cells[] = {device->number,
	                   device->peak_bytes,
	                   device->peak.at_ns,
	                   device->peak_block_bytes,
	                   device->peak_circular_bytes,
	                   core,
	                   layout ? (int64_t)layout->base_address : TABLE_NULL,
	                   layout ? (int64_t)layout->bank_bytes : TABLE_NULL,
	                   device->has_headroom ? device->headroom : TABLE_NULL,
	                   device->has_headroom ? device->headroom_ns : TABLE_NULL,
	                   device->has_floor ? device->floor.alloc_key : TABLE_NULL,
	                   device->has_floor ? (int64_t)device->floor.origin : TABLE_NULL,
	                   device->has_floor ? device->floor.address : TABLE_NULL};
	return table_add(survey->call->table, cells, survey->call->error);
}

static int add_devices(struct survey *survey)
{
	struct resident *list = calloc(survey->device_count + 1, sizeof(*list));
	int result = list ? 0 : no_memory(survey);

	for (size_t i = 0; result == 0 && i < survey->device_count; i++)
		list[i] = (struct resident){.device = survey->devices[i].number,
		                            .place = survey->devices[i].peak,
		                            .taken = !survey->devices[i].any_undone};
	if (result == 0)
		result = resident_collect(survey->call->recording, &survey->buffers, list, survey->device_count,
		                          survey->call->error);
	for (size_t i = 0; result == 0 && i < survey->device_count; i++)
		result = add_device(survey, &survey->devices[i], &list[i]);
	for (size_t i = 0; list && i < survey->device_count; i++)
		resident_clear(&list[i]);
	free(list);
	return result;
}

static int fill_l1(struct table_call *call)
{
	struct survey survey = {.call = call};
	int result = survey_open(&survey);

	if (result == 0)
		result = descend(&survey);
	if (result == 0)
		result = add_devices(&survey);
	survey_clear(&survey);
	return result;
}

const struct table_function table_l1 = {
    .name = "l1",
    .columns = "device, peak_bank_bytes, peak_ns, buffer_bank_bytes, circular_bytes, core, reserve_bytes, bank_bytes, "
               "headroom_bytes, headroom_ns, floor_key, floor_origin, floor_address",
    .text_columns = 1u << 5,
    .fill = fill_l1,
};
