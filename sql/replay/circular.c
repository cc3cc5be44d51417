/* SPDX-License-Identifier: Apache-2.0
 *
 * circular.c - see circular.h. Per process, three streams of rising keys are merged: allocs, ends (a heap, because an
 * alloc's row tells its end), and runs of programs; across processes the earliest event comes first.
 */
#include "circular.h"

#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "keyed.h"
#include "sql/base/map.h"
#include "sql/store/recording.h"
#include "ttalloc/heap.h"

#define NONE UINT32_MAX

/* A circular buffer that exists. */
struct buffer {
	struct replay_block block; /* first: circular_size() */
	int64_t size_bytes;
	uint32_t program;        /* index */
	uint32_t next, previous; /* of the same program */
	bool resident;
	int64_t resident_ns; /* since when */
};

/* A program that has circular buffers. */
struct program {
	struct map_key key;    /* process, device, program */
	uint32_t first_buffer; /* NONE: the slot is free, and "next" the free one after it */
	uint32_t next;
};

/* Whose circular buffers are resident on a device of a process. */
struct device {
	int64_t program;
	uint32_t likely; /* its index, if that is still its own */
	bool ran;        /* else it is the one of the last alloc */
};

struct end {
	int64_t key, at_ns;
	uint32_t buffer;
	bool freed;
};

enum source { SOURCE_NONE, SOURCE_ALLOC, SOURCE_RUN, SOURCE_END };

struct lane {
	struct keyed_cursor allocs, runs;
	struct end *ends; /* a heap: the smallest key on top */
	size_t end_count, end_capacity;
	enum source source;
	const struct keyed_row *row;
	int64_t at_ns, key;
};

struct circular {
	struct recording *recording;
	const struct catalog *catalog;
	struct keyed_reader *alloc_reader, *run_reader;
	struct lane *lanes;
	uint32_t *order; /* a heap of lanes: the earliest event on top */
	size_t order_count;
	struct buffer *buffers;
	size_t buffer_count, buffer_capacity;
	uint32_t free_buffer;
	struct program *programs;
	size_t program_count, program_capacity;
	uint32_t free_program;
	struct map program_map; /* (process, device, program) -> programs */
	struct map device_map;  /* (process, device, 0) -> devices */
	struct device *devices;
	size_t device_count, device_capacity;
	struct map_key last_device; /* that was looked for */
	uint32_t last_index;        /* NONE: none was */
	bool (*each)(const struct circular_event *event, void *context);
	void *context;
	bool stopped;
	struct sql_error *error;
};

static int no_memory(struct circular *circular)
{
	return sql_fail(circular->error, "%s: out of memory", circular->recording->path);
}

static int corrupt(struct circular *circular, const char *what)
{
	return sql_fail(circular->error, "%s: corrupt: %s; 'verify' says more", circular->recording->path, what);
}

/* ---- Ends to come ---- */

static int push_end(struct lane *lane, struct end end)
{
	if (array_reserve(&lane->ends, &lane->end_capacity, lane->end_count) < 0)
		return -1;
	size_t at = lane->end_count++;
	for (; at > 0 && lane->ends[(at - 1) / 2].key > end.key; at = (at - 1) / 2)
		lane->ends[at] = lane->ends[(at - 1) / 2];
	lane->ends[at] = end;
	return 0;
}

static struct end pop_end(struct lane *lane)
{
	struct end top = lane->ends[0], last = lane->ends[--lane->end_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < lane->end_count) {
		if (child + 1 < lane->end_count && lane->ends[child + 1].key < lane->ends[child].key)
			child++;
		if (lane->ends[child].key >= last.key)
			break;
		lane->ends[at] = lane->ends[child];
		at = child;
	}
	lane->ends[at] = last;
	return top;
}

/* ---- Buffers and programs ---- */

static int new_program(struct circular *circular, struct map_key key, uint32_t *index)
{
	*index = circular->free_program;
	if (*index != NONE) {
		circular->free_program = circular->programs[*index].next;
	} else {
		if (array_reserve(&circular->programs, &circular->program_capacity, circular->program_count) < 0)
			return -1;
		*index = (uint32_t)circular->program_count++;
	}
	circular->programs[*index] = (struct program){.key = key, .first_buffer = NONE};
	return map_put(&circular->program_map, key, *index);
}

