/* SPDX-License-Identifier: Apache-2.0
 *
 * workload.c - see workload.h. A workload maps ranges of coordinates to programs, so that the program which ttnn
 * announces has its range right before it in memory. What is there is checked by what it means: two corners, each with
 * its numbers in itself, inside the shape of the mesh. Anything else is no range, and the program is for all chips.
 */
#include "workload.h"

#include <stddef.h>
#include <stdint.h>

#define DIMENSIONS_MAX 8

/* Rows and columns. */
static bool read_shape(const struct tt_library *library, const void *mesh, uint32_t shape[static 2])
{
	const void *object = library->mesh_shape ? library->mesh_shape(mesh) : NULL;
	uint32_t sizes[DIMENSIONS_MAX];
	struct tt_numbers numbers;

	if (!object || !tt_read_safely(object, &numbers, offsetof(struct tt_numbers, here)) || numbers.count < 2 ||
	    numbers.count > DIMENSIONS_MAX || !tt_read_safely(numbers.values, sizes, numbers.count * sizeof(*sizes)))
		return false;
	for (uint32_t i = 0; i + 2 < numbers.count; i++) {
		if (sizes[i] != 1)
			return false;
	}
	shape[0] = sizes[numbers.count - 2];
	shape[1] = sizes[numbers.count - 1];
	return true;
}

static bool read_range(const void *program, uint32_t first[static 2], uint32_t last[static 2])
{
	const struct tt_numbers *corners = (const void *)((const char *)program - TT_RANGE_BEFORE_PROGRAM);
	struct tt_numbers copy[2];

	if (!tt_read_safely(corners, copy, sizeof(copy)))
		return false;
	for (int i = 0; i < 2; i++) {
		if (copy[i].values != corners[i].here || copy[i].count != 2)
			return false;
	}
	for (int i = 0; i < 2; i++) {
		first[i] = copy[0].here[i];
		last[i] = copy[1].here[i];
	}
	return true;
}

void tt_workload_narrow(const struct tt_library *library, const void *program, const void *mesh, struct tt_chips *chips)
{
	uint32_t shape[2], first[2], last[2], kept = 0;

	if (chips->count < 2 || !read_range(program, first, last) || !read_shape(library, mesh, shape) ||
	    (uint64_t)shape[0] * shape[1] != chips->count || first[0] > last[0] || first[1] > last[1] ||
	    last[0] >= shape[0] || last[1] >= shape[1])
		return;
	/* The chips of a mesh come row by row. */
	for (uint32_t i = 0; i < chips->count; i++) {
		uint32_t row = i / shape[1], column = i % shape[1];

		if (row >= first[0] && row <= last[0] && column >= first[1] && column <= last[1])
			chips->ids[kept++] = chips->ids[i];
	}
	chips->count = kept;
}
