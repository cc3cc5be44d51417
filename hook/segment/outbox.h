/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.h - the segment's outbox: frames go in when they are sealed, and leave when they are committed. One caller at
 * a time.
 */
#ifndef TTALLOC_HOOK_OUTBOX_H
#define TTALLOC_HOOK_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "spool.h"

/* A packed batch, and where the rings stand after it. */
struct tta_outbox_batch {
	uint64_t first_number;
	uint64_t last_ticks;
	uint32_t count;
	uint32_t ring_count;
	const struct tta_ring_position *positions;
	const void *packed;
	uint32_t packed_bytes;
	uint32_t plain_bytes;
};

/* Publishes BATCH. False: no room. */
bool tta_outbox_append(struct tta_spool *spool, const struct tta_outbox_batch *batch);

bool tta_outbox_is_empty(const struct tta_spool *spool);

/* Frames whose events all have numbers up to COMMITTED may be overwritten. */
void tta_outbox_release(struct tta_spool *spool, uint64_t committed);

#endif