static int new_buffer(struct circular *circular, const struct buffer *like, uint32_t program, uint32_t *index)
{
	struct program *owner = &circular->programs[program];

	*index = circular->free_buffer;
	if (*index != NONE) {
		circular->free_buffer = circular->buffers[*index].next;
	} else {
		if (array_reserve(&circular->buffers, &circular->buffer_capacity, circular->buffer_count) < 0)
			return -1;
		*index = (uint32_t)circular->buffer_count++;
	}
	circular->buffers[*index] = (struct buffer){.block = like->block,
	                                            .size_bytes = like->size_bytes,
	                                            .program = program,
	                                            .next = owner->first_buffer,
	                                            .previous = NONE};
	if (owner->first_buffer != NONE)
		circular->buffers[owner->first_buffer].previous = *index;
	owner->first_buffer = *index;
	return 0;
}

static void drop_buffer(struct circular *circular, uint32_t index)
{
	struct buffer *buffer = &circular->buffers[index];
	struct program *owner = &circular->programs[buffer->program];

	if (buffer->previous != NONE)
		circular->buffers[buffer->previous].next = buffer->next;
	else
		owner->first_buffer = buffer->next;
	if (buffer->next != NONE)
		circular->buffers[buffer->next].previous = buffer->previous;
	if (owner->first_buffer == NONE) {
		map_remove(&circular->program_map, owner->key);
		owner->next = circular->free_program;
		circular->free_program = buffer->program;
	}
	buffer->resident = false;
	buffer->next = circular->free_buffer;
	circular->free_buffer = index;
}

/* ---- What happens ---- */

static void tell(struct circular *circular, uint32_t process, enum circular_kind kind, const struct replay_block *block)
{
	const struct lane *lane = &circular->lanes[process];
	struct circular_event event = {.at_ns = lane->at_ns,
	                               .key = lane->key,
	                               .process = process,
	                               .kind = kind,
	                               .block = block,
	                               .circular = circular};

	if (!circular->stopped && !circular->each(&event, circular->context))
		circular->stopped = true;
}

static void set_resident(struct circular *circular, uint32_t process, uint32_t program, bool resident)
{
	for (uint32_t at = circular->programs[program].first_buffer; at != NONE; at = circular->buffers[at].next) {
		struct buffer *buffer = &circular->buffers[at];

		if (buffer->resident == resident)
			continue;
		if (resident)
			buffer->resident_ns = circular->lanes[process].at_ns;
		tell(circular, process, resident ? CIRCULAR_RESIDENT : CIRCULAR_GONE, &buffer->block);
		buffer->resident = resident;
	}
}

/* NULL: no memory. */
static struct device *device_of(struct circular *circular, uint32_t process, int64_t device)
{
	struct map_key key = {process, device, 0};
	uint32_t index = circular->last_index;

	if (index != NONE && circular->last_device.a == process && circular->last_device.b == device)
		return &circular->devices[index];
	index = map_get(&circular->device_map, key);
	circular->last_device = key;
	circular->last_index = index;
	if (index != NONE)
		return &circular->devices[index];
	index = (uint32_t)circular->device_count;
	if (array_reserve(&circular->devices, &circular->device_capacity, index) < 0 ||
	    map_put(&circular->device_map, key, index) < 0)
		return NULL;
	circular->device_count++;
	circular->devices[index] = (struct device){.likely = NONE};
	circular->last_index = index;
	return &circular->devices[index];
}

/* The program that ran last on DEVICE, if it has circular buffers. */
static uint32_t current_program(const struct circular *circular, uint32_t process, int64_t number,
                                const struct device *device)
{
	const struct program *likely =
	    device->likely < circular->program_count ? &circular->programs[device->likely] : NULL;

	if (likely && likely->first_buffer != NONE && likely->key.a == process && likely->key.b == number &&
	    likely->key.c == device->program)
		return device->likely;
	return map_get(&circular->program_map, (struct map_key){process, number, device->program});
}

/* From now on the resident ones are those of PROGRAM. */
static void make_current(struct circular *circular, uint32_t process, int64_t number, struct device *device,
                         int64_t program)
{
	if (device->program == program)
		return;
	uint32_t old = current_program(circular, process, number, device);
	if (old != NONE)
		set_resident(circular, process, old, false);
	device->program = program;
	device->likely = NONE; /* it is another one's */
	device->likely = current_program(circular, process, number, device);
	if (device->likely != NONE)
		set_resident(circular, process, device->likely, true);
}

/* Whether the filter takes BLOCK, which existed until END_NS, or longer (INT64_MAX). */
static bool is_chosen(const struct circular *circular, const struct catalog_origin *origin,
                      const struct replay_block *block, int64_t end_ns)
{
	const struct filter *filter = &circular->catalog->filter;
	const struct catalog_process *process = &circular->catalog->processes[origin->process];

	if (end_ns == INT64_MAX)
		end_ns = process->ended_ns;
	return origin->chosen && block->alloc_ns <= filter->end_ns && end_ns >= filter->start_ns &&
	       catalog_key_chosen(circular->catalog, origin, block->alloc_key);
}

