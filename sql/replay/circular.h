/* SPDX-License-Identifier: Apache-2.0
 *
 * circular.h - what circular buffers did, from the recording's beginning forwards, in memory that grows with those that
 * exist. They lie in their cores only while their program is the one that ran last on its device, or, before its
 * process ran any there, the one that placed one last.
 */
#ifndef SQL_CIRCULAR_H
#define SQL_CIRCULAR_H

#include "catalog.h"
#include "replay.h"

/* SQL for what the circular buffer of row ROW counts for. circular_count may be a table of TEMP. */
#define CIRCULAR_COUNTED(row)                                                                                          \
	"coalesce((SELECT counted_bytes FROM circular_count WHERE key = " row ".key), " row ".size_bytes)"

enum circular_kind {
	CIRCULAR_ALLOC,    /* it was made */
	CIRCULAR_RESIDENT, /* it took its place */
	CIRCULAR_GONE,     /* it lost its place, because another program ran, or because it ended */
	CIRCULAR_END,      /* it ended; block->freed says whether by its program */
	CIRCULAR_OVER,     /* the recording is at its end; the last call, without process and block */
};

struct circular;

struct circular_event {
	int64_t at_ns, key;
	uint32_t process; /* index in the catalog */
	enum circular_kind kind;
	const struct replay_block *block; /* its sizes are what it counts for */
	const struct circular *circular;  /* as it was before the event */
};

/* Calls EACH for everything that happened to the circular buffers that CATALOG chooses (those that
 * existed in its window of time; what happened to them outside of it is told, too), in the order of the recording,
 * until it returns false. Those that exist at the end have no CIRCULAR_END. 0, or -1 with ERROR. */
int circular_replay(struct recording *recording, const struct catalog *catalog,
                    bool (*each)(const struct circular_event *event, void *context), void *context,
                    struct sql_error *error);

/* The size of a circular buffer, on each of its cores. BLOCK is one that a call of this module gave, not a copy. */
int64_t circular_size(const struct replay_block *block);

/* Since when it is in its place; of CIRCULAR_GONE, since when it was. The same holds for BLOCK. */
int64_t circular_since(const struct replay_block *block);

/* Calls EACH for every resident one. */
void circular_each(const struct circular *circular, void (*each)(const struct replay_block *block, void *context),
                   void *context);

#endif
