/* SPDX-License-Identifier: Apache-2.0
 *
 * evaluation.h - what follows a training run: one pass over a batch that was held out, whose activations take nearly
 * all of L1; and the semaphores of the steps before, which have to be gone by then.
 */
#ifndef EXAMPLES_EVALUATION_H
#define EXAMPLES_EVALUATION_H

#include "mesh.h"

/* The semaphore of an all-gather: a few bytes, and a slot in every bank of L1, below whatever lies there now. */
void all_gather(struct mesh *mesh, struct tensor *semaphore);

/* Runs as program NUMBER of MESH. */
void evaluate(struct mesh *mesh, unsigned number);

#endif
