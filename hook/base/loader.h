/* SPDX-License-Identifier: Apache-2.0
 *
 * loader.h - how often the dynamic loader has added a library to the process, without asking it.
 */
#ifndef TTALLOC_HOOK_LOADER_H
#define TTALLOC_HOOK_LOADER_H

#include <stdbool.h>
#include <stdint.h>

/* Use the functions. */
extern const uint64_t *tta_loader_adds_place;
extern const uint64_t tta_loader_adds_unknown;

/* A number that grows when a library has been mapped, before any of its code runs; always the same when
 * tta_loader_is_known() says no. A load: no lock, no call. */
static inline uint64_t tta_loader_adds(void)
{
	return __atomic_load_n(tta_loader_adds_place, __ATOMIC_RELAXED);
}

/* Whether the place of that number was found. */
static inline bool tta_loader_is_known(void)
{
	return tta_loader_adds_place != &tta_loader_adds_unknown;
}

#endif
