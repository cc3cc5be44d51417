/* SPDX-License-Identifier: Apache-2.0
 *
 * devices.c - see devices.h.
 */
#include "devices.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"

/* What a monitor tells apart. */
enum part { PART_DRAM, PART_L1, PART_L1_SMALL, PART_TRACE, PART_CB, PART_KERNEL, PARTS };

struct device {
	_Atomic int64_t held[PARTS];
	_Atomic uint64_t dram_bank_bytes, l1_bank_bytes;
	atomic_uint dram_banks, l1_banks, arch;
};

struct devices {
	struct device list[DEVICES_MOST];
	atomic_uint end;
};

struct devices *devices_new(void)
{
	return memory_zeroed(sizeof(struct devices));
}

void devices_free(struct devices *devices)
{
	free(devices);
}

/* SYSTEM_MEMORY counts as L1_SMALL, as the old server had it. Of region HOST there is no part. */
static enum part part_of(uint32_t region)
{
	switch (region) {
	case TTALLOC_DRAM:
		return PART_DRAM;
	case TTALLOC_L1:
		return PART_L1;
	case TTALLOC_L1_SMALL:
	case TTALLOC_SYSTEM_MEMORY:
		return PART_L1_SMALL;
	case TTALLOC_TRACE:
		return PART_TRACE;
	case TTALLOC_CB:
		return PART_CB;
	case TTALLOC_KERNEL:
		return PART_KERNEL;
	default:
		return PARTS;
	}
}

static struct device *device_at(struct devices *devices, uint32_t device)
{
	if (device >= DEVICES_MOST)
		return NULL;
	if (device >= atomic_load_explicit(&devices->end, memory_order_relaxed))
		atomic_store_explicit(&devices->end, device + 1, memory_order_relaxed);
	return &devices->list[device];
}

/* TT-Metal's numbers of architectures; 0: none of them. */
static unsigned arch_number(const char *arch, uint32_t bytes)
{
	static const char *const names[] = {"", "grayskull", "wormhole_b0", "blackhole"};

	for (unsigned i = 1; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == bytes && memcmp(names[i], arch, bytes) == 0)
			return i;
	return 0;
}

static void open_device(void *context, uint32_t number, const struct ttalloc_bank_layout *layout, const char *arch,
                        uint32_t arch_bytes)
{
	struct device *device = device_at(context, number);

	if (!device)
		return;
	atomic_store_explicit(&device->arch, arch_number(arch, arch_bytes), memory_order_relaxed);
	if (layout->region == TTALLOC_DRAM) {
		atomic_store_explicit(&device->dram_banks, layout->banks, memory_order_relaxed);
		atomic_store_explicit(&device->dram_bank_bytes, layout->bank_bytes, memory_order_relaxed);
	} else if (layout->region == TTALLOC_L1) {
		atomic_store_explicit(&device->l1_banks, layout->banks, memory_order_relaxed);
		atomic_store_explicit(&device->l1_bank_bytes, layout->bank_bytes, memory_order_relaxed);
	}
}

static void change(void *context, uint32_t number, uint32_t region, int64_t bytes)
{
	enum part part = part_of(region);
	struct device *device = part == PARTS ? NULL : device_at(context, number);

	if (!device) /* one thread writes: no read-modify-write is needed */
		return;
	atomic_store_explicit(&device->held[part],
	                      atomic_load_explicit(&device->held[part], memory_order_relaxed) + bytes,
	                      memory_order_relaxed);
}

struct ingest_observer devices_observer(struct devices *devices)
{
	return (struct ingest_observer){.opened = open_device, .changed = change, .context = devices};
}

static uint64_t held(const struct device *device, enum part part)
{
	int64_t bytes = atomic_load_explicit(&device->held[part], memory_order_relaxed);

	return bytes > 0 ? (uint64_t)bytes : 0;
}

void devices_add_totals(const struct devices *devices, uint32_t number, struct legacy_totals *totals)
{
	const struct device *device;

	if (number >= DEVICES_MOST)
		return;
	device = &devices->list[number];
	totals->dram += held(device, PART_DRAM);
	totals->l1 += held(device, PART_L1);
	totals->l1_small += held(device, PART_L1_SMALL);
	totals->trace += held(device, PART_TRACE);
	totals->cb += held(device, PART_CB);
	totals->kernel += held(device, PART_KERNEL);
}

bool devices_describe(const struct devices *devices, uint32_t number, struct legacy_device_facts *about)
{
	const struct device *device;

	if (number >= DEVICES_MOST)
		return false;
	device = &devices->list[number];
	*about = (struct legacy_device_facts){
	    .arch = atomic_load_explicit(&device->arch, memory_order_relaxed),
	    .dram_banks = atomic_load_explicit(&device->dram_banks, memory_order_relaxed),
	    .dram_bank_bytes = atomic_load_explicit(&device->dram_bank_bytes, memory_order_relaxed),
	    .l1_banks = atomic_load_explicit(&device->l1_banks, memory_order_relaxed),
	    .l1_bank_bytes = atomic_load_explicit(&device->l1_bank_bytes, memory_order_relaxed),
	};
	return about->dram_banks || about->l1_banks;
}

uint32_t devices_end(const struct devices *devices)
{
	return atomic_load_explicit(&devices->end, memory_order_relaxed);
}
