/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h - IDevice objects: which chips they stand for, and the geometry of their memory.
 */
#ifndef TTALLOC_TT_METAL_DEVICE_H
#define TTALLOC_TT_METAL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "library.h"
#include "ttalloc.h"

#define TT_CHIPS_MAX 256

/* The chips of a device, or of all devices of a mesh. */
struct tt_chips {
	uint32_t count;
	uint32_t ids[TT_CHIPS_MAX];
};

/* Copies memory that may not be there, at the price of a system call. True when all of it could be read. */
bool tt_read_safely(const void *from, void *to, size_t bytes);

/* Whether DEVICE, which may be any number, is an object of a class that is known. */
bool tt_device_is_known(const void *device);

/* The chips of DEVICE. A mesh's own number is never one. False, with CHIPS empty, when its class is not known. */
bool tt_device_chips(const struct tt_library *library, const void *device, struct tt_chips *chips);

/* Where the allocatable part of L1 begins on DEVICE's chips; 0: not known. */
uint64_t tt_device_l1_base(const struct tt_library *library, const void *device);

/* A request for WANTED on all chips of DEVICE could not be served, for a reason in the words WHY (NULL: none). */
void tt_device_failed(const struct tt_library *library, const void *device, const struct ttalloc_block *wanted,
                      const char *why);

/* Reports the geometry of DEVICE's chips, the first time its ALLOCATOR is seen. Not under an allocator's lock. */
void tt_device_announce(const struct tt_library *library, const void *allocator, const void *device);

/* ALLOCATOR gave up all its blocks at once, as it does when its device closes. */
void tt_device_cleared(const void *allocator);

#endif
