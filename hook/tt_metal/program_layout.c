/* SPDX-License-Identifier: Apache-2.0
 *
 * program_layout.c - see program_layout.h.
 */
#include "program_layout.h"

#include <string.h>

#include "device.h"

#define ALLOCATORS_MAX 4096
#define SPANS_MAX 4096
#define L1_MAX (UINT64_C(1) << 24)
#define DATAFLOW_BUFFER_BYTES 256

struct program_layout {
	int16_t allocators, id, cores, entry_size, entries, borrows, lookup, borrowed_address, alias;
};

#define LAYOUT_ROW(...) {__VA_ARGS__},
static const struct program_layout layouts[] = {TT_PROGRAM_LAYOUTS(LAYOUT_ROW)};

int tt_program_layouts(void)
{
	return sizeof(layouts) / sizeof(*layouts);
}

/* ---- Reading ---- */

bool tt_is_vector(const struct tt_vector *vector, size_t bytes, size_t most)
{
	uintptr_t begin = (uintptr_t)vector->begin, end = (uintptr_t)vector->end;
	char last;

	if (!begin && !end)
		return true;
	return begin % sizeof(void *) == 0 && end >= begin && (uintptr_t)vector->capacity_end >= end &&
	       (end - begin) % bytes == 0 && (end - begin) / bytes <= most &&
	       (end == begin || tt_read_safely((const char *)vector->end - 1, &last, 1));
}

static bool is_range(uint64_t x0, uint64_t y0, uint64_t x1, uint64_t y1)
{
	return x0 <= x1 && y0 <= y1 && x1 <= UINT16_MAX && y1 <= UINT16_MAX;
}

static bool read_cores(const struct tt_vector *set, struct dataflow_buffer *buffer)
{
	if (!tt_is_vector(set, sizeof(*buffer->cores), ALLOCATORS_MAX) || set->begin == set->end)
		return false;
	buffer->cores = set->begin;
	buffer->cores_end = set->end;
	for (const struct tt_core_range *range = buffer->cores; range < buffer->cores_end; range++) {
		if (!is_range(range->x0, range->y0, range->x1, range->y1))
			return false;
	}
	return true;
}

/* Its address is the same on all of its cores. */
static bool read_address(const struct program_layout *layout, const uint8_t *object, bool borrows,
                         struct dataflow_buffer *buffer)
{
	const uint8_t *node;
	uint32_t address;

	memcpy(&address, object + layout->borrowed_address, sizeof(address));
	buffer->address = address;
	if (borrows)
		return true;
	memcpy(&node, object + layout->lookup, sizeof(node));
	/* next node, core, number of its group, address */
	if (!node || (uintptr_t)node % sizeof(void *) || !tt_read_safely(node + 32, &address, sizeof(address)))
		return false;
	buffer->address = address;
	return true;
}

static bool read_buffer(const struct program_layout *layout, const uint8_t *object, struct dataflow_buffer *buffer)
{
	uint8_t copy[DATAFLOW_BUFFER_BYTES];
	uint32_t id, entry_size, entries;
	struct tt_vector cores;
	bool alias;

	if (!tt_read_safely(object, copy, sizeof(copy)))
		return false;
	memcpy(&id, copy + layout->id, sizeof(id));
	memcpy(&cores, copy + layout->cores, sizeof(cores));
	memcpy(&entry_size, copy + layout->entry_size, sizeof(entry_size));
	memcpy(&entries, copy + layout->entries, sizeof(entries));
	alias = copy[layout->alias + 4] != 0;
	if (id >= ALLOCATORS_MAX || copy[layout->borrows] > 1 || copy[layout->alias + 4] > 1 ||
	    !read_cores(&cores, buffer))
		return false;
	buffer->size_bytes = (uint64_t)entry_size * entries;
	buffer->shared = alias || copy[layout->borrows];
	return buffer->size_bytes < L1_MAX && read_address(layout, copy, copy[layout->borrows], buffer);
}

static bool read_allocators(const struct program_layout *layout, const uint8_t *list, struct program *program)
{
	struct tt_vector allocators;

	if (!tt_read_safely(list + layout->allocators, &allocators, sizeof(allocators)) ||
	    !tt_is_vector(&allocators, sizeof(*program->allocators), ALLOCATORS_MAX))
		return false;
	program->allocators = allocators.begin;
	program->allocator_count =
	    ((uintptr_t)allocators.end - (uintptr_t)allocators.begin) / sizeof(*program->allocators);
	for (size_t i = 0; i < program->allocator_count; i++) {
		const struct tt_l1_allocator *allocator = &program->allocators[i];
		const struct tt_vector taken = {allocator->taken.begin, allocator->taken.end,
		                                allocator->taken.capacity_end};

		if (!is_range(allocator->cores.x0, allocator->cores.y0, allocator->cores.x1, allocator->cores.y1) ||
		    !tt_is_vector(&taken, sizeof(struct tt_l1_span), SPANS_MAX))
			return false;
		for (const struct tt_l1_span *span = taken.begin; (const void *)span < taken.end; span++) {
			if (span->end < span->begin || span->end > L1_MAX ||
			    ((const void *)span > taken.begin && span->begin < span[-1].end))
				return false;
		}
	}
	return true;
}

