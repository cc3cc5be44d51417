/* SPDX-License-Identifier: Apache-2.0
 *
 * joint_private.h - what joint.c, which adds to spans, and rebuild.c, which makes them anew, share.
 */
#ifndef RECORDER_JOINT_PRIVATE_H
#define RECORDER_JOINT_PRIVATE_H

#include "recorder/base/index.h"
#include "joint.h"

struct totals {
	int64_t bytes, bank_bytes, blocks;
};

/* A row of span; id 0: there is none yet. */
struct span {
	int64_t id;
	uint64_t from_ns, to_ns, changes;
	struct totals start, end;
	int64_t min_bytes, max_bytes, max_key, max_blocks, max_bank_bytes;
	uint64_t max_ns, max_bank_ns, allocs, frees;
};

struct joint_region {
	uint32_t device, region;
	uint64_t to_ns; /* position of the last change */
	uint32_t to_process;
	bool began;
	struct totals now;
	struct span span; /* the last one, which may still grow */
	struct span made; /* what a rebuild makes of it, until that is in the file */
	uint64_t dirty_ns;
};

struct joint {
	struct joint_region *regions;
	size_t count, capacity;
	struct index index;
	int64_t last_span_id;
};

/* Logs rows: of a span, and of region_usage. */
void joint_log_span(const struct joint_region *region, const struct span *span, struct rowlog *log);
void joint_log_region(const struct joint_region *region, struct rowlog *log);

/* Puts a piece that is in order behind the spans of its region, and moves the totals. */
void joint_append(struct joint *joint, struct joint_region *region, const struct piece *piece, struct rowlog *log);

/* NULL: there is none. */
struct joint_region *joint_find(const struct joint *joint, uint32_t device, uint32_t region);

#endif
