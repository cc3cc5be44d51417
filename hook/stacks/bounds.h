/* SPDX-License-Identifier: Apache-2.0
 *
 * bounds.h - where the calling thread's stack lies, so that a walk never leaves it.
 */
#ifndef TTALLOC_HOOK_STACK_BOUNDS_H
#define TTALLOC_HOOK_STACK_BOUNDS_H

#include "hook/core/emit.h"

/* Whether PLACE is on the stack that is known. */
static inline bool tta_stack_is_within(const struct tta_thread *thread, const void *place)
{
	return (uintptr_t)place >= thread->stack_low && (uintptr_t)place < thread->stack_high;
}

/* Finds out about the stack that PLACE is on, a thread's own one. False where that is not known to stay: signal
 * handlers with a stack of their own, coroutines. Tried a few times for each thread. */
bool tta_stack_find(struct tta_thread *thread, const void *place);

#endif
