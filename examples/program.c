/* SPDX-License-Identifier: Apache-2.0
 *
 * program.c - compiling (once per device) and running a program.
 */
#include "program.h"

#include <inttypes.h>
#include <stdio.h>

#include <ttalloc.h>

enum { KERNELS = 3, BINARY_PAGE_BYTES = 2048 };

static const char *const kernel_roles[KERNELS] = {"reader", "compute", "writer"};

static uint64_t kernel_id(const struct program *program, unsigned kernel)
{
	return program->id * KERNELS + kernel;
}

static bool load_binary(struct device *device, struct program *program, const struct program_recipe *recipe)
{
	const struct buffer_request request = {
	    .region = TTALLOC_DRAM,
	    .flags = TTALLOC_TOP_DOWN | TTALLOC_KERNEL_BINARY,
	    .size_bytes = recipe->binary_bytes,
	    .page_bytes = BINARY_PAGE_BYTES,
	};

	return device_allocate(device, &request, &program->binary);
}

static void load_kernels(struct device *device, const struct program *program, const struct program_recipe *recipe)
{
	for (unsigned kernel = 0; kernel < KERNELS; kernel++) {
		char name[64];

		snprintf(name, sizeof(name), "%s_%s", kernel_roles[kernel], recipe->name);
		ttalloc_kernel_load(&(struct ttalloc_kernel){
		    .struct_size = sizeof(struct ttalloc_kernel),
		    .device = device_chip(device),
		    .id = kernel_id(program, kernel),
		    .size_bytes = recipe->binary_bytes / KERNELS,
		    .name = name,
		    .kind = "application",
		    .core_type = "worker",
		});
	}
	device_count_events(device, KERNELS);
}

static void report_cb(struct device *device, const struct program *program, uint32_t index, uint64_t address,
                      uint64_t size_bytes, bool aliased)
{
	const struct architecture *chip = device_architecture(device);
	const struct ttalloc_core_range cores = {
	    .x1 = (uint16_t)(chip->grid_columns - 1),
	    .y1 = (uint16_t)(chip->grid_rows - 1),
	};

	ttalloc_cb_alloc(&(struct ttalloc_cb){
	    .struct_size = sizeof(struct ttalloc_cb),
	    .device = device_chip(device),
	    .program = program->id,
	    .address = address,
	    .size_bytes = size_bytes,
	    .index = index,
	    .aliased = aliased,
	    .cores = &cores,
	    .core_ranges = 1,
	});
	device_count_events(device, 1);
}

static void place_cbs(struct device *device, struct program *program, const struct program_recipe *recipe,
                      const struct buffer *output)
{
	const struct architecture *chip = device_architecture(device);
	uint64_t alignment = chip->dram_alignment_bytes;
	uint64_t address = (chip->l1_base_address + alignment - 1) & ~(alignment - 1);
	uint32_t index = 0;

	for (; index < PROGRAM_CBS_MAX && recipe->cb_bytes[index] > 0; index++) {
		report_cb(device, program, index, address, recipe->cb_bytes[index], false);
		address = (address + recipe->cb_bytes[index] + alignment - 1) & ~(alignment - 1);
	}
	program->cb_end = address;
	if (recipe->borrows_output && output && output->placed && output->region == TTALLOC_L1)
		report_cb(device, program, index, output->address, output->bank_bytes, true);
}

static bool compile(struct device *device, struct program *program, uint64_t id, const struct program_recipe *recipe,
                    const struct buffer *output)
{
	program->id = id;
	if (!load_binary(device, program, recipe)) {
		program->id = 0;
		return false;
	}
	load_kernels(device, program, recipe);
	place_cbs(device, program, recipe, output);
	return true;
}

static void report_clash(struct device *device, const struct program *program, uint64_t lowest)
{
	uint64_t bytes = program->cb_end - device_architecture(device)->l1_base_address;
	char message[DEVICE_MESSAGE_MAX];

	snprintf(message, sizeof(message),
	         "Circular buffers of program %" PRIu64 " clash with L1 buffers: the lowest buffer is at %" PRIu64
	         " and the circular buffers end at %" PRIu64,
	         program->id, lowest, program->cb_end);
	device_fail(device, TTALLOC_CB, bytes, bytes, message);
}

bool program_run(struct device *device, struct program *program, uint64_t id, const struct program_recipe *recipe,
                 const struct buffer *output)
{
	uint64_t lowest = device_lowest_l1(device);

	if (program->id == 0 && !compile(device, program, id, recipe, output))
		return false;
	if (program->cb_end > lowest) {
		report_clash(device, program, lowest);
		return false;
	}
	ttalloc_program_run(device_chip(device), program->id);
	device_count_events(device, 1);
	return true;
}

void program_destroy(struct device *device, struct program *program)
{
	if (program->id == 0)
		return;
	ttalloc_cb_free(device_chip(device), program->id);
	for (unsigned kernel = 0; kernel < KERNELS; kernel++)
		ttalloc_kernel_unload(device_chip(device), kernel_id(program, kernel));
	device_count_events(device, 1 + KERNELS);
	program->id = 0;
}
