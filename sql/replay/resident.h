/* SPDX-License-Identifier: Apache-2.0
 *
 * resident.h - how the circular buffers that were resident on a device at some moment lay on its cores.
 */
#ifndef SQL_RESIDENT_H
#define SQL_RESIDENT_H

#include "core_map.h"
#include "figures.h"

struct resident {
	int64_t device;
	struct place place;                      /* after what happened there */
	struct core_map bytes, blocks;           /* the same rectangles; aliased and empty ones are left out */
	int64_t unplaced_bytes, unplaced_blocks; /* of those whose cores are not known */
	bool taken;                              /* or not asked for */
};

/* Fills in all of LIST that are not taken. CATALOG says which circular buffers are meant. 0, or -1 with ERROR;
 * resident_clear() is needed either way. */
int resident_collect(struct recording *recording, const struct catalog *catalog, struct resident *list, size_t count,
                     struct sql_error *error);
void resident_clear(struct resident *resident);

#endif
