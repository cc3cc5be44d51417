/* SPDX-License-Identifier: Apache-2.0
 *
 * training.h - a whole training run on one mesh: weights and optimizer state, then steps of forward, backward and
 * optimizer. Labels are model/layer.N/attention/..., optimizer/... and dataloader/...; steps count from 1.
 */
#ifndef EXAMPLES_TRAINING_H
#define EXAMPLES_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh.h"

struct training_options {
	const struct architecture *architecture;
	uint32_t first_chip;
	uint32_t devices;
	uint32_t layers;
	uint32_t tokens;       /* of a full batch on each device */
	uint64_t steps;        /* 0: no limit */
	uint64_t event_limit;  /* 0: no limit; looked at between steps */
	uint64_t leak_bytes;   /* never freed, each step, on the first device */
	uint64_t step_time_us; /* 0: as fast as it goes */
	uint64_t seed;         /* 0: all batches are full */
	bool fragment;         /* leave small buffers behind that outlive their step */
	bool fail;             /* ask for more than there is, in the last step */
	bool evaluate;         /* gather in each step, and evaluate after the last one */
	bool keep_semaphores;  /* those of the gathers are never freed */
};

struct training;

/* Opens the devices. Never NULL. Released by training_end(). */
struct training *training_begin(const struct training_options *options);

/* All steps. False when it ran out of memory; training_message() tells where. What the model held is freed either way;
 * only what was leaked, and the binaries of kernels, stay until the devices are closed. */
bool training_run(struct training *training);

void training_end(struct training *training);

uint64_t training_steps(const struct training *training);
uint64_t training_leaked_bytes(const struct training *training);
const char *training_message(const struct training *training);
struct mesh *training_mesh(struct training *training);

#endif
