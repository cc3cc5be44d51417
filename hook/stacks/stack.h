/* SPDX-License-Identifier: Apache-2.0
 *
 * stack.h - the call stack of an event, as an entry of the table: return addresses, innermost first, then Python's
 * frames. Off unless TTALLOC_STACKS or TTALLOC_PYTHON_STACKS ask for it.
 */
#ifndef TTALLOC_HOOK_STACK_H
#define TTALLOC_HOOK_STACK_H

#include "hook/core/context.h"

#define TTA_STACK_MOST 64u

/* The entry of the stack that called the function with FRAME, its __builtin_frame_address(0); 0: none. Keeps errno. */
uint32_t tta_stack_take(const void *frame);

/* The entry for COUNT return addresses of this thread, which another copy of the library took. The context must be
 * ready. */
uint32_t tta_stack_intern_for(const uint64_t *frames, uint32_t count);

/* In a function of the API, which is compiled with a frame pointer. */
#define TTA_STACK_HERE()                                                                                               \
	(__builtin_expect(__atomic_load_n(&tta_context.without_stacks, __ATOMIC_RELAXED), 1)                           \
	     ? 0                                                                                                       \
	     : tta_stack_take(__builtin_frame_address(0)))

#endif
