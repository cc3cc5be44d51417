/* SPDX-License-Identifier: Apache-2.0
 *
 * device.c - geometry of the chips, and buffers: bytes per bank, direction by region, reports in the order that
 * ttalloc.h asks for (an alloc after the block is placed, a free before it is given back).
 */
#include "device.h"

#include "allocator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ttalloc.h>

/* The low end of each DRAM bank is reserved: a barrier word, then a ring of 1 MiB for prints from kernels. */
enum { DRAM_PRINT_BYTES = 1 << 20 };

/* One chip of an n300: a row of cores is left to dispatch. */
const struct architecture wormhole_b0 = {
    .name = "wormhole_b0",
    .l1_base_address = 104224,
    .l1_bank_bytes = 1394912,
    .l1_alignment_bytes = 16,
    .l1_banks = 56,
    .grid_columns = 8,
    .grid_rows = 7,
    .dram_bank_bytes = 1073741824,
    .dram_alignment_bytes = 32,
    .dram_banks = 12,
};

const struct architecture blackhole = {
    .name = "blackhole",
    .l1_base_address = 111360,
    .l1_bank_bytes = 1461504,
    .l1_alignment_bytes = 16,
    .l1_banks = 130,
    .grid_columns = 13,
    .grid_rows = 10,
    .dram_bank_bytes = 4278190080,
    .dram_alignment_bytes = 64,
    .dram_banks = 8,
};

struct region {
	uint16_t number; /* enum ttalloc_region */
	enum direction direction;
	uint32_t banks;
	uint64_t page_alignment_bytes;
	struct allocator_bank bank;
	struct allocator *allocator;
	struct region_figures figures;
};

struct device {
	const struct architecture *architecture;
	uint32_t chip;
	uint64_t events;
	struct region regions[DEVICE_REGIONS];
	char message[DEVICE_MESSAGE_MAX];
};

/* Index of region NUMBER in a device. */
static unsigned region_index(uint16_t number)
{
	switch (number) {
	case TTALLOC_DRAM:
		return 0;
	case TTALLOC_TRACE:
		return 1;
	case TTALLOC_L1:
		return 2;
	case TTALLOC_L1_SMALL:
		return 3;
	default:
		abort(); /* a request for a region that no chip has is a bug of the caller */
	}
}

static void set_up_dram(struct device *device, uint64_t trace_bank_bytes)
{
	const struct architecture *chip = device->architecture;
	uint64_t base = chip->dram_alignment_bytes + DRAM_PRINT_BYTES;
	uint64_t trace_base = chip->dram_bank_bytes - trace_bank_bytes;

	device->regions[region_index(TTALLOC_DRAM)] = (struct region){
	    .figures.name = "DRAM",
	    .number = TTALLOC_DRAM,
	    .direction = BOTTOM_UP,
	    .banks = chip->dram_banks,
	    .page_alignment_bytes = chip->dram_alignment_bytes,
	    .bank = {.base_address = base, .bank_bytes = trace_base - base},
	};
	device->regions[region_index(TTALLOC_TRACE)] = (struct region){
	    .figures.name = "TRACE",
	    .number = TTALLOC_TRACE,
	    .direction = BOTTOM_UP,
	    .banks = chip->dram_banks,
	    .page_alignment_bytes = chip->dram_alignment_bytes,
	    .bank = {.base_address = trace_base, .bank_bytes = trace_bank_bytes},
	};
}

static void set_up_l1(struct device *device, uint64_t l1_small_bytes)
{
	const struct architecture *chip = device->architecture;
	uint64_t l1_bytes = chip->l1_bank_bytes - l1_small_bytes;

	device->regions[region_index(TTALLOC_L1)] = (struct region){
	    .figures.name = "L1",
	    .number = TTALLOC_L1,
	    .direction = TOP_DOWN,
	    .banks = chip->l1_banks,
	    .page_alignment_bytes = chip->l1_alignment_bytes,
	    .bank = {.base_address = chip->l1_base_address, .bank_bytes = l1_bytes},
	};
	device->regions[region_index(TTALLOC_L1_SMALL)] = (struct region){
	    .figures.name = "L1_SMALL",
	    .number = TTALLOC_L1_SMALL,
	    .direction = TOP_DOWN,
	    .banks = chip->l1_banks,
	    .page_alignment_bytes = chip->l1_alignment_bytes,
	    .bank = {.base_address = chip->l1_base_address + l1_bytes, .bank_bytes = l1_small_bytes},
	};
}

static void report_open(struct device *device)
{
	struct ttalloc_bank_layout layouts[DEVICE_REGIONS];
	const char *rank = getenv("TTALLOC_RANK"); /* a rank's chips are not those of the others */
	char chip[64];

	snprintf(chip, sizeof(chip), "board-%s/%u", rank ? rank : "", device->chip);
	for (unsigned i = 0; i < DEVICE_REGIONS; i++) {
		const struct region *region = &device->regions[i];

		layouts[i] = (struct ttalloc_bank_layout){
		    .region = region->number,
		    .top_down = region->direction == TOP_DOWN,
		    .banks = region->banks,
		    .bank_bytes = region->bank.bank_bytes,
		    .base_address = region->bank.base_address,
		    .alignment_bytes = region->bank.alignment_bytes,
		};
	}
	ttalloc_device_open(&(struct ttalloc_device){
	    .struct_size = sizeof(struct ttalloc_device),
	    .device = device->chip,
	    .arch = device->architecture->name,
	    .layouts = layouts,
	    .layout_count = DEVICE_REGIONS,
	    .chip = rank ? chip : NULL,
	});
	device->events++;
}

