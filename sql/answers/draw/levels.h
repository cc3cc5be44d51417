/* SPDX-License-Identifier: Apache-2.0
 *
 * levels.h - how the level of one series (a device's region) was made up: for each bucket of time its earliest fullest
 * moment, and what each group held then.
 *
 * Changes come in order, either from the end backwards or from the beginning forwards. A snapshot of all groups at each
 * new maximum would cost too much; instead every group remembers what it changed by since then.
 */
#ifndef SQL_DRAW_LEVELS_H
#define SQL_DRAW_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The window [start, end] in equal parts; the last one ends with the window. */
struct buckets {
	int64_t count, start_ns, end_ns;
};
int64_t buckets_start(const struct buckets *buckets, int64_t index);

/* What blocks of one series have in common, by one word. */
struct group {
	char *text;                         /* owned; NULL: they have nothing */
	uint32_t next;                      /* of the same series */
	int64_t most_bytes;                 /* in any bucket */
	uint64_t bytes, since_bytes, since; /* now; changed by since that maximum */
};
#define GROUP_NONE UINT32_MAX

struct cell {
	uint32_t bucket, group;
	int64_t bytes;
};

/* All groups that one word makes, of all series. */
struct grouping {
	char *by; /* owned */
	struct group *groups;
	size_t count, capacity;
	uint32_t *first;     /* per series: its groups; GROUP_NONE */
	struct cell **cells; /* per series */
	size_t *cell_counts, *cell_capacities;
};

/* A bucket of one series. */
struct level_mark {
	int64_t max_bytes, at_ns;
};

struct level_line {
	uint32_t series;
	struct level_mark *marks; /* of each bucket; owned */
	int64_t bucket;           /* being drawn */
	int64_t from_ns, to_ns;   /* its */
	bool begun, chosen;       /* chosen: a block was there in the window */
	uint64_t bytes;           /* now */
	uint64_t maximum;         /* number of the one that counts */
	int64_t last_ns;          /* of a change in this bucket; INT64_MIN: none */
	struct level_mark best;   /* of this bucket */
};

struct levels {
	struct buckets buckets;
	struct level_line *lines; /* per series */
	size_t series_count;
	struct grouping *groupings;
	size_t grouping_count;
	size_t cells; /* of all groupings */
};

/* A change by BYTES (of a block in GROUPS, one of each grouping) at AT_NS, about to be undone. 0; -1: no memory, or too
 * many cells. */
int levels_undo(struct levels *levels, uint32_t series, const uint32_t *groups, int64_t at_ns, int64_t bytes);
/* The same going forwards. */
int levels_do(struct levels *levels, uint32_t series, const uint32_t *groups, int64_t at_ns, int64_t bytes);
/* Draws what is left: down to the first bucket, or up to the last. */
int levels_finish(struct levels *levels, uint32_t series, bool backwards);
/* The level before the first change that is told. */
void levels_begin_with(struct levels *levels, uint32_t series, const uint32_t *groups, int64_t bytes);

void levels_clear(struct levels *levels);

#endif
