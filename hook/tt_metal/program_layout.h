/* SPDX-License-Identifier: Apache-2.0
 *
 * program_layout.h - a ProgramImpl as one layout of the table has it, and whether that makes sense.
 */
#ifndef TTALLOC_TT_METAL_PROGRAM_LAYOUT_H
#define TTALLOC_TT_METAL_PROGRAM_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream.h"

#define DATAFLOW_BUFFERS_MAX 256

struct dataflow_buffer {
	const struct tt_core_range *cores, *cores_end;
	uint64_t address, size_bytes;
	bool shared; /* lies in a tensor, or where another one lies: takes nothing */
};

struct program {
	struct dataflow_buffer buffers[DATAFLOW_BUFFERS_MAX];
	size_t count;
	const struct tt_l1_allocator *allocators;
	size_t allocator_count;
};

/* How many layouts there are. */
int tt_program_layouts(void);

/* Whether a std::vector of elements of BYTES each can be read, and has at most MOST of them. */
bool tt_is_vector(const struct tt_vector *vector, size_t bytes, size_t most);

/* Reads a program by LAYOUT. LIST is the vector of its dataflow buffers, COUNT of them. Nothing is followed before it
 * could be read safely. False: it is not laid out so. */
bool tt_program_read(int layout, const struct tt_vector *list, size_t count, struct program *program);

/* Whether the dataflow buffers lie in what their cores have taken, apart from each other, and, unless
 * SCRATCHPADS_MAY_BE there, are all of it. */
bool tt_program_is_consistent(const struct program *program, bool scratchpads_may_be);

/* Whether it has neither dataflow buffers nor anything else. */
bool tt_program_is_empty(const struct program *program);

/* Calls EACH for every place that ALLOCATOR has taken and no dataflow buffer accounts for, until it returns false. */
bool tt_program_each_unexplained(const struct program *program, const struct tt_l1_allocator *allocator,
                                 bool (*each)(void *context, struct tt_l1_span place), void *context);

#endif
