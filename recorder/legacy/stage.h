/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.h - gathers events of one process that arrived together, with the table that they name entries of, until
 * they are put into the queue.
 *
 * Not thread-safe.
 */
#ifndef RECORDER_LEGACY_STAGE_H
#define RECORDER_LEGACY_STAGE_H

#include "queue.h"

#define LEGACY_STAGE_EVENTS 1024u
#define LEGACY_KERNEL_KINDS 3u

struct legacy_stage {
	uint32_t owner; /* of the events */
	uint32_t count;
	uint64_t at_ns;
	uint32_t kernel_entries[LEGACY_KERNEL_KINDS];
	uint32_t fixed_table_bytes; /* entries that every table begins with */
	uint32_t table_bytes;
	struct tta_event events[LEGACY_STAGE_EVENTS];
	_Alignas(8) uint8_t table[256 + 24 * LEGACY_STAGE_EVENTS];
};

void legacy_stage_init(struct legacy_stage *stage);

/* Adds an event of OWNER. KERNEL_KIND: of a kernel that was loaded. Flushes what does not belong with it. */
void legacy_stage_add(struct legacy_stage *stage, struct legacy_queue *queue, uint32_t owner, uint64_t at_ns,
                      const struct tta_event *event, uint8_t kernel_kind);

void legacy_stage_flush(struct legacy_stage *stage, struct legacy_queue *queue);

#endif