bool tt_program_read(int number, const struct tt_vector *list, size_t count, struct program *program)
{
	const struct program_layout *layout = &layouts[number];
	const struct {
		const uint8_t *object;
		const void *control;
	} *pointers = list->begin;

	program->count = count;
	for (size_t i = 0; i < count; i++) {
		if (!read_buffer(layout, pointers[i].object, &program->buffers[i]))
			return false;
	}
	return read_allocators(layout, (const uint8_t *)list, program);
}

/* ---- What the two sides say of each other ---- */

static bool meet(const struct tt_core_range *range, const struct tt_l1_allocator *allocator)
{
	return range->x0 <= allocator->cores.x1 && allocator->cores.x0 <= range->x1 &&
	       range->y0 <= allocator->cores.y1 && allocator->cores.y0 <= range->y1;
}

static bool lies_on(const struct dataflow_buffer *buffer, const struct tt_l1_allocator *allocator)
{
	for (const struct tt_core_range *range = buffer->cores; range < buffer->cores_end; range++) {
		if (meet(range, allocator))
			return true;
	}
	return false;
}

/* Whether what ALLOCATOR has taken includes all of BUFFER. */
static bool includes(const struct tt_l1_allocator *allocator, const struct dataflow_buffer *buffer)
{
	for (const struct tt_l1_span *span = allocator->taken.begin; span < allocator->taken.end; span++) {
		if (span->begin <= buffer->address && buffer->address + buffer->size_bytes <= span->end)
			return true;
	}
	return false;
}

/* Whether each of its ranges has an allocator of its own, that has taken it if it takes anything. */
static bool is_allocated(const struct program *program, const struct dataflow_buffer *buffer)
{
	for (const struct tt_core_range *range = buffer->cores; range < buffer->cores_end; range++) {
		bool found = false;

		for (size_t i = 0; i < program->allocator_count && !found; i++) {
			const struct tt_l1_allocator *allocator = &program->allocators[i];

			found = memcmp(&allocator->cores, range, sizeof(*range)) == 0 &&
			        (buffer->shared || !buffer->size_bytes || includes(allocator, buffer));
		}
		if (!found)
			return false;
	}
	return true;
}

/* The next place at or after FROM, in SPAN of ALLOCATOR, that no dataflow buffer accounts for. Empty: there is none. */
static struct tt_l1_span unexplained(const struct program *program, const struct tt_l1_allocator *allocator,
                                     const struct tt_l1_span *span, uint64_t from)
{
	uint64_t to = span->end;

	for (size_t i = 0; i < program->count && from < span->end; i++) {
		const struct dataflow_buffer *buffer = &program->buffers[i];

		if (buffer->shared || buffer->address > from || buffer->address + buffer->size_bytes <= from ||
		    !lies_on(buffer, allocator))
			continue;
		from = buffer->address + buffer->size_bytes;
		i = SIZE_MAX; /* from the first one again */
	}
	for (size_t i = 0; i < program->count && from < span->end; i++) {
		const struct dataflow_buffer *buffer = &program->buffers[i];

		if (!buffer->shared && buffer->size_bytes && buffer->address > from && buffer->address < to &&
		    lies_on(buffer, allocator))
			to = buffer->address;
	}
	return from < to ? (struct tt_l1_span){from, to} : (struct tt_l1_span){0, 0};
}

bool tt_program_each_unexplained(const struct program *program, const struct tt_l1_allocator *allocator,
                                 bool (*each)(void *context, struct tt_l1_span place), void *context)
{
	for (const struct tt_l1_span *span = allocator->taken.begin; span < allocator->taken.end; span++) {
		struct tt_l1_span place = unexplained(program, allocator, span, span->begin);

		for (; place.end; place = unexplained(program, allocator, span, place.end)) {
			if (!each(context, place))
				return false;
		}
	}
	return true;
}

static bool never(void *context, struct tt_l1_span place)
{
	(void)context;
	(void)place;
	return false;
}

static bool share_a_core(const struct dataflow_buffer *a, const struct dataflow_buffer *b)
{
	for (const struct tt_core_range *range = a->cores; range < a->cores_end; range++) {
		for (const struct tt_core_range *other = b->cores; other < b->cores_end; other++) {
			if (range->x0 <= other->x1 && other->x0 <= range->x1 && range->y0 <= other->y1 &&
			    other->y0 <= range->y1)
				return true;
		}
	}
	return false;
}

/* Whether BUFFER takes what none of the first COUNT takes. */
static bool is_apart(const struct program *program, size_t count, const struct dataflow_buffer *buffer)
{
	for (size_t i = 0; i < count && !buffer->shared; i++) {
		const struct dataflow_buffer *other = &program->buffers[i];

		if (!other->shared && buffer->address < other->address + other->size_bytes &&
		    other->address < buffer->address + buffer->size_bytes && share_a_core(buffer, other))
			return false;
	}
	return true;
}

bool tt_program_is_consistent(const struct program *program, bool scratchpads_may_be)
{
	for (size_t i = 0; i < program->count; i++) {
		const struct dataflow_buffer *buffer = &program->buffers[i];

		if (!is_allocated(program, buffer) || !is_apart(program, i, buffer))
			return false;
	}
	for (size_t i = 0; i < program->allocator_count && !scratchpads_may_be; i++) {
		if (!tt_program_each_unexplained(program, &program->allocators[i], never, NULL))
			return false;
	}
	return true;
}

bool tt_program_is_empty(const struct program *program)
{
	for (size_t i = 0; i < program->allocator_count; i++) {
		if (program->allocators[i].taken.begin != program->allocators[i].taken.end)
			return false;
	}
	return program->count == 0;
}