static int on_alloc(struct circular *circular, uint32_t process)
{
	struct lane *lane = &circular->lanes[process];
	const int64_t *cells = lane->row->cells;
	const struct catalog_origin *origin = catalog_origin(circular->catalog, cells[2]);
	struct buffer made = {.block = {.alloc_key = cells[0],
	                                .alloc_ns = cells[1],
	                                .address = cells[4],
	                                .size_bytes = cells[9],
	                                .bank_bytes = cells[9],
	                                .origin = (uint32_t)cells[2]},
	                      .size_bytes = cells[5]};
	uint32_t program, buffer;

	lane->allocs.at++;
	if (!origin || origin->process != process || (cells[6] != INT64_MIN && cells[6] <= cells[0]))
		return corrupt(circular, "a circular buffer of another process, or that ended before it began");
	struct map_key key = {process, circular->catalog->series[origin->series].device, cells[3]};
	struct device *device = device_of(circular, process, key.b);
	if (!device)
		return no_memory(circular);
	if (!device->ran)
		make_current(circular, process, key.b, device, cells[3]);
	if (!is_chosen(circular, origin, &made.block, cells[6] == INT64_MIN ? INT64_MAX : cells[7]))
		return 0;
	program = map_get(&circular->program_map, key);
	if (program == NONE && new_program(circular, key, &program) < 0)
		return no_memory(circular);
	if (new_buffer(circular, &made, program, &buffer) < 0)
		return no_memory(circular);

	const struct catalog_process *owner = &circular->catalog->processes[process];
	struct end end = {.key = cells[6], .at_ns = cells[7], .buffer = buffer, .freed = cells[8] == 1};
	if (cells[6] == INT64_MIN && owner->ended)
		end = (struct end){.key = REPLAY_PROCESS_END, .at_ns = owner->ended_ns, .buffer = buffer};
	if (end.key != INT64_MIN && push_end(lane, end) < 0)
		return no_memory(circular);

	tell(circular, process, CIRCULAR_ALLOC, &circular->buffers[buffer].block);
	if (device->program == cells[3]) {
		circular->buffers[buffer].resident_ns = lane->at_ns;
		tell(circular, process, CIRCULAR_RESIDENT, &circular->buffers[buffer].block);
		circular->buffers[buffer].resident = true;
	}
	return 0;
}

static int on_run(struct circular *circular, uint32_t process)
{
	struct lane *lane = &circular->lanes[process];
	const struct catalog_origin *origin = catalog_origin(circular->catalog, lane->row->cells[2]);

	lane->runs.at++;
	if (!origin || origin->process != process)
		return corrupt(circular, "a program run of another process");
	int64_t number = circular->catalog->series[origin->series].device;
	struct device *device = device_of(circular, process, number);
	if (!device)
		return no_memory(circular);
	device->ran = true;
	make_current(circular, process, number, device, lane->row->cells[3]);
	return 0;
}

static void on_end(struct circular *circular, uint32_t process)
{
	struct end end = pop_end(&circular->lanes[process]);
	struct buffer *buffer = &circular->buffers[end.buffer];

	buffer->block.freed = end.freed;
	if (buffer->resident)
		tell(circular, process, CIRCULAR_GONE, &buffer->block);
	buffer->resident = false;
	tell(circular, process, CIRCULAR_END, &buffer->block);
	drop_buffer(circular, end.buffer);
}

/* ---- The order of things ---- */

/* Finds the next event of a lane: the smallest key of what it has. */
static int lane_look(struct circular *circular, uint32_t process)
{
	struct lane *lane = &circular->lanes[process];
	const struct keyed_row *alloc, *run;

	if (keyed_peek(circular->alloc_reader, &lane->allocs, process, &alloc, circular->error) < 0 ||
	    keyed_peek(circular->run_reader, &lane->runs, process, &run, circular->error) < 0)
		return -1;
	lane->source = SOURCE_NONE;
	lane->row = NULL;
	if (alloc) {
		lane->source = SOURCE_ALLOC;
		lane->row = alloc;
	}
	if (run && (!lane->row || run->cells[0] < lane->row->cells[0])) {
		lane->source = SOURCE_RUN;
		lane->row = run;
	}
	if (lane->row) {
		lane->key = lane->row->cells[0];
		lane->at_ns = lane->row->cells[1];
	}
	if (lane->end_count > 0 && (!lane->row || lane->ends[0].key < lane->key)) {
		lane->source = SOURCE_END;
		lane->key = lane->ends[0].key;
		lane->at_ns = lane->ends[0].at_ns;
	}
	return 0;
}

