/* SPDX-License-Identifier: Apache-2.0
 *
 * per_core.h - buffers that have an address of their own on each core (TT-Metal's hybrid allocation): which cores they
 * are on. Such a buffer's address says nothing without them: another one may have the same on other cores.
 *
 * Cores are known by the free lists that placed the buffer: each core has one.
 */
#ifndef TTALLOC_TT_METAL_PER_CORE_H
#define TTALLOC_TT_METAL_PER_CORE_H

#include <stdint.h>

#include "library.h"

struct tt_cores {
	uint32_t count;
	uint64_t hash; /* 0: all cores have the same addresses */
};

/* The cores of BUFFER, which this thread has just placed. *LIST: the free list that placed it; NULL: several, or not
 * known.
 */
struct tt_free_list;
struct tt_cores tt_per_core_placed(const struct tt_library *library, const void *buffer,
                                   const struct tt_free_list **list);

/* The cores of BUFFER, which is about to go. */
struct tt_cores tt_per_core_gone(const struct tt_library *library, const void *buffer);

#endif
