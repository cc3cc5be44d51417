/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.h - which executables and libraries are in this process, as entries of the table, so that return addresses
 * can be told apart when the process is gone.
 */
#ifndef TTALLOC_HOOK_MODULES_H
#define TTALLOC_HOOK_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/base/futex.h"

struct tta_modules_known;

struct tta_modules {
	struct tta_lock lock;
	struct tta_modules_known *known; /* published; private pages */
	uint64_t looked_ns;              /* when the process's memory was last looked at; 0: never */
	uint64_t look_cost_ns;           /* how long that took */
};

/* How many of the COUNT return addresses, from the first on, lie in code; what is behind one that does not is no stack.
 * Each of their modules has its entry in the table by then. Looks at the process's memory when an address is new, if
 * the last look is long enough ago. IS_CERTAIN: no look was put off. The context must be ready. */
uint32_t tta_modules_check(const uint64_t *addresses, uint32_t count, bool *is_certain);

/* Before a stack gets its first entry: looks whether other modules lie where known ones did, unless it was looked a
 * short time ago. The context must be ready. */
void tta_modules_renew(void);

#endif
