/* SPDX-License-Identifier: Apache-2.0
 *
 * evaluation.c
 */
#include "evaluation.h"

#include <ttalloc.h>

#include "model.h"

enum { SEMAPHORE_BYTES = 4, L1_LEFT_BYTES = 81920 }; /* for L1_SMALL and the circular buffers */

static const struct program_recipe evaluation = {
    .name = "evaluate", .binary_bytes = 9216, .cb_bytes = {8 * MODEL_TILE_BYTES, 8 * MODEL_TILE_BYTES}};

void all_gather(struct mesh *mesh, struct tensor *semaphore)
{
	ttalloc_label_push("all_gather");
	mesh_make(mesh,
	          &(struct buffer_request){
	              .region = TTALLOC_L1,
	              .size_bytes = SEMAPHORE_BYTES,
	              .page_bytes = SEMAPHORE_BYTES,
	          },
	          semaphore);
	ttalloc_label_pop();
}

void evaluate(struct mesh *mesh, unsigned number)
{
	const struct architecture *architecture = device_architecture(mesh_device(mesh, 0));
	uint64_t tiles = (architecture->l1_bank_bytes - L1_LEFT_BYTES) / MODEL_TILE_BYTES;
	struct tensor activations = {0};

	ttalloc_label_push("evaluate");
	mesh_make(mesh,
	          &(struct buffer_request){
	              .region = TTALLOC_L1,
	              .flags = TTALLOC_SHARDED,
	              .shard_cores = architecture->l1_banks,
	              .size_bytes = tiles * MODEL_TILE_BYTES * architecture->l1_banks,
	              .page_bytes = MODEL_TILE_BYTES,
	          },
	          &activations);
	mesh_run(mesh, number, &evaluation, &activations);
	mesh_drop(mesh, &activations);
	ttalloc_label_pop();
}
