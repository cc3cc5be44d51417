/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.h - whether a function is still under way that called us before: an exception may have left it, and nobody
 * tells. As long as it is, the address that it returns to lies at the same place on the stack.
 */
#ifndef TTALLOC_CXX_GUARD_H
#define TTALLOC_CXX_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Of the function that calls ours, and of the one that calls that: the first may be a mere part of the other. */
struct tt_guard {
	struct tt_guard_site *site; /* where the call comes from; NULL: nothing is known */
	uintptr_t places[2];        /* on the stack */
	uintptr_t returns[2];       /* what lies there */
};

/* Makes GUARD that of who calls the function with FRAME, its __builtin_frame_address(0). Cheap from the second time on
 * that a call comes from a place. In place, for a copy of what has just been written in smaller parts waits for these.
 */
void tt_guard_set(struct tt_guard *guard, const void *frame);

/* Whether who set it has certainly been left. */
bool tt_guard_is_broken(const struct tt_guard *guard);

/* It has not: which of the two places tells is learnt from that. */
void tt_guard_held(const struct tt_guard *guard);

#endif
