/* SPDX-License-Identifier: Apache-2.0
 *
 * mesh.c - loops over devices.
 */
#include "mesh.h"

#include <stdio.h>
#include <stdlib.h>

struct mesh {
	uint32_t device_count;
	unsigned program_count;
	struct device *devices[MESH_DEVICES_MAX];
	struct program *programs; /* program_count for each device */
	const struct device *failed;
};

static struct program *program_at(struct mesh *mesh, uint32_t device, unsigned number)
{
	return &mesh->programs[(size_t)device * mesh->program_count + number];
}

struct mesh *mesh_open(const struct mesh_options *options)
{
	struct mesh *mesh = calloc(1, sizeof(*mesh));

	if (mesh)
		mesh->programs = calloc((size_t)options->devices * options->programs, sizeof(*mesh->programs));
	if (!mesh || !mesh->programs) {
		fputs("out of host memory\n", stderr);
		exit(1);
	}
	mesh->device_count = options->devices;
	mesh->program_count = options->programs;
	for (uint32_t i = 0; i < options->devices; i++)
		mesh->devices[i] = device_open(options->architecture, options->first_chip + i, options->trace_bytes,
		                               options->l1_small_bytes);
	return mesh;
}

void mesh_close(struct mesh *mesh)
{
	for (uint32_t i = 0; i < mesh->device_count; i++)
		device_close(mesh->devices[i]);
	free(mesh->programs);
	free(mesh);
}

void mesh_make_on(struct mesh *mesh, uint32_t index, const struct buffer_request *request, struct buffer *buffer)
{
	if (!mesh->failed && !device_allocate(mesh->devices[index], request, buffer))
		mesh->failed = mesh->devices[index];
}

void mesh_make(struct mesh *mesh, const struct buffer_request *request, struct tensor *tensor)
{
	for (uint32_t i = 0; i < mesh->device_count; i++)
		mesh_make_on(mesh, i, request, &tensor->on[i]);
}

void mesh_drop(struct mesh *mesh, struct tensor *tensor)
{
	for (uint32_t i = 0; i < mesh->device_count; i++)
		device_release(mesh->devices[i], &tensor->on[i]);
}

void mesh_run(struct mesh *mesh, unsigned number, const struct program_recipe *recipe, const struct tensor *output)
{
	for (uint32_t i = 0; i < mesh->device_count && !mesh->failed; i++)
		if (!program_run(mesh->devices[i], program_at(mesh, i, number), number + 1, recipe,
		                 output ? &output->on[i] : NULL))
			mesh->failed = mesh->devices[i];
}

void mesh_forget_programs(struct mesh *mesh)
{
	for (uint32_t i = 0; i < mesh->device_count; i++)
		for (unsigned number = 0; number < mesh->program_count; number++)
			program_destroy(mesh->devices[i], program_at(mesh, i, number));
}

bool mesh_failed(const struct mesh *mesh)
{
	return mesh->failed != NULL;
}

const char *mesh_message(const struct mesh *mesh)
{
	return mesh->failed ? device_message(mesh->failed) : "";
}

uint64_t mesh_events(const struct mesh *mesh)
{
	uint64_t events = 0;

	for (uint32_t i = 0; i < mesh->device_count; i++)
		events += device_events(mesh->devices[i]);
	return events;
}

uint32_t mesh_devices(const struct mesh *mesh)
{
	return mesh->device_count;
}

struct device *mesh_device(struct mesh *mesh, uint32_t index)
{
	return mesh->devices[index];
}
