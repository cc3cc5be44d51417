/* SPDX-License-Identifier: Apache-2.0
 *
 * delta.h - what happened to the totals of one device and region over a short time, relative to where they stood
 * before: so it can be made before anybody knows the totals, and be put behind any other delta later.
 */
#ifndef SQL_DELTA_H
#define SQL_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/replay/history.h"

#define DELTA_NO_DISORDER UINT64_MAX
#define DELTA_MOST_CHANGES 65536u
#define DELTA_MOST_NS 1000000000u

struct delta {
	uint32_t device, region;
	uint64_t from_ns, to_ns; /* of its first and its last change */
	uint32_t from_process, to_process, changes;
	uint64_t disorder_ns;              /* earliest change that came after a later one; DELTA_NO_DISORDER */
	int64_t bytes, bank_bytes, blocks; /* at its end, against its start */
	int64_t min_bytes, max_bytes, max_key, max_blocks, max_bank_bytes; /* after a change, against its start */
	uint64_t max_ns, max_bank_ns;
	uint64_t allocs, frees;
};

void delta_begin(struct delta *delta, uint32_t device, uint32_t region, const struct usage_change *first);
void delta_add(struct delta *delta, const struct usage_change *change);

/* Whether a delta or span that began at FROM_NS and has CHANGES may grow by MORE changes up to TO_NS. */
static inline bool delta_may_grow(uint64_t from_ns, uint64_t changes, uint64_t to_ns, uint64_t more)
{
	return (to_ns < from_ns || to_ns - from_ns <= DELTA_MOST_NS) && changes + more <= DELTA_MOST_CHANGES;
}

#endif
