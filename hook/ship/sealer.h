/* SPDX-License-Identifier: Apache-2.0
 *
 * sealer.h - what the flusher works on: cuts through the rings at one moment, merged by time, packed into frames.
 */
#ifndef TTALLOC_HOOK_SEALER_H
#define TTALLOC_HOOK_SEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "ttalloc/batch.h"

struct ZSTD_CCtx_s;

/* How far the flusher is in one ring. */
struct tta_cursor {
	const struct tta_event *records;
	uint64_t mask;
	uint64_t at;
	uint64_t end;
	uint64_t marked;       /* drops in LOSS marks before AT */
	uint64_t owed;         /* drops that the flusher itself says in a mark */
	uint64_t dropped_seen; /* at the last cut: a thread that still drops says so itself */
	uint32_t thread_entry;
	bool owed_in_batch;
};

/* A ring with events to take, and the stamp of the next one. */
struct tta_heap_item {
	uint64_t ticks;
	uint32_t ring;
};

struct tta_sealer {
	struct ZSTD_CCtx_s *zstd;
	uint64_t cut_ticks;   /* the moment: later events wait for the next cut */
	uint64_t last_ticks;  /* of the last sealed event */
	uint64_t next_number; /* of the next event to seal, less one */

	uint32_t ring_count;
	uint32_t heap_count;
	uint32_t count; /* events in the batch */
	uint64_t batch_ticks;
	struct tta_cursor cursors[TTA_MAX_RINGS];
	struct tta_heap_item heap[TTA_MAX_RINGS];
	struct tta_event events[TTA_BATCH_MAX_EVENTS];
	uint32_t threads[TTA_BATCH_MAX_EVENTS];
};

/* Makes a sealer in private pages. NULL when there is no memory. */
struct tta_sealer *tta_sealer_make(void);

/* Takes all that is in the rings now, and puts it into the outbox. False when the outbox has no room for all. */
bool tta_sealer_run(struct tta_sealer *sealer);

/* cut.c: begins a cut; fills the batch from it, in order, and returns how many events there are; and says that the
 * batch is in the outbox: only now the rings' space is given back. */
void tta_cut_begin(struct tta_sealer *sealer);
uint32_t tta_cut_take(struct tta_sealer *sealer);
void tta_cut_confirm(struct tta_sealer *sealer);

/* cut.c: frees the rings of ended threads of which all is sealed. */
void tta_cut_free_rings(struct tta_sealer *sealer);

#endif
