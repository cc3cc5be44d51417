/* SPDX-License-Identifier: Apache-2.0
 *
 * disturbance.c
 */
#include "disturbance.h"

#include <ttalloc.h>

#include "model.h"

enum { SEMAPHORE_BYTES = 4, STRAGGLER_STEPS = 8, STRAGGLER_TILES = 64 };

uint64_t next_random(uint64_t *state)
{
	/* xorshift64* */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1Du;
}

static void add_one(struct stragglers *stragglers, struct mesh *mesh, uint64_t step,
                    const struct buffer_request *request)
{
	for (unsigned i = 0; i < STRAGGLERS_MAX; i++) {
		struct straggler *straggler = &stragglers->slots[i];

		if (straggler->last_step != 0)
			continue;
		straggler->last_step = step + (next_random(&stragglers->random) >> 32) % STRAGGLER_STEPS;
		mesh_make(mesh, request, &straggler->tensor);
		return;
	}
}

void stragglers_add(struct stragglers *stragglers, struct mesh *mesh, uint64_t step)
{
	uint64_t tiles = 1 + (next_random(&stragglers->random) >> 32) % STRAGGLER_TILES;
	const struct buffer_request semaphore = {
	    .region = TTALLOC_L1,
	    .size_bytes = SEMAPHORE_BYTES,
	    .page_bytes = SEMAPHORE_BYTES,
	};
	const struct buffer_request statistics = {
	    .region = TTALLOC_DRAM,
	    .size_bytes = tiles * MODEL_TILE_BYTES,
	    .page_bytes = MODEL_TILE_BYTES,
	};

	ttalloc_label_push("statistics");
	add_one(stragglers, mesh, step, &semaphore);
	add_one(stragglers, mesh, step, &statistics);
	ttalloc_label_pop();
}

void stragglers_drop(struct stragglers *stragglers, struct mesh *mesh, uint64_t step)
{
	for (unsigned i = 0; i < STRAGGLERS_MAX; i++) {
		struct straggler *straggler = &stragglers->slots[i];

		if (straggler->last_step == 0 || straggler->last_step >= step)
			continue;
		mesh_drop(mesh, &straggler->tensor);
		straggler->last_step = 0;
	}
}

void leak(struct mesh *mesh, uint64_t size_bytes)
{
	const struct buffer_request request = {
	    .region = TTALLOC_DRAM,
	    .size_bytes = size_bytes,
	    .page_bytes = size_bytes < MODEL_TILE_BYTES ? size_bytes : MODEL_TILE_BYTES,
	};

	struct buffer forgotten;

	mesh_make_on(mesh, 0, &request, &forgotten);
}

void ask_for_too_much(struct mesh *mesh)
{
	struct device *device = mesh_device(mesh, 0);
	uint64_t free_bytes, largest_bytes, tiles;
	struct tensor never = {0};

	device_free_space(device, TTALLOC_DRAM, &free_bytes, &largest_bytes);
	tiles = largest_bytes / MODEL_TILE_BYTES + 1 + (free_bytes - largest_bytes) / 2 / MODEL_TILE_BYTES;
	ttalloc_label_push("checkpoint");
	mesh_make(mesh,
	          &(struct buffer_request){
	              .region = TTALLOC_DRAM,
	              .size_bytes = tiles * MODEL_TILE_BYTES * device_architecture(device)->dram_banks,
	              .page_bytes = MODEL_TILE_BYTES,
	          },
	          &never);
	ttalloc_label_pop();
}
