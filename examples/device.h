/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h - one simulated chip: its regions, each with an allocator, and the buffers in them. This is the layer that
 * reports to ttalloc, as a real allocator would. Not thread-safe.
 */
#ifndef EXAMPLES_DEVICE_H
#define EXAMPLES_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What differs between chips. Sizes and addresses are bytes. */
struct architecture {
	const char *name;
	uint64_t l1_base_address;      /* first byte after firmware and kernel configuration */
	uint64_t l1_bank_bytes;        /* from there to the end of a core's L1 */
	uint64_t l1_alignment_bytes;   /* of pages */
	uint64_t dram_bank_bytes;      /* all of it */
	uint64_t dram_alignment_bytes; /* of pages, and of every slot in any region */
	uint32_t l1_banks;             /* cores that compute */
	uint16_t grid_columns;
	uint16_t grid_rows;
	uint32_t dram_banks;
};

extern const struct architecture wormhole_b0;
extern const struct architecture blackhole;

/* What a program asks for. */
struct buffer_request {
	uint16_t region;      /* enum ttalloc_region: DRAM, L1, L1_SMALL or TRACE */
	uint16_t flags;       /* enum ttalloc_flag; TTALLOC_TOP_DOWN only where it differs from the region's default */
	uint32_t shard_cores; /* 0: pages are dealt out to all banks */
	uint64_t size_bytes;
	uint64_t page_bytes;
};

struct buffer {
	uint64_t address;
	uint64_t size_bytes;
	uint64_t bank_bytes; /* footprint in each bank */
	uint16_t region;
	bool placed; /* false: there is nothing to release */
};

/* Of one region, as the device itself counted. */
struct region_figures {
	const char *name;
	uint64_t live_bytes;      /* payload */
	uint64_t peak_bytes;      /* payload */
	uint64_t peak_bank_bytes; /* footprint in each bank */
	uint64_t live_blocks;
	uint64_t failures;
};

enum { DEVICE_REGIONS = 4, DEVICE_MESSAGE_MAX = 320 };

struct device;

/* Never NULL. TRACE_BYTES, over all banks, are set aside for the region TRACE, and L1_SMALL_BYTES of each core for
 * L1_SMALL. Closed by device_close(). */
struct device *device_open(const struct architecture *architecture, uint32_t chip, uint64_t trace_bytes,
                           uint64_t l1_small_bytes);

/* What is still held ends here, without a free of its own. */
void device_close(struct device *device);

/* False when there is no room; device_message() then tells why. */
bool device_allocate(struct device *device, const struct buffer_request *request, struct buffer *buffer);

/* Nothing happens to a buffer that is not placed. */
void device_release(struct device *device, struct buffer *buffer);

/* The lowest live address in L1; UINT64_MAX when L1 is empty. */
uint64_t device_lowest_l1(const struct device *device);

/* Bytes of one bank of REGION that are free, and of the largest free block. */
void device_free_space(const struct device *device, uint16_t region, uint64_t *free_bytes, uint64_t *largest_bytes);

uint32_t device_chip(const struct device *device);
const struct architecture *device_architecture(const struct device *device);

/* Why the last request failed; "" when none did. Valid until the next failure. */
const char *device_message(const struct device *device);

/* For the modules that report on a device's behalf: keeps and reports a failure of REGION. */
void device_fail(struct device *device, uint16_t region, uint64_t size_bytes, uint64_t bank_bytes, const char *message);

/* Calls to ttalloc that were events, whether or not they were recorded. */
uint64_t device_events(const struct device *device);
void device_count_events(struct device *device, unsigned events);

struct region_figures device_measure(const struct device *device, unsigned index);

#endif
