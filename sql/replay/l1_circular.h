/* SPDX-License-Identifier: Apache-2.0
 *
 * l1_circular.h - what the resident circular buffers of each device took up, step by step, to be gone through backwards
 * beside the blocks, which cannot be read otherwise. It takes 48 bytes of memory for each time that they changed.
 */
#ifndef SQL_L1_CIRCULAR_H
#define SQL_L1_CIRCULAR_H

#include <stdio.h>

#include "figures.h"

struct l1_taken {
	int64_t bytes; /* of the fullest core */
	uint64_t end;  /* the highest of those that are not aliased; 0: there are none */
};

/* One moment, and what was before it. */
struct l1_change {
	struct place place;
	struct l1_taken before;
	uint32_t series; /* index in the catalog */
};

/* All changes, in the order of the recording, of which the last is looked at first. Memory is bounded: what does not
 * fit waits in a file without a name. */
struct l1_history {
	struct l1_change *changes; /* the last ones */
	size_t count;
	FILE *file;           /* those before; NULL: there were never any */
	size_t chunks;        /* that wait there */
	struct l1_taken *now; /* per series, at the end */
};

/* CATALOG chooses circular buffers. 0, or -1 with ERROR; l1_history_clear() is needed either way. */
int l1_history_load(struct l1_history *history, struct recording *recording, const struct catalog *catalog,
                    struct sql_error *error);

/* The last change that was not dropped, in *CHANGE, until the next call; NULL: none is left. 0, or -1 with ERROR. */
int l1_history_last(struct l1_history *history, const struct l1_change **change, struct sql_error *error);
void l1_history_drop(struct l1_history *history);
void l1_history_clear(struct l1_history *history);

#endif
