/* SPDX-License-Identifier: Apache-2.0
 *
 * late.c - late_blocks() and late_peaks(): tensors that were kept while other operations ran, after the last one that
 * took or made them. Time runs backwards, so that a tensor's last use is the first that is met. In memory are what is
 * live, and what each list of tensors says.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/table_function.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/operations/operations.h"
#include "sql/operations/tensor_lists.h"
#include "sql/replay/figures.h"
#include "sql/store/recording.h"
#include "operation_end.h"

/* A live block that holds a tensor. */
struct tensor {
	struct replay_block block;
	int64_t free_ns; /* INT64_MAX: it is live */
	int64_t met;     /* operations of its process that had been met at its end */
	bool used;       /* an operation that took or made it has been met */
};

struct lane {
	struct operations_cursor cursor;
	struct operation next; /* that ended last of those not met */
	bool has_next;
	int64_t met; /* that lie in no other */
};

struct late {
	struct table_call *call;
	struct catalog catalog;
	struct operations *operations;
	struct replay *replay;
	struct lane *lanes; /* a process each */
	bool *holds_tensor; /* an origin each */
	struct tensor_lists lists;
	struct tensor *tensors;
	size_t tensor_count, tensor_capacity;
	struct map live;  /* alloc key -> tensors */
	uint32_t *unused; /* places in tensors that are */
	size_t unused_count, unused_capacity;
	int64_t *level, *needed; /* a series each: payload, and that of what is yet to be used */
	int64_t *most, *most_needed;
	bool is_before_end, is_before_start; /* of the time window: it has been reached, it has been left */
	bool tells_blocks;
};

static int no_memory(struct late *late)
{
	return sql_fail(late->call->error, "out of memory");
}

/* ---- what is known of tensors ---- */

static int load_tensor_origins(struct late *late)
{
	struct recording *recording = late->call->recording;
	sqlite3_stmt *rows = recording_prepare(recording, "SELECT origin FROM origin_tensor", late->call->error);
	int state = -1;

	late->holds_tensor = calloc(late->catalog.origin_count + 1, sizeof(*late->holds_tensor));
	if (!late->holds_tensor)
		no_memory(late);
	while (rows && late->holds_tensor && (state = recording_step(recording, rows, late->call->error)) == 1)
		if (catalog_origin(&late->catalog, sqlite3_column_int64(rows, 0)))
			late->holds_tensor[sqlite3_column_int64(rows, 0)] = true;
	sqlite3_finalize(rows);
	return state;
}

/* ---- live tensors ---- */

static struct map_key key_of(int64_t alloc_key)
{
	return (struct map_key){alloc_key, 0, 0};
}

static int enter(struct late *late, const struct replay_block *block, int64_t free_ns)
{
	const struct catalog_origin *origin = &late->catalog.origins[block->origin];
	uint32_t place = (uint32_t)late->tensor_count;

	if (late->unused_count > 0)
		place = late->unused[--late->unused_count];
	else if (array_reserve(&late->tensors, &late->tensor_capacity, late->tensor_count++) < 0)
		return no_memory(late);
	late->tensors[place] =
	    (struct tensor){.block = *block, .free_ns = free_ns, .met = late->lanes[origin->process].met};
	return map_put(&late->live, key_of(block->alloc_key), place) < 0 ? no_memory(late) : 0;
}

static int leave(struct late *late, int64_t alloc_key, bool *was_used)
{
	uint32_t place = map_get(&late->live, key_of(alloc_key));

	*was_used = false;
	if (place == MAP_NONE)
		return 0;
	*was_used = late->tensors[place].used;
	map_remove(&late->live, key_of(alloc_key));
	if (array_reserve(&late->unused, &late->unused_capacity, late->unused_count) < 0)
		return no_memory(late);
	late->unused[late->unused_count++] = place;
	return 0;
}

static void see(struct late *late, uint32_t series)
{
	if (!late->is_before_end || late->is_before_start)
		return;
	if (late->level[series] > late->most[series])
		late->most[series] = late->level[series];
	if (late->needed[series] > late->most_needed[series])
		late->most_needed[series] = late->needed[series];
}

/* Going backwards, what comes next happened at AT_NS: what is there then was there in between. */
static void reach(struct late *late, int64_t at_ns)
{
	if (!late->is_before_end && at_ns <= late->call->filter.end_ns) {
		late->is_before_end = true;
		for (uint32_t i = 0; i < late->catalog.series_count; i++)
			see(late, i);
	}
	late->is_before_start = at_ns <= late->call->filter.start_ns;
}

