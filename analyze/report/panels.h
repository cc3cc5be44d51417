/* SPDX-License-Identifier: Apache-2.0
 *
 * panels.h - the questions that the page asks of a recording.
 */
#ifndef ANALYZE_REPORT_PANELS_H
#define ANALYZE_REPORT_PANELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/answers/query.h"

#define PANEL_WORDS_MAX 24
#define PANEL_WORD_MAX 320

struct panel {
	char id[80];
	char words[PANEL_WORDS_MAX][PANEL_WORD_MAX]; /* the verb and its options, without the file */
	size_t word_count;
	bool picture;  /* out of the drawing */
	bool circular; /* of circular buffers */
	bool both;     /* of two recordings */
};

struct panels {
	struct panel *list;
	size_t count, capacity;
	const char *prefix; /* of all ids */
	/* what pictures are drawn from, once for all: words of --by, parts of the run, blocks of each device and region
	 */
	char by[200];
	int64_t buckets, blocks;
	char start[24], end[24]; /* of what is drawn, in ns: where events are; "": all of the run */
	bool whole;         /* all questions are asked; else those that would read all blocks once more are left out */
	char left_out[256]; /* says so, and which devices are not drawn; "" */
};

struct panels_wish {
	int64_t device;   /* to be drawn; -1: those that differ */
	bool whole;       /* ask also what takes long of a large recording */
	unsigned smaller; /* how often the page was too large */
	bool two_files;   /* also what changed since an older recording */
	bool old;         /* it is that one: what is shown beside the newer one, under ids that begin with old- */
	bool live;        /* served: any moment can be asked about, and any number of devices */
};

/* Chooses the questions for RECORDING. 0, or -1 with ERROR filled; panels_clear() is needed either way. */
int panels_choose(struct panels *panels, struct recording *recording, const struct panels_wish *wish,
                  struct sql_error *error);
void panels_clear(struct panels *panels);

/* The panel of that id; NULL: there is none. */
const struct panel *panels_find(const struct panels *panels, const char *id);

/* The first integer of what STATEMENT answers; FALLBACK where that is nothing. 0 or -1. */
int panels_number(struct recording *recording, const char *statement, int64_t fallback, int64_t *number,
                  struct sql_error *error);

#endif
