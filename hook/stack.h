/* SPDX-License-Identifier: Apache-2.0
 *
 * stack.h - the call stack of an event, as an entry of the table. Off unless TTALLOC_STACKS says how many frames.
 */
#ifndef TTALLOC_HOOK_STACK_H
#define TTALLOC_HOOK_STACK_H

#include "context.h"

#define TTA_STACK_MOST 64u

/* The entry of the stack that called the function with FRAME, its __builtin_frame_address(0); 0: none. Keeps errno. */
uint32_t tta_stack_take(const void *frame);

/* The entry of COUNT frames, innermost first; 0: none. What lies in no code is cut off. The context must be ready. */
uint32_t tta_stack_intern(const uint64_t *frames, uint32_t count);

/* In a function of the API, which is compiled with a frame pointer. */
#define TTA_STACK_HERE()                                                                                               \
	(__builtin_expect(tta_context.options.stacks != 0, 0) ? tta_stack_take(__builtin_frame_address(0)) : 0)

#endif
