/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.h - who this process is, as its segment tells.
 */
#ifndef TTALLOC_HOOK_IDENTITY_H
#define TTALLOC_HOOK_IDENTITY_H

#include <stddef.h>

#include "ttalloc/segment.h"

/* Fills in all of HEADER that describes the process and the machine. No allocation. */
void tta_identity_describe(struct tta_segment_header *header);

/* Random bytes; as good as can be had without waiting. */
void tta_identity_random(uint8_t *bytes, size_t count);

#endif