/* BLOCK begins to be there, going backwards. */
static int appear(struct late *late, const struct replay_block *block, int64_t free_ns)
{
	const struct catalog_origin *origin = &late->catalog.origins[block->origin];
	int64_t bytes = origin->aliased ? 0 : block->size_bytes;
	bool holds_tensor = late->holds_tensor[block->origin];

	late->level[origin->series] += bytes;
	if (!holds_tensor)
		late->needed[origin->series] += bytes;
	see(late, origin->series);
	return holds_tensor ? enter(late, block, free_ns) : 0;
}

static int disappear(struct late *late, const struct replay_block *block)
{
	const struct catalog_origin *origin = &late->catalog.origins[block->origin];
	int64_t bytes = origin->aliased ? 0 : block->size_bytes;
	bool was_needed = true;

	if (late->holds_tensor[block->origin] && leave(late, block->alloc_key, &was_needed) < 0)
		return -1;
	late->level[origin->series] -= bytes;
	late->needed[origin->series] -= was_needed ? bytes : 0;
	return 0;
}

/* ---- uses ---- */

static int tell(struct late *late, const struct tensor *tensor, const struct operation *user)
{
	const struct replay_block *block = &tensor->block;
	const struct catalog_series *series = &late->catalog.series[late->catalog.origins[block->origin].series];
	bool ended = user->end_key != OPERATION_OPEN;
	int64_t operations = late->lanes[late->catalog.origins[block->origin].process].met - tensor->met;
	int64_t cells[] = {series->device,
	                   series->region,
	                   block->alloc_key,
	                   block->origin,
	                   block->size_bytes,
	                   block->bank_bytes,
	                   block->alloc_ns,
	                   tensor->free_ns == INT64_MAX ? TABLE_NULL : tensor->free_ns,
	                   ended ? user->end_ns : TABLE_NULL,
	                   user->what,
	                   user->number,
	                   operations,
	                   tensor->block.freed != 0};

	return late->tells_blocks && ended && operations > 0 ? table_add(late->call->table, cells, late->call->error)
	                                                     : 0;
}

static int use(struct late *late, const struct operation *user, int64_t alloc_key)
{
	uint32_t place = map_get(&late->live, key_of(alloc_key));
	struct tensor *tensor = place == MAP_NONE ? NULL : &late->tensors[place];

	if (!tensor || tensor->used)
		return 0;
	const struct catalog_origin *origin = &late->catalog.origins[tensor->block.origin];
	if (late->catalog.processes[origin->process].id != user->process)
		return 0;
	tensor->used = true;
	late->needed[origin->series] += origin->aliased ? 0 : tensor->block.size_bytes;
	see(late, origin->series);
	return tell(late, tensor, user);
}

/* Going backwards, the operation begins here, and uses its tensors from here on. */
static int meet(struct late *late, uint32_t process)
{
	struct lane *lane = &late->lanes[process];
	const struct operation operation = lane->next;
	const struct operation_what *what = operations_what(late->operations, operation.what);
	struct tensor_list list = tensor_lists_at(&late->lists, what->tensors);

	for (size_t i = 0; i < list.count; i++)
		if (use(late, &operation, tensor_block(&list.tensors[i], operation.key)) < 0)
			return -1;
	lane->met += what->around == 0;
	lane->has_next = operations_next(late->operations, operation.process, &lane->cursor, &lane->next);
	return 0;
}

/* ---- the functions ---- */

static uint32_t latest_end(const struct late *late, struct place *place)
{
	uint32_t latest = UINT32_MAX;

	for (uint32_t i = 0; i < late->catalog.process_count; i++) {
		if (!late->lanes[i].has_next)
			continue;
		struct place end = operation_end(&late->catalog, i, &late->lanes[i].next);
		if (latest == UINT32_MAX || place_is_before(*place, end)) {
			latest = i;
			*place = end;
		}
	}
	return latest;
}

struct starting {
	struct late *late;
	int result;
};

static void start_with(const struct replay_block *block, void *context)
{
	struct starting *starting = context;

	if (starting->result == 0)
		starting->result = appear(starting->late, block, INT64_MAX);
}

