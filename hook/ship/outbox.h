/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.h - the segment's outbox: frames go in when they are sealed, and leave when they are committed. Only the
 * flusher calls these.
 */
#ifndef TTALLOC_HOOK_OUTBOX_H
#define TTALLOC_HOOK_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "sealer.h"

/* Appends the batch that SEALER has taken: PACKED_BYTES at PACKED, which were PLAIN_BYTES. False: no room. */
bool tta_outbox_append(const struct tta_sealer *sealer, const void *packed, uint32_t packed_bytes,
                       uint32_t plain_bytes);

/* Frames whose events all have numbers up to COMMITTED may be overwritten. */
void tta_outbox_release(uint64_t committed);

#endif
