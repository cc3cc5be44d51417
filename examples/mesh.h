/* SPDX-License-Identifier: Apache-2.0
 *
 * mesh.h - several devices that do the same at the same time: a tensor has one buffer on each, an operation runs on
 * all. Once something did not fit, everything else that asks for memory or runs does nothing; releases still work. So
 * the code of a step needs no check at each line, and mesh_failed() at its end tells. Not thread-safe.
 */
#ifndef EXAMPLES_MESH_H
#define EXAMPLES_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "program.h"

enum { MESH_DEVICES_MAX = 8 };

struct tensor {
	struct buffer on[MESH_DEVICES_MAX];
};

struct mesh_options {
	const struct architecture *architecture;
	uint32_t first_chip;
	uint32_t devices;  /* 1 to MESH_DEVICES_MAX */
	unsigned programs; /* numbers of programs are below this */
	uint64_t trace_bytes;
	uint64_t l1_small_bytes;
};

struct mesh;

/* Never NULL. Closed by mesh_close(), which also closes the devices. */
struct mesh *mesh_open(const struct mesh_options *options);
void mesh_close(struct mesh *mesh);

void mesh_make(struct mesh *mesh, const struct buffer_request *request, struct tensor *tensor);
void mesh_drop(struct mesh *mesh, struct tensor *tensor);

/* The same on one of the devices only. */
void mesh_make_on(struct mesh *mesh, uint32_t index, const struct buffer_request *request, struct buffer *buffer);

/* Runs program NUMBER, compiled from RECIPE at its first run. OUTPUT may be NULL. */
void mesh_run(struct mesh *mesh, unsigned number, const struct program_recipe *recipe, const struct tensor *output);

/* Ends all programs, as emptying the program cache does. */
void mesh_forget_programs(struct mesh *mesh);

bool mesh_failed(const struct mesh *mesh);

/* Why it failed; "" when it did not. */
const char *mesh_message(const struct mesh *mesh);

uint64_t mesh_events(const struct mesh *mesh);
uint32_t mesh_devices(const struct mesh *mesh);
struct device *mesh_device(struct mesh *mesh, uint32_t index);

#endif
