/* SPDX-License-Identifier: Apache-2.0
 *
 * api.h - what this copy of the library offers to other copies in the same process.
 */
#ifndef TTALLOC_HOOK_API_H
#define TTALLOC_HOOK_API_H

#include "rendezvous.h"

extern const struct tta_delegate tta_own_delegate;

/* Says that NAME reports, too, from here on. */
void tta_emit_producer(const char *name);

#endif
