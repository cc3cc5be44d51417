/* SPDX-License-Identifier: Apache-2.0
 *
 * program.h - one operation as compiled for a device: its kernels, their binaries in DRAM, and its circular buffers,
 * which grow from the bottom of L1 by a bump pointer that starts anew for every program. Not thread-safe.
 */
#ifndef EXAMPLES_PROGRAM_H
#define EXAMPLES_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"

enum { PROGRAM_CBS_MAX = 5 };

/* What a kind of program needs. */
struct program_recipe {
	const char *name;
	uint32_t binary_bytes;              /* of all its kernels */
	uint32_t cb_bytes[PROGRAM_CBS_MAX]; /* on each core; the first 0 ends the list */
	bool borrows_output;                /* one more circular buffer lies in the output, if that is in L1 */
};

/* All zero: not compiled yet. */
struct program {
	uint64_t id;
	uint64_t cb_end; /* first address above its circular buffers */
	struct buffer binary;
};

/* Compiles PROGRAM under number ID if that has not happened, and runs it on DEVICE. OUTPUT may be NULL. False when it
 * does not fit: no room for its binary, or its circular buffers would reach into a buffer in L1. */
bool program_run(struct device *device, struct program *program, uint64_t id, const struct program_recipe *recipe,
                 const struct buffer *output);

/* Circular buffers and kernels end; the binary stays in DRAM until the device is closed, as it does in TT-Metal. */
void program_destroy(struct device *device, struct program *program);

#endif
