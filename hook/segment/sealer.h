/* SPDX-License-Identifier: Apache-2.0
 *
 * sealer.h - turns what is in the rings into frames of the outbox: cuts through all rings at one moment, merged by
 * time, packed a batch at a time. One thread works on it at a time; seal.h says which.
 */
#ifndef TTALLOC_HOOK_SEALER_H
#define TTALLOC_HOOK_SEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/base/clock.h"
#include "spool.h"

#include "ttalloc/batch.h"

struct ZSTD_CCtx_s;
struct tta_table;
struct tta_usage_ledger;

/* How far the sealer is in one ring. */
struct tta_cursor {
	const struct tta_event *records;
	uint64_t mask;
	uint64_t at;
	uint64_t end;
	uint64_t marked;       /* drops in LOSS marks before AT */
	uint64_t owed;         /* drops that the sealer itself says in a mark */
	uint64_t dropped_seen; /* at the last cut: a thread that still drops says so itself */
	uint32_t thread_entry;
	bool owed_in_batch;
};

/* A ring with events to take, and the stamp of the next one. */
struct tta_heap_item {
	uint64_t ticks;
	uint32_t ring;
};

/* What it works on. */
struct tta_sealer_source {
	struct tta_spool *spool;
	uint64_t *marked; /* of each ring: drops that have a LOSS mark, or are promised one */
	const struct tta_table *table;
	enum tta_clock clock;
};

struct tta_sealer {
	struct tta_sealer_source source;
	struct ZSTD_CCtx_s *zstd;
	struct tta_usage_ledger *usage;  /* NULL: nobody wants to know */
	uint32_t cuts_begun, cuts_ended; /* equal: no cut is being taken */
	uint64_t cut_ticks;              /* the moment of the last one: later events wait for the next */
	uint64_t last_ticks;             /* of the last sealed event */
	uint64_t next_number;            /* of the next event to seal, less one */

	uint32_t ring_count;
	uint32_t heap_count;
	uint32_t most_events; /* of a batch */
	uint32_t count;       /* events in the batch */
	uint64_t batch_ticks;
	struct tta_cursor cursors[TTA_MAX_RINGS];
	struct tta_heap_item heap[TTA_MAX_RINGS];
	struct tta_ring_position positions[TTA_MAX_RINGS]; /* after the batch */
	struct tta_event events[TTA_BATCH_MAX_EVENTS];
	uint32_t threads[TTA_BATCH_MAX_EVENTS];
};

enum tta_sealed {
	TTA_SEALED_BATCH,   /* there may be more in the cut */
	TTA_SEALED_CUT,     /* all of it is in the outbox, and ended threads' rings are free */
	TTA_SEALED_NO_ROOM, /* the outbox takes no more: what is in the rings stays there */
};

/* Makes a sealer in private pages. NULL when there is no memory. */
struct tta_sealer *tta_sealer_make(const struct tta_sealer_source *source);

/* Puts one batch into the outbox, of the cut that was begun, or of a new one. */
enum tta_sealed tta_sealer_step(struct tta_sealer *sealer);

/* cut.c: begins a cut; fills the batch from it, in order, and returns how many events there are; and says that the
 * batch is in the outbox: only now the rings' space is given back. */
void tta_cut_begin(struct tta_sealer *sealer);
uint32_t tta_cut_take(struct tta_sealer *sealer);
void tta_cut_confirm(struct tta_sealer *sealer);

/* cut.c: frees the rings of ended threads of which all is sealed. */
void tta_cut_free_rings(struct tta_sealer *sealer);

#endif
