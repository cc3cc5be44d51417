/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.h - what blocks did, event by event, from the recording's end backwards, in memory that grows with the live
 * blocks only. Circular buffers are not part of it (circular.h).
 *
 * Blocks that ended are rows in the order of their end, so that reading them backwards meets each at its end; from
 * there on it is live, until its alloc. The order is the recording's: (time, process, key).
 */
#ifndef SQL_REPLAY_H
#define SQL_REPLAY_H

#include "catalog.h"

struct replay_block {
	int64_t alloc_key, alloc_ns, address, size_bytes, bank_bytes;
	uint32_t origin;
	uint32_t freed; /* not 0: its program freed it (rather than another block, a device close or a process end) */
};

/* The key of what a process's end does, after all of its events. */
#define REPLAY_PROCESS_END INT64_MAX

/* Something that happened, about to be undone. */
struct replay_event {
	int64_t at_ns, key;
	uint32_t process; /* index in the catalog */
	bool is_alloc;    /* else the end of the block */
	bool from_freed;  /* a row of freed has it; else it is the end of a process, or a device close */
	const struct replay_block *block; /* valid until the event is undone */
};

struct replay;

/* Starts at the end of RECORDING, with the blocks that CATALOG chooses (but for its window of time). CATALOG stays the
 * caller's, and must outlive the replay. NULL with ERROR. */
struct replay *replay_open(struct recording *recording, const struct catalog *catalog, struct sql_error *error);
void replay_close(struct replay *replay);

/* Looks at what happened last before the present moment. 1; 0: nothing did; -1 with ERROR. */
int replay_peek(struct replay *replay, struct replay_event *event, struct sql_error *error);

/* Undoes what replay_peek() has just shown. 0, or -1 with ERROR. */
int replay_undo(struct replay *replay, struct sql_error *error);

/* Calls EACH for every live block. */
void replay_each(const struct replay *replay, void (*each)(const struct replay_block *block, void *context),
                 void *context);
/* The same for those of PROCESS (an index) alone. */
void replay_each_of(const struct replay *replay, uint32_t process,
                    void (*each)(const struct replay_block *block, void *context), void *context);

#endif
