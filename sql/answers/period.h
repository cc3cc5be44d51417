/* SPDX-License-Identifier: Apache-2.0
 *
 * period.h - the steps of programs that mark none: what a training step or a request allocates, the next one does
 * again. Of each process, the block is looked for that is allocated once in each period; a step begins where it is.
 */
#ifndef SQL_PERIOD_H
#define SQL_PERIOD_H

#include "sql/replay/catalog.h"

/* What was found of a process. */
struct period {
	int64_t process;                 /* id */
	int64_t origin, key, size_bytes; /* of the last block that a step began with, for attribution() */
	int64_t region;
	size_t first_step, step_count;
};

struct periods {
	struct period *periods; /* by process; those in which nothing comes again have none */
	size_t count, capacity;
	struct catalog_step *steps; /* by process, rising; numbered from 0 */
	size_t step_count, step_capacity;
	bool is_cut; /* there are more, before them: they are too many */
};

/* Reads all of RECORDING, once in a transaction. Borrowed until its end, or until something else is kept
 * (recording_keep()). NULL with ERROR. */
const struct periods *periods_of(struct recording *recording, struct sql_error *error);

/* Gives CATALOG, which has no steps, those that are found. 0, or -1 with ERROR. */
int periods_give(struct recording *recording, struct catalog *catalog, struct sql_error *error);

#endif
