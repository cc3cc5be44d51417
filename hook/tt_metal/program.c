/* SPDX-License-Identifier: Apache-2.0
 *
 * program.c - reads ProgramImpl objects.
 *
 * A program says twice what it has placed: each dataflow buffer has its address and size, and there is a list of
 * allocators, one for each range of cores, that have what is taken there. So the layout of the objects is checked by
 * what they mean: it is the row of the table under which each dataflow buffer lies in what its cores have taken, and
 * together they are all of it, until scratchpads are put on top. What no dataflow buffer accounts for then is a
 * scratchpad. The same is checked again each time.
 */
#include "program.h"

#include <stddef.h>

#include "program_layout.h"
#include "say.h"

#define RANGES_MAX 64

/* Values of struct tt_library.program_layout: 0, a row's number + 1, or: */
enum { LAYOUT_NOT_TRIED = 0, LAYOUT_UNKNOWN = -1 };

/* ---- Telling ---- */

struct telling {
	const struct program *program;
	tt_program_taker *take;
	void *context;
	uint64_t hash;
	size_t allocator; /* whose places are being told */
};

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x100000001B3);
	*hash ^= *hash >> 29;
}

/* Of more than RANGES_MAX it is only told that they are more. */
static void tell(struct telling *telling, struct ttalloc_cb *piece, const struct ttalloc_core_range *cores,
                 uint32_t ranges)
{
	mix(&telling->hash, piece->kind);
	mix(&telling->hash, piece->address);
	mix(&telling->hash, piece->size_bytes << 1 | piece->aliased);
	for (uint32_t i = 0; i < ranges && i < RANGES_MAX; i++)
		mix(&telling->hash, (uint64_t)cores[i].x0 << 48 | (uint64_t)cores[i].y0 << 32 |
		                        (uint64_t)cores[i].x1 << 16 | cores[i].y1);
	piece->struct_size = sizeof(*piece);
	piece->core_ranges = ranges;
	piece->cores = ranges && ranges <= RANGES_MAX ? cores : NULL;
	if (telling->take)
		telling->take(telling->context, piece);
}

/* Adds the part of a range that no other one of CORES has, in rectangles. COUNT over RANGES_MAX: there are more. */
static void add_range(struct ttalloc_core_range cores[static RANGES_MAX], uint32_t *count,
                      struct ttalloc_core_range range)
{
	for (uint32_t i = 0; i < *count && i < RANGES_MAX; i++) {
		const struct ttalloc_core_range other = cores[i];
		struct ttalloc_core_range rest = range;

		if (other.x0 > range.x1 || range.x0 > other.x1 || other.y0 > range.y1 || range.y0 > other.y1)
			continue;
		if (range.x0 < other.x0) {
			rest.x1 = (uint16_t)(other.x0 - 1);
			add_range(cores, count, rest);
		}
		if (range.x1 > other.x1) {
			rest = range;
			rest.x0 = (uint16_t)(other.x1 + 1);
			add_range(cores, count, rest);
		}
		rest = range;
		rest.x0 = range.x0 > other.x0 ? range.x0 : other.x0;
		rest.x1 = range.x1 < other.x1 ? range.x1 : other.x1;
		if (range.y0 < other.y0) {
			rest.y1 = (uint16_t)(other.y0 - 1);
			add_range(cores, count, rest);
		}
		if (range.y1 > other.y1) {
			rest.y0 = (uint16_t)(other.y1 + 1);
			rest.y1 = range.y1;
			add_range(cores, count, rest);
		}
		return;
	}
	if (*count < RANGES_MAX)
		cores[*count] = range;
	(*count)++;
}

static void tell_buffer(struct telling *telling, const struct dataflow_buffer *buffer)
{
	struct ttalloc_core_range cores[RANGES_MAX];
	uint32_t count = 0;
	struct ttalloc_cb piece = {.kind = TTALLOC_DATAFLOW_BUFFER,
	                           .address = buffer->address,
	                           .size_bytes = buffer->size_bytes,
	                           .aliased = buffer->shared};

	for (const struct tt_core_range *range = buffer->cores; range < buffer->cores_end && count <= RANGES_MAX;
	     range++)
		add_range(cores, &count,
		          (struct ttalloc_core_range){(uint16_t)range->x0, (uint16_t)range->y0, (uint16_t)range->x1,
		                                      (uint16_t)range->y1});
	tell(telling, &piece, cores, count);
}

struct same_place {
	struct tt_l1_span place;
	bool found;
};

static bool is_elsewhere(void *context, struct tt_l1_span place)
{
	struct same_place *same = context;

	same->found = place.begin == same->place.begin && place.end == same->place.end;
	return !same->found;
}

static bool has_place(const struct program *program, size_t allocator, struct tt_l1_span place)
{
	struct same_place same = {.place = place};

	tt_program_each_unexplained(program, &program->allocators[allocator], is_elsewhere, &same);
	return same.found;
}

