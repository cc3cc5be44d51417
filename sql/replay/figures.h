/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.h - sums and maxima of each series of a catalog, over the blocks that its filter chooses.
 */
#ifndef SQL_FIGURES_H
#define SQL_FIGURES_H

#include "circular.h"
#include "replay.h"

/* A place in the order of a recording. What was live when the window began has process -1. */
struct place {
	int64_t at_ns, process, key; /* process: index */
};

static inline bool place_is_before(struct place a, struct place b)
{
	if (a.at_ns != b.at_ns)
		return a.at_ns < b.at_ns;
	return a.process != b.process ? a.process < b.process : a.key < b.key;
}

/* What is live. Aliased blocks count in PRESENT alone. Unsigned, because corrupt rows may overflow.
 *
 * BANK_BYTES is what lies in each bank, and the fullest core's of what lies on single ones: that of each process, added
 * up, since a chip is one process's at a time. A level that has such blocks may be moved, not copied. */
struct level {
	uint64_t bytes, bank_bytes, blocks, present;
	struct level_cores *cores; /* belong to the catalog; NULL: no block lay on single cores yet */
};

/* What one process has on single cores. */
struct level_cores {
	struct level_cores *next;      /* of the same level */
	struct level_cores *made_next; /* of all */
	uint32_t process;              /* index */
	struct core_levels *levels;
};
void level_cores_free(struct level_cores *made);

/* The same for a block of ORIGIN, which lies on single cores: by how much BANK_BYTES changes. */
uint64_t level_change_cores(struct level *level, const struct catalog_origin *origin, int64_t bank_bytes);

struct figures {
	struct level level, end; /* while computing: what is live then, and at the end */
	bool any;                /* a chosen block was there in the window */
	bool chosen;             /* there is a chosen block at all; a circular buffer may never have been resident */
	bool before;             /* something changed before the window */
	int64_t peak_bytes, peak_blocks, peak_bank_bytes;
	struct place peak, bank_peak;                     /* the earliest moment of the maximum */
	int64_t allocs, frees;                            /* of chosen blocks, in the window; frees by their program */
	int64_t allocated_bytes;                          /* over these allocs */
	int64_t live_bytes, live_bank_bytes, live_blocks; /* at the end of the recording, or of their process */
	int64_t changes;                                  /* in the window */
	int64_t largest_bank_bytes;                       /* of one block */
};

/* Adds BLOCK, of ORIGIN, to LEVEL (SIGN 1), or takes it away (-1). */
static inline void level_change(struct level *level, const struct catalog_origin *origin, int64_t size_bytes,
                                int64_t bank_bytes, int sign)
{
	uint64_t factor = (uint64_t)(int64_t)sign;

	level->present += factor;
	if (origin->aliased)
		return;
	level->bytes += factor * (uint64_t)size_bytes;
	level->bank_bytes +=
	    origin->cores ? level_change_cores(level, origin, sign * bank_bytes) : factor * (uint64_t)bank_bytes;
	level->blocks += factor;
}

/* Fills FIGURES, one per series, zeroed by the caller. Blocks are read back to STOP_NS at least, and no further than
 * needed: INT64_MIN for all. 0, or -1 with ERROR. */
int figures_compute(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                    int64_t stop_ns, struct sql_error *error);

/* Who wants to see everything that figures_watched() reads. */
struct figures_watch {
	void (*live)(const struct replay_block *block, void *context);  /* what is live at the end, first */
	void (*event)(const struct replay_event *event, void *context); /* about to be undone */
	void (*circular)(const struct circular_event *event, void *context);
	void *context;
};

/* The same over all of a recording, with somebody watching. */
int figures_watched(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                    const struct figures_watch *watch, struct sql_error *error);

#endif
