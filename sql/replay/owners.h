/* SPDX-License-Identifier: Apache-2.0
 *
 * owners.h - which allocators know of each other's blocks. Those of a device do, of its sub-devices and of single cores
 * too; a mesh and its submeshes do not, nor do processes that share a chip.
 */
#ifndef SQL_OWNERS_H
#define SQL_OWNERS_H

#include "catalog.h"

/* One allocator of a process, of which others may or may not know. */
struct owner {
	int64_t process, device; /* process: an id */
	uint16_t allocator;
	char of[60]; /* the device that has it */
};

struct owners {
	struct owner *list;
	size_t count, capacity;
};

int owners_load(struct owners *owners, struct recording *recording, struct sql_error *error);
void owners_clear(struct owners *owners);

/* Who asked for memory; allocator 0: that is not known. */
struct asker {
	int64_t process, device; /* process: an id */
	uint16_t allocator;
};

/* Whether the allocator of ASKER knows of blocks of ORIGIN, which are on its device. Where it is not known who asked,
 * or whose they are, blocks count. */
bool owners_know(const struct owners *owners, const struct asker *asker, const struct catalog *catalog,
                 const struct catalog_origin *origin);

#endif
