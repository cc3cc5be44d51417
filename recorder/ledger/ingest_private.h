/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest_private.h - what is behind struct ingest; for ingest*.c only.
 */
#ifndef RECORDER_INGEST_PRIVATE_H
#define RECORDER_INGEST_PRIVATE_H

#include "commit.h"
#include "ledger.h"

struct ingest {
	struct ledger ledger;
	struct writer *writer;
	struct totals *totals;
	struct committer *committer;
	struct chunk *vacant;
	uint32_t chunk_serial;
	int event_fd;
	bool urgent;
	uint64_t now_ns, committed_events;
	uint64_t (*anchors)[2];
	size_t anchor_count, anchor_capacity;
	char trouble[512];
};

/* Frees all of it; the committing thread must have ended. (ingest_open.c) */
void ingest_free(struct ingest *ingest);

/* Completes the chunk that is being filled: states of processes, what they may be told, its end. (ingest.c) */
void ingest_finish_chunk(struct ingest *ingest);

#endif
