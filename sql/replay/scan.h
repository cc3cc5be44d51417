/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.h - every block once, circular buffers included, with how it ended: for figures that need no order of time, or
 * that of the ends within each process.
 */
#ifndef SQL_SCAN_H
#define SQL_SCAN_H

#include "catalog.h"

enum scan_end {
	SCAN_FREED,    /* by its program */
	SCAN_REPLACED, /* by a block that was placed over it; end_key belongs to no event */
	SCAN_TAKEN,    /* back, by the closing of its device or the end of its process */
	SCAN_LIVE,
};

struct scan_block {
	int64_t alloc_key, alloc_ns, size_bytes, bank_bytes;
	int64_t end_key; /* of SCAN_FREED and SCAN_REPLACED */
	int64_t end_ns;  /* not of SCAN_LIVE */
	int64_t origin_id;
	const struct catalog_origin *origin; /* whose "chosen" does not know of steps, operations and time */
	enum scan_end end;
};

/* Calls EACH for all blocks, those that CATALOG does not choose included: first what was freed or replaced, by rising
 * end_key, then the others. It returns 0, or -1 with ERROR to end this. 0, or -1 with ERROR. */
int scan_blocks(struct recording *recording, const struct catalog *catalog,
                int (*each)(const struct scan_block *block, void *context), void *context, struct sql_error *error);

/* Whether CATALOG chooses BLOCK. */
bool scan_is_chosen(const struct catalog *catalog, const struct scan_block *block);

#endif
