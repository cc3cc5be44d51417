/* SPDX-License-Identifier: Apache-2.0
 *
 * disturbance.h - what goes wrong in real runs, on demand: buffers that are never freed, small ones that outlive their
 * step and split the free memory, a request that cannot be served.
 */
#ifndef EXAMPLES_DISTURBANCE_H
#define EXAMPLES_DISTURBANCE_H

#include <stdint.h>

#include "mesh.h"

enum { STRAGGLERS_MAX = 512 };

/* A small buffer that outlives its step. */
struct straggler {
	struct tensor tensor;
	uint64_t last_step; /* 0: none */
};

struct stragglers {
	struct straggler slots[STRAGGLERS_MAX];
	uint64_t random; /* state; not 0 */
};

/* Numbers that look random, from STATE, which must not be 0. */
uint64_t next_random(uint64_t *state);

/* Leaves a semaphore in L1 and a few tiles in DRAM behind, for up to eight steps. */
void stragglers_add(struct stragglers *stragglers, struct mesh *mesh, uint64_t step);

/* Drops those whose last step is below STEP; all of them for UINT64_MAX. */
void stragglers_drop(struct stragglers *stragglers, struct mesh *mesh, uint64_t step);

/* A buffer of SIZE_BYTES on the first device that nobody will free. */
void leak(struct mesh *mesh, uint64_t size_bytes);

/* A request for DRAM that is larger than the largest free block, though where memory is in pieces not than their sum.
 */
void ask_for_too_much(struct mesh *mesh);

#endif