static int undo_event(struct late *late, const struct replay_event *event)
{
	struct replay_block block = *event->block;
	int64_t at_ns = event->at_ns;
	bool is_alloc = event->is_alloc;

	if (is_alloc && disappear(late, &block) < 0)
		return -1;
	if (replay_undo(late->replay, late->call->error) < 0)
		return -1;
	return is_alloc ? 0 : appear(late, &block, at_ns);
}

static int run(struct late *late)
{
	struct starting starting = {.late = late};
	struct place end = {0};
	struct replay_event event;
	uint32_t latest;
	int there;

	replay_each(late->replay, start_with, &starting);
	if (starting.result < 0)
		return -1;
	latest = latest_end(late, &end);
	while ((there = replay_peek(late->replay, &event, late->call->error)) == 1 || latest != UINT32_MAX) {
		struct place place = {event.at_ns, event.process, event.key};
		bool is_event = there == 1 && (latest == UINT32_MAX || place_is_before(end, place));

		reach(late, is_event ? event.at_ns : end.at_ns);
		if (there < 0 || (is_event ? undo_event(late, &event) : meet(late, latest)) < 0)
			return -1;
		if (!is_event)
			latest = latest_end(late, &end);
	}
	return there < 0 ? -1 : operations_check(late->operations, late->call->error);
}

static int start(struct late *late)
{
	struct table_call *call = late->call;
	struct filter filter = filter_all();
	size_t series;

	/* the peak is of all blocks of a device and region */
	filter.has_device = call->filter.has_device;
	filter.device = call->filter.device;
	filter.has_region = call->filter.has_region;
	filter.region = call->filter.region;
	if (catalog_load(&late->catalog, call->recording, &filter, false, call->error) < 0 ||
	    load_tensor_origins(late) < 0 || tensor_lists_load(&late->lists, call->recording, call->error) < 0 ||
	    !(late->operations = operations_open(call->recording, call->error)) ||
	    !(late->replay = replay_open(call->recording, &late->catalog, call->error)))
		return -1;
	series = late->catalog.series_count + 1;
	late->lanes = calloc(late->catalog.process_count + 1, sizeof(*late->lanes));
	late->level = calloc(series, sizeof(*late->level));
	late->needed = calloc(series, sizeof(*late->needed));
	late->most = calloc(series, sizeof(*late->most));
	late->most_needed = calloc(series, sizeof(*late->most_needed));
	if (!late->lanes || !late->level || !late->needed || !late->most || !late->most_needed)
		return no_memory(late);
	for (size_t i = 0; i < late->catalog.process_count; i++)
		late->lanes[i].has_next = operations_next(late->operations, late->catalog.processes[i].id,
		                                          &late->lanes[i].cursor, &late->lanes[i].next);
	return run(late);
}

static void clear(struct late *late)
{
	for (size_t i = 0; late->lanes && i < late->catalog.process_count; i++)
		operations_cursor_clear(&late->lanes[i].cursor);
	tensor_lists_clear(&late->lists);
	free(late->lanes);
	free(late->holds_tensor);
	free(late->tensors);
	free(late->unused);
	free(late->level);
	free(late->needed);
	free(late->most);
	free(late->most_needed);
	map_clear(&late->live);
	replay_close(late->replay);
	operations_close(late->operations);
	catalog_clear(&late->catalog);
}

static int fill_late_blocks(struct table_call *call)
{
	struct late late = {.call = call, .tells_blocks = true};
	int result = start(&late);

	clear(&late);
	return result;
}

static int fill_late_peaks(struct table_call *call)
{
	struct late late = {.call = call};
	int result = start(&late);

	for (size_t i = 0; result == 0 && i < late.catalog.series_count; i++) {
		int64_t cells[] = {late.catalog.series[i].device, late.catalog.series[i].region, late.most[i],
		                   late.most_needed[i]};

		if (late.most[i] > 0)
			result = table_add(call->table, cells, call->error);
	}
	clear(&late);
	return result;
}

const struct table_function table_late_blocks = {
    .name = "late_blocks",
    .columns =
        "device, region, key, origin, size_bytes, bank_bytes, alloc_ns, free_ns, used_ns, used_what, used_number, "
        "operations, freed",
    .fill = fill_late_blocks,
};

const struct table_function table_late_peaks = {
    .name = "late_peaks",
    .columns = "device, region, peak_bytes, needed_peak_bytes",
    .fill = fill_late_peaks,
};
