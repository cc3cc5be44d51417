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
	uint64_t looked_adds;            /* what the loader had added by then */
	uint64_t watched_ns;             /* when the flusher last read the build ids; 0: never */
	uint64_t followed_adds;          /* what the loader had added when they were last read for that */
	uint32_t displaced;              /* looks that found another module, or none, where one had been */
};

/* What return addresses lie in. */
struct tta_modules_checked {
	uint32_t count; /* of them, from the first on, that lie in code; what is behind one that does not is no stack */
	uint32_t newest; /* entry of their modules: a stack with an older entry is of what lay there before */
	bool is_certain; /* no look was put off */
};

/* Checks COUNT return addresses, innermost first. Each of their modules has its entry in the table by then. Looks at
 * the process's memory when an address is new, if the last look is long enough ago. The context must be ready. */
struct tta_modules_checked tta_modules_check(const uint64_t *addresses, uint32_t count);

/* When the loader's count (hook/base/loader.h) has changed: finds out whether other modules lie where known ones did.
 * The context must be ready. */
void tta_modules_follow(void);

/* The same for the flusher, now and then, whatever the loader has counted. */
void tta_modules_watch(void);

/* Before a stack gets its first entry, where the loader's count is not known: looks whether other modules lie where
 * known ones did, unless it was looked a short time ago. Whether it did. The context must be ready. */
bool tta_modules_renew(void);

#endif
