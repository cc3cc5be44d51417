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
#include "per_core.h"
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

/* A request for WANTED, whose device says an allocator at most, on all chips of DEVICE could not be served, for a
 * reason in the words WHY (NULL: none). */
void tt_device_failed(const struct tt_library *library, const void *device, const struct ttalloc_block *wanted,
                      const char *why);

/* Which allocator a buffer is of. */
struct tt_allocator_use {
	const void *allocator, *device;
	bool on_sub_device;           /* it is a sub-device's own */
	const struct tt_cores *cores; /* that it is about alone; NULL: all */
	bool in_step;                 /* which have one address, given out as those of all cores are */
};

/* The number of an allocator and the chips that it serves, which are all of its device's; 0: it has none. The first
 * time it is reported, with the device's geometry. Not under an allocator's lock. */
uint16_t tt_device_announce(const struct tt_library *library, const struct tt_allocator_use *use,
                            const struct tt_chips *chips);

/* What ALLOCATOR takes of each bank for BYTES in it. */
uint64_t tt_device_footprint(const struct tt_library *library, const void *allocator, uint64_t bytes);

/* The free lists served a request of USE for REGION, on this thread; GROUPS: what was given out. */
void tt_device_served(const struct tt_allocator_use *use, uint16_t region, const struct tt_core_groups *groups);

/* Has ALLOCATOR say what it has given out, which the recorder compares with what is recorded of it. Not under its lock,
 * and only where what this thread changed is told. */
enum tt_occasion {
	TT_OCCASION_ALLOCATED, /* every so often */
	TT_OCCASION_FAILED,
	TT_OCCASION_CLOSE, /* nobody else uses it any more */
};
void tt_device_crosscheck(const struct tt_library *library, const void *allocator, enum tt_occasion occasion);

/* Another number when a device may have been closed since: what was at its place may be another one now. */
uint32_t tt_device_generation(void);

/* ALLOCATOR gave up all its blocks at once, as it does when its device closes. */
void tt_device_cleared(const void *allocator);

#endif