/* One scratchpad has the same place on all of its cores: it is told with the first allocator that has it. Those that
 * lie one behind the other on the same cores are told as one. */
static bool tell_scratchpad(void *context, struct tt_l1_span place)
{
	struct telling *telling = context;
	const struct program *program = telling->program;
	struct ttalloc_core_range cores[RANGES_MAX];
	uint32_t count = 0;
	struct ttalloc_cb piece = {
	    .kind = TTALLOC_SCRATCHPAD, .address = place.begin, .size_bytes = place.end - place.begin};

	for (size_t i = 0; i < telling->allocator; i++) {
		if (has_place(program, i, place))
			return true;
	}
	for (size_t i = telling->allocator; i < program->allocator_count && count <= RANGES_MAX; i++) {
		const struct tt_l1_allocator *allocator = &program->allocators[i];

		if (has_place(program, i, place))
			add_range(
			    cores, &count,
			    (struct ttalloc_core_range){(uint16_t)allocator->cores.x0, (uint16_t)allocator->cores.y0,
			                                (uint16_t)allocator->cores.x1, (uint16_t)allocator->cores.y1});
	}
	tell(telling, &piece, cores, count);
	return true;
}

static uint64_t tell_all(const struct program *program, tt_program_taker *take, void *context)
{
	struct telling telling = {.program = program, .take = take, .context = context, .hash = 1};

	if (tt_program_is_empty(program))
		return 0;
	for (size_t i = 0; i < program->count; i++)
		tell_buffer(&telling, &program->buffers[i]);
	for (telling.allocator = 0; telling.allocator < program->allocator_count; telling.allocator++)
		tt_program_each_unexplained(program, &program->allocators[telling.allocator], tell_scratchpad,
		                            &telling);
	return telling.hash ? telling.hash : 1;
}

/* ---- Layouts ---- */

/* The number of the one row under which PROGRAM makes sense; LAYOUT_NOT_TRIED: it is too empty to tell. */
static int find_layout(const struct tt_vector *list, size_t count, bool scratchpads_may_be, struct program *program)
{
	int found = LAYOUT_NOT_TRIED;
	bool empty = count == 0;

#ifdef __x86_64__
	for (int i = 0; i < tt_program_layouts(); i++) {
		if (!tt_program_read(i, list, count, program) ||
		    !tt_program_is_consistent(program, scratchpads_may_be) || tt_program_is_empty(program))
			continue;
		if (found != LAYOUT_NOT_TRIED)
			return LAYOUT_UNKNOWN;
		found = i + 1;
	}
#endif
	if (found == LAYOUT_NOT_TRIED && !empty)
		return LAYOUT_UNKNOWN;
	return found;
}

static bool refuse(const struct tt_library *library)
{
	tt_count(TT_COUNT_REFUSED);
	tt_say_once(
	    "%s lays its programs out in a way that is not known: dataflow buffers and scratchpads are not recorded",
	    library->path);
	return false;
}

bool tt_program_has_dataflow_buffers(const struct tt_library *library, const void *impl)
{
	const struct tt_vector *list = library->dataflow_buffers ? library->dataflow_buffers(impl) : NULL;

	return list && list->begin != list->end;
}

bool tt_program_each(struct tt_library *library, const void *impl, enum tt_placing placing, bool fresh, uint64_t *hash,
                     tt_program_taker *take, void *context)
{
	struct program program;
	const struct tt_vector *list = library->dataflow_buffers ? library->dataflow_buffers(impl) : NULL;
	bool scratchpads_may_be = placing == TT_PLACED_SCRATCHPADS || !fresh;
	int number = atomic_load_explicit(&library->program_layout, memory_order_relaxed);
	size_t count;

	*hash = 0;
	if (!list)
		return !library->places_dataflow_buffers || refuse(library);
	if (!tt_is_vector(list, 2 * sizeof(void *), DATAFLOW_BUFFERS_MAX))
		return refuse(library);
	count = ((uintptr_t)list->end - (uintptr_t)list->begin) / (2 * sizeof(void *));
	if (number == LAYOUT_NOT_TRIED) {
		number = find_layout(list, count, scratchpads_may_be, &program);
		atomic_store_explicit(&library->program_layout, number, memory_order_relaxed);
	}
	if (number == LAYOUT_NOT_TRIED)
		return true;
	if (number == LAYOUT_UNKNOWN)
		return count == 0 || refuse(library);
	if (!tt_program_read(number - 1, list, count, &program) ||
	    !tt_program_is_consistent(&program, scratchpads_may_be))
		return refuse(library);
	*hash = tell_all(&program, NULL, NULL);
	if (take)
		tell_all(&program, take, context);
	return true;
}
