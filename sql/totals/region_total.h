/* SPDX-License-Identifier: Apache-2.0
 *
 * region_total.h - what one process has on one device and region: exact after every event, since a process's events
 * come in order. A row of process_usage.
 */
#ifndef SQL_REGION_TOTAL_H
#define SQL_REGION_TOTAL_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/store/rows.h"
#include "sql/replay/history.h"

struct core_levels;

#define REGION_TOTAL_NO_TIME UINT64_MAX

struct region_total {
	uint32_t device;
	uint32_t region;
	uint32_t ledger_region; /* number of the device and region in the recording (ledger.h) */
	uint32_t chunk;         /* serial of the chunk in which it changed last */
	uint64_t allocs, frees;
	int64_t allocated_bytes;
	int64_t live_bytes, live_bank_bytes, live_blocks;
	int64_t closing_bytes, closing_bank_bytes, closing_blocks; /* of these, what goes while a device is closed */
	int64_t peak_bytes, peak_key, peak_blocks, peak_bank_bytes;
	uint64_t peak_ns, peak_bank_ns; /* REGION_TOTAL_NO_TIME: before the first alloc */
	struct core_levels *cores;      /* of what lies on single cores; free() it. NULL: nothing ever did */

	/* Region CB only: which circular buffers are resident (cbs.h). */
	bool ran;                                /* the process has run a program on the device */
	uint64_t program;                        /* the last one; before: the one of the last cb_alloc */
	int64_t resident_bytes, resident_blocks; /* of those that count now */
};

void region_total_begin(struct region_total *total, uint32_t device, uint32_t region);
/* What it counts for one file begins anew at AT_NS, after KEY. */
void region_total_begin_file(struct region_total *total, uint64_t at_ns, int64_t key);

void region_total_add(struct region_total *total, const struct usage_change *change);
void region_total_log(const struct region_total *total, uint32_t process, struct rowlog *log);

#endif