struct device *device_open(const struct architecture *architecture, uint32_t chip, uint64_t trace_bytes,
                           uint64_t l1_small_bytes)
{
	struct device *device = calloc(1, sizeof(*device));
	uint64_t slot_bytes = architecture->dram_alignment_bytes;

	if (!device) {
		fputs("out of host memory\n", stderr);
		exit(1);
	}
	device->architecture = architecture;
	device->chip = chip;
	set_up_dram(device, allocator_share(trace_bytes, slot_bytes, architecture->dram_banks, slot_bytes));
	set_up_l1(device, (l1_small_bytes + slot_bytes - 1) / slot_bytes * slot_bytes);
	for (unsigned i = 0; i < DEVICE_REGIONS; i++) {
		struct region *region = &device->regions[i];

		region->bank.alignment_bytes = region->page_alignment_bytes;
		region->bank.minimum_bytes = slot_bytes;
		region->allocator = allocator_create(&region->bank);
	}
	report_open(device);
	return device;
}

void device_close(struct device *device)
{
	ttalloc_device_close(device->chip);
	for (unsigned i = 0; i < DEVICE_REGIONS; i++)
		allocator_destroy(device->regions[i].allocator);
	free(device);
}

void device_fail(struct device *device, uint16_t region, uint64_t size_bytes, uint64_t bank_bytes, const char *message)
{
	snprintf(device->message, sizeof(device->message), "%s", message);
	ttalloc_alloc_failed(
	    &(struct ttalloc_block){
	        .device = device->chip, .region = region, .size_bytes = size_bytes, .bank_bytes = bank_bytes},
	    device->message);
	device->events++;
}

static void report_no_room(struct device *device, struct region *region, uint64_t size_bytes, uint64_t bank_bytes)
{
	struct allocator_figures bank = allocator_measure(region->allocator);
	char message[DEVICE_MESSAGE_MAX];

	snprintf(message, sizeof(message),
	         "Out of Memory: no space for a %s buffer of %" PRIu64 " B across %u banks: each bank needs %" PRIu64
	         " B, bank size is %" PRIu64 " B (allocated: %" PRIu64 " B, free: %" PRIu64
	         " B, largest free block: %" PRIu64 " B)",
	         region->figures.name, size_bytes, region->banks, bank_bytes, bank.bank_bytes, bank.allocated_bytes,
	         bank.free_bytes, bank.largest_free_bytes);
	region->figures.failures++;
	device_fail(device, region->number, size_bytes, bank_bytes, message);
}

static void count_placed(struct region *region, uint64_t size_bytes)
{
	struct region_figures *figures = &region->figures;
	uint64_t bank_bytes = allocator_allocated(region->allocator);

	figures->live_bytes += size_bytes;
	figures->live_blocks++;
	if (figures->live_bytes > figures->peak_bytes)
		figures->peak_bytes = figures->live_bytes;
	if (bank_bytes > figures->peak_bank_bytes)
		figures->peak_bank_bytes = bank_bytes;
}

bool device_allocate(struct device *device, const struct buffer_request *request, struct buffer *buffer)
{
	struct region *region = &device->regions[region_index(request->region)];
	enum direction direction = request->flags & TTALLOC_TOP_DOWN ? TOP_DOWN : region->direction;
	uint32_t banks = request->shard_cores ? request->shard_cores : region->banks;
	uint64_t share_bytes =
	    allocator_share(request->size_bytes, request->page_bytes, banks, region->page_alignment_bytes);
	struct placement placed;

	*buffer = (struct buffer){.region = request->region, .size_bytes = request->size_bytes};
	if (!allocator_place(region->allocator, share_bytes, direction, &placed)) {
		report_no_room(device, region, request->size_bytes, allocator_rounded(region->allocator, share_bytes));
		return false;
	}
	buffer->address = placed.address;
	buffer->bank_bytes = placed.bank_bytes;
	buffer->placed = true;
	ttalloc_alloc(&(struct ttalloc_block){
	    .device = device->chip,
	    .region = request->region,
	    .flags = (uint16_t)(request->flags | (direction == TOP_DOWN ? TTALLOC_TOP_DOWN : 0) |
	                        (request->shard_cores ? TTALLOC_SHARDED : 0)),
	    .address = placed.address,
	    .size_bytes = request->size_bytes,
	    .bank_bytes = placed.bank_bytes,
	});
	device->events++;
	count_placed(region, request->size_bytes);
	return true;
}

void device_release(struct device *device, struct buffer *buffer)
{
	struct region *region;

	if (!buffer->placed)
		return;
	region = &device->regions[region_index(buffer->region)];
	ttalloc_free(device->chip, buffer->region, buffer->address);
	device->events++;
	allocator_release(region->allocator, buffer->address);
	region->figures.live_bytes -= buffer->size_bytes;
	region->figures.live_blocks--;
	buffer->placed = false;
}

uint64_t device_lowest_l1(const struct device *device)
{
	return allocator_lowest_live(device->regions[region_index(TTALLOC_L1)].allocator);
}

void device_free_space(const struct device *device, uint16_t region, uint64_t *free_bytes, uint64_t *largest_bytes)
{
	struct allocator_figures bank = allocator_measure(device->regions[region_index(region)].allocator);

	*free_bytes = bank.free_bytes;
	*largest_bytes = bank.largest_free_bytes;
}

uint32_t device_chip(const struct device *device)
{
	return device->chip;
}

const struct architecture *device_architecture(const struct device *device)
{
	return device->architecture;
}

const char *device_message(const struct device *device)
{
	return device->message;
}

uint64_t device_events(const struct device *device)
{
	return device->events;
}

void device_count_events(struct device *device, unsigned events)
{
	device->events += events;
}

struct region_figures device_measure(const struct device *device, unsigned index)
{
	return device->regions[index].figures;
}
