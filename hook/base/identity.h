/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.h - who this process is, as its segment tells.
 */
#ifndef TTALLOC_HOOK_IDENTITY_H
#define TTALLOC_HOOK_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "ttalloc/segment.h"

/* Fills in all of HEADER that describes the process and the machine. No allocation. */
void tta_identity_describe(struct tta_segment_header *header);

/* Whether the main thread has ended, and this one alone of all others has not. False when that cannot be told. */
bool tta_identity_is_last_thread(void);

#endif
