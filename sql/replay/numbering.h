/* SPDX-License-Identifier: Apache-2.0
 *
 * numbering.h - the numbers that keys have in their own process, where keys of others do not count, and numbers of
 * events that were lost do. Keys that belong to no event (replaced blocks) and steps have a number as well.
 */
#ifndef SQL_NUMBERING_H
#define SQL_NUMBERING_H

#include "catalog.h"

struct numbered_range {
	int64_t first_key, last_key, number; /* of the first key */
};

struct numbered_process {
	size_t first, count; /* in ranges */
	size_t last;         /* range that was looked up last, counted from FIRST */
};

struct numbering {
	struct numbered_range *ranges; /* by process, then key */
	size_t count, capacity;
	struct numbered_process *processes; /* as in the catalog */
};

/* 0, or -1 with ERROR; numbering_clear() is needed either way. */
int numbering_load(struct numbering *numbering, struct recording *recording, const struct catalog *catalog,
                   struct sql_error *error);
void numbering_clear(struct numbering *numbering);

/* The number of KEY in PROCESS (an index), where KEYS mostly rise; -1: the key is not that process's. */
int64_t numbering_of(struct numbering *numbering, uint32_t process, int64_t key);

#endif