static inline bool is_earlier(const struct circular *circular, const uint32_t *a, const uint32_t *b)
{
	const struct lane *first = &circular->lanes[*a], *second = &circular->lanes[*b];

	return first->at_ns != second->at_ns ? first->at_ns < second->at_ns : *a < *b;
}

TTA_HEAP(order, uint32_t, const struct circular *, is_earlier)

static int start_lanes(struct circular *circular)
{
	for (uint32_t i = 0; i < circular->catalog->process_count; i++) {
		if (lane_look(circular, i) < 0)
			return -1;
		if (circular->lanes[i].source != SOURCE_NONE)
			order_push(circular, circular->order, circular->order_count++, i);
	}
	return 0;
}

static int run_all(struct circular *circular)
{
	while (circular->order_count > 0 && !circular->stopped) {
		uint32_t process = circular->order[0];
		struct lane *lane = &circular->lanes[process];
		int result = 0;

		if (lane->source == SOURCE_ALLOC)
			result = on_alloc(circular, process);
		else if (lane->source == SOURCE_RUN)
			result = on_run(circular, process);
		else
			on_end(circular, process);
		if (result < 0 || lane_look(circular, process) < 0)
			return -1;
		if (lane->source == SOURCE_NONE)
			order_pop(circular, circular->order, --circular->order_count);
		else
			order_down(circular, circular->order, circular->order_count, 0, process);
	}
	if (!circular->stopped)
		circular->each(
		    &(struct circular_event){.at_ns = INT64_MAX, .kind = CIRCULAR_OVER, .circular = circular},
		    circular->context);
	return 0;
}

int64_t circular_size(const struct replay_block *block)
{
	return ((const struct buffer *)(const void *)block)->size_bytes;
}

int64_t circular_since(const struct replay_block *block)
{
	return ((const struct buffer *)(const void *)block)->resident_ns;
}

void circular_each(const struct circular *circular, void (*each)(const struct replay_block *block, void *context),
                   void *context)
{
	for (size_t i = 0; i < circular->buffer_count; i++)
		if (circular->buffers[i].resident)
			each(&circular->buffers[i].block, context);
}

static void clear(struct circular *circular)
{
	for (size_t i = 0; circular->lanes && i < circular->catalog->process_count; i++) {
		keyed_cursor_clear(&circular->lanes[i].allocs);
		keyed_cursor_clear(&circular->lanes[i].runs);
		free(circular->lanes[i].ends);
	}
	keyed_reader_close(circular->alloc_reader);
	keyed_reader_close(circular->run_reader);
	map_clear(&circular->program_map);
	map_clear(&circular->device_map);
	free(circular->lanes);
	free(circular->order);
	free(circular->buffers);
	free(circular->programs);
	free(circular->devices);
}

static const char *const run_columns[] = {"key", "at_ns", "origin", "program"};

int circular_replay(struct recording *recording, const struct catalog *catalog,
                    bool (*each)(const struct circular_event *event, void *context), void *context,
                    struct sql_error *error)
{
	struct circular circular = {.recording = recording,
	                            .catalog = catalog,
	                            .free_buffer = NONE,
	                            .free_program = NONE,
	                            .last_index = NONE,
	                            .each = each,
	                            .context = context,
	                            .error = error};
	int64_t any = 0;
	int result = -1;

	/* most recordings have none */
	if (recording_integer(recording, "SELECT EXISTS (SELECT 1 FROM main.circular_buffer)", 0, &any, error) < 0)
		return -1;
	if (!any)
		return 0;
	circular.lanes = calloc(catalog->process_count + 1, sizeof(*circular.lanes));
	circular.order = calloc(catalog->process_count + 1, sizeof(*circular.order));
	if (!circular.lanes || !circular.order) {
		no_memory(&circular);
		goto out;
	}
	circular.alloc_reader =
	    keyed_reader_open(recording, catalog,
	                      "SELECT key, alloc_ns, origin, program, address, size_bytes, "
	                      "end_key, end_ns, ended = 'freed', " CIRCULAR_COUNTED(
	                          "b") " FROM main.circular_buffer b WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
	                      error);
	circular.run_reader = keyed_reader_open_table(recording, catalog, "program_run", run_columns,
	                                              sizeof(run_columns) / sizeof(*run_columns), error);
	if (circular.alloc_reader && circular.run_reader && start_lanes(&circular) == 0)
		result = run_all(&circular);
out:
	clear(&circular);
	return result;
}
