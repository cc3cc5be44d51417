/* SPDX-License-Identifier: Apache-2.0
 *
 * totals_private.h - what totals.c, which adds to spans, and rebuild.c, which makes them anew, share.
 */
#ifndef SQL_TOTALS_PRIVATE_H
#define SQL_TOTALS_PRIVATE_H

#include "sql/base/index.h"
#include "totals.h"

struct amounts {
	int64_t bytes, bank_bytes, blocks;
};

/* A row of span; id 0: there is none yet. */
struct span {
	int64_t id;
	uint64_t from_ns, to_ns, changes;
	struct amounts start, end;
	int64_t min_bytes, max_bytes, max_key, max_blocks, max_bank_bytes;
	uint64_t max_ns, max_bank_ns, allocs, frees;
};

struct totals_region {
	uint32_t device, region;
	uint64_t to_ns; /* position of the last change */
	uint32_t to_process;
	bool began;
	struct amounts now;
	struct span span; /* the last one, which may still grow */
	struct span made; /* what a rebuild makes of it, until that is in the file */
	uint64_t dirty_ns;
};

struct totals {
	struct totals_region *regions;
	size_t count, capacity;
	struct index index;
	int64_t last_span_id;
};

/* Logs rows: of a span, and of region_usage. */
void totals_log_span(const struct totals_region *region, const struct span *span, struct rowlog *log);
void totals_log_region(const struct totals_region *region, struct rowlog *log);

/* Puts a delta that is in order behind the spans of its region, and moves the totals. */
void totals_append(struct totals *totals, struct totals_region *region, const struct delta *delta, struct rowlog *log);

/* NULL: there is none. */
struct totals_region *totals_find(const struct totals *totals, uint32_t device, uint32_t region);

#endif
