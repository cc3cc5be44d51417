/* SPDX-License-Identifier: Apache-2.0
 *
 * private.h - what the files behind why.h share.
 */
#ifndef SQL_WHY_PRIVATE_H
#define SQL_WHY_PRIVATE_H

#include "sql/replay/owners.h"
#include "sql/replay/figures.h"
#include "sql/replay/layouts.h"
#include "why.h"
#include "ttalloc.h"

/* Which moment is meant, on the way back from the recording's end. */
enum why_stop {
	STOP_AT_PLACE,      /* after what happened at a place */
	STOP_AT_USED,       /* the last at which so much was in use */
	STOP_AT_ALLOC,      /* after the last alloc */
	STOP_BEFORE_END_OF, /* before the block at an address ended for the last time */
};

struct why_moment {
	enum why_stop stop;
	int64_t at_ns, process, key; /* process: an id; INT64_MAX: after all of that nanosecond */
	uint64_t used_bytes, address;
	struct asker asker; /* allocator 0: all blocks count */
	struct place until; /* what happened before it is part of the moment; process: an index */
	bool found;         /* else it is the beginning of the recording */
};

/* What of a bank the allocator gives out, in whole units. */
struct why_bank {
	uint64_t low, high, unit;
	bool top_down, known;
};

/* An answer in the making. */
struct why_work {
	struct recording *recording;
	const struct why_question *question;
	struct why *why;
	struct sql_error *error;
	struct layouts layouts;
	struct why_bank bank;
	struct why_moment moment;
	struct message message;
	bool has_message;
	int64_t failure_region; /* as it was recorded */
};

/* A word for messages; regions without one go by their number. (choose.c) */
const char *why_region_word(int64_t region, char *text, size_t bytes);

/* Finds the request that the question is about, its place and its moment. 0 or -1. (choose.c) */
int why_choose(struct why_work *work);

/* Collects the blocks that were live at MOMENT, whose place is filled in, into WHY, by address. 0 or -1. (live.c)
 */
int why_collect(struct recording *recording, const struct why_bank *bank, struct why_moment *moment, struct why *why,
                struct sql_error *error);

/* Tells the resident circular buffers at MOMENT, and how high they reach: *END, 0 without any. (circular.c) */
int why_collect_circular(struct recording *recording, const struct why_moment *moment, struct why *why, int64_t *end,
                         struct sql_error *error);

/* Fills occupants, sentence and picture. (text.c) */
int why_tell(struct recording *recording, const struct why_bank *bank, struct why *why, struct sql_error *error);

/* Adds a line to a text of WHY_TEXT bytes, cut where it is full. (text.c) */
__attribute__((format(printf, 2, 3))) void why_add_line(char *text, const char *format, ...);

#endif
