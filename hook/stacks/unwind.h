/* SPDX-License-Identifier: Apache-2.0
 *
 * unwind.h - call stacks by libunwind, for programs without frame pointers. On request only
 * (TTALLOC_UNWINDER=libunwind): it takes locks of its own, and several times as long.
 */
#ifndef TTALLOC_HOOK_STACK_UNWIND_H
#define TTALLOC_HOOK_STACK_UNWIND_H

#include "hook/core/emit.h"

/* unw_backtrace(); NULL: not asked for, or not there. Set once, when the library is loaded. */
extern int (*tta_stack_unwinder)(void **addresses, int most);

/* 1 to MOST return addresses from RETURN_ADDRESS outwards, without those that HIDDEN knows at the inner end. */
uint32_t tta_stack_unwind(struct tta_thread *thread, uint64_t return_address, uint64_t *frames, uint32_t most,
                          bool (*hidden)(uint64_t address));

#endif
