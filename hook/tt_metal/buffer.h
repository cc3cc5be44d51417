/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.h - reads Buffer objects.
 */
#ifndef TTALLOC_TT_METAL_BUFFER_H
#define TTALLOC_TT_METAL_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "library.h"
#include "ttalloc.h"

/* What a Buffer says of itself. */
struct tt_buffer {
	const void *device, *allocator;
	struct ttalloc_block block; /* all but its device and bank_bytes */
	bool hooked;                /* takes no memory: a NO_DISPATCH capture */
	bool on_sub_device;         /* placed by a sub-device's own allocator */
};

/* Reads BUFFER, which is PLACED, or is only being asked for. False when that cannot be done for certain; when the
 * reason is an unknown generation of TT-Metal, it is said once. */
bool tt_buffer_read(struct tt_library *library, const void *buffer, bool placed, struct tt_buffer *read);

/* The footprint of BUFFER in each bank; 0: not known. May throw what Buffer's own functions throw. */
uint64_t tt_buffer_bank_bytes(const struct tt_library *library, const void *buffer, const struct tt_buffer *read);

#endif
