/* SPDX-License-Identifier: Apache-2.0
 *
 * owners.h - which allocators know of each other's blocks. Those of a device do, of its sub-devices too, and those of
 * single cores know all of the chip, and are known; a mesh and its submeshes do not, nor do processes that share a
 * chip.
 */
#ifndef SQL_OWNERS_H
#define SQL_OWNERS_H

#include "catalog.h"

/* One allocator of a process, of which others may or may not know. */
struct owner {
	int64_t process, device; /* process: an id */
	uint16_t allocator;
	bool on_cores; /* it serves some cores alone */
	char of[60];   /* the device that has it */
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
	const struct catalog_cores *cores; /* for these alone; NULL: for all, or it is not known */
};

/* What has the allocator of blocks of ORIGIN, a mesh or a device, of which DEVICE is one; NULL: that is not known, or
 * it serves some cores alone, which all others know of. */
const char *owners_name(const struct owners *owners, const struct catalog *catalog, const struct catalog_origin *origin,
                        int64_t device);

/* Whether blocks of ORIGIN lie on other cores than those that ASKER asked for, so that they are not in its way. Those
 * in step are in everybody's: the list that gave them out has them for all cores. */
static inline bool owners_apart(const struct asker *asker, const struct catalog_origin *origin)
{
	return catalog_apart(asker->cores, origin->cores) && !origin->cores->in_step;
}

/* Whether the allocator of ASKER knows of blocks of ORIGIN, which are on its device. Where it is not known who asked,
 * or whose they are, blocks count. */
bool owners_know(const struct owners *owners, const struct asker *asker, const struct catalog *catalog,
                 const struct catalog_origin *origin);

#endif
