/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.h - of each device and region, the blocks that are compared with each other: all of them, or, where several
 * allocators serve it and do not know of each other's blocks (a mesh and its submeshes), those of each.
 */
#ifndef SQL_LANES_H
#define SQL_LANES_H

#include "sql/replay/floor.h"
#include "sql/replay/owners.h"

struct lane_names {
	struct owners owners;
	uint32_t *of; /* by origin */
	struct lane_name {
		uint32_t series;
		int64_t process;  /* id */
		const char *name; /* of the allocator; NULL: it is the only one, or nobody said */
	} * names;                /* by lane */
	size_t count, capacity;
};

int lanes_load(struct lane_names *lanes, struct recording *recording, const struct catalog *catalog,
               struct sql_error *error);
void lanes_clear(struct lane_names *lanes);

#endif
