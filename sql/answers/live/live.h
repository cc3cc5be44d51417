/* SPDX-License-Identifier: Apache-2.0
 *
 * live.h - the state of a recording at its last commit, out of its small tables alone: what a monitor reads again and
 * again while the recording grows. The cost depends on processes, devices and the last spans, never on events.
 */
#ifndef SQL_LIVE_H
#define SQL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

struct recording;

/* What one process has in one region, or had when it ended. */
struct live_usage {
	int64_t process; /* process_info.id */
	int64_t device, region;
	int64_t bytes, bank_bytes, blocks, peak_bytes, peak_bank_bytes;
};

struct live_process {
	int64_t id, pid;
	int64_t events, failures, lost;
	char *command;
	char *operation;   /* the last that is known to have begun; NULL: none */
	bool in_operation; /* it has not ended */
	bool ended;
};

/* All processes together. */
struct live_region {
	int64_t device, region;
	int64_t bytes, bank_bytes, blocks;      /* of processes that have not ended */
	int64_t peak_bytes, peak_bank_bytes;    /* at least: of what is settled; spans lag behind */
	int64_t dirty_ns;                       /* from when on it is not; INT64_MAX: all is */
	int64_t banks, capacity_bytes;          /* capacity: of each bank; 0: not recorded */
	int64_t binary_bytes;                   /* of it kernel binaries; known with the groups */
	int64_t free_bytes, largest_free_bytes; /* of each bank; known with the space, -1: not known */
};

/* A stretch of time of one region: all spans that were read last, in no order. */
struct live_span {
	int64_t device, region;
	int64_t from_ns, to_ns, start_bytes, max_bytes, end_bytes;
};

/* Of origin.class: what the runtime owns rather than the program. */

/* Live blocks by where they lie and under which label they were allocated. */
struct live_group {
	int64_t device, region, class, label; /* label: label_info.id; 0: none */
	int64_t bytes, blocks;
	char *path; /* NULL: no label */
};

enum live_groups {
	LIVE_GROUPS_NONE, /* not asked for yet */
	LIVE_GROUPS_READ,
	LIVE_GROUPS_TOO_MANY, /* it would have taken too long */
};

struct live {
	char uuid[64];
	char boot_id[64];
	int64_t start_monotonic_ns, end_ns; /* end: time of the last commit */
	int64_t begin_ns;                   /* of this file, of a recording in several */
	bool ended;                         /* the recorder has ended it */
	int64_t events, failures, lost;
	bool loss_unknown; /* some losses are not counted */
	int64_t live_blocks;
	int64_t unrecorded; /* living processes that use chips of this machine, and are not in it (chip_counters.h) */

	struct live_process *processes; /* by id */
	size_t process_count, process_capacity;
	struct live_usage *usages; /* by process, device, region */
	size_t usage_count, usage_capacity;
	struct live_region *regions; /* by device, region */
	size_t region_count, region_capacity;
	struct live_span *spans;
	size_t span_count, span_capacity;
	bool spans_cut; /* there were too many to read: peaks and trends do not reach back to the start */

	enum live_groups groups_state;
	struct live_group *groups; /* largest first, at most LIVE_GROUPS_MAX of each device */
	size_t group_count, group_capacity;
	size_t groups_left_out;
	bool groups_of_ended; /* no process lives: what was never freed */

	/* What was read before. */
	int64_t last_mark_key; /* of device_mark, up to which geometry is known */
	bool has_spans, dirty;
};

#define LIVE_GROUPS_MAX 24

/* Zero-initialise LIVE before the first call. Reads the state into it and lets the transaction go. What a recording of
 * another uuid had left in it is forgotten. 0, or -1 with ERROR filled and LIVE of no use but to live_clear(). */
int live_read(struct live *live, struct recording *recording, struct sql_error *error);

/* Reads LIVE's groups, which takes a scan of all blocks that were not freed; gives up after BUDGET_NS. To be called
 * behind live_read(). 0, or -1 with ERROR filled. */
int live_read_groups(struct live *live, struct recording *recording, int64_t budget_ns, struct sql_error *error);

/* Reads what is free in LIVE's banks, which takes a scan of all live blocks. To be called behind live_read(). 0, or -1
 * with ERROR filled. */
int live_read_space(struct live *live, struct recording *recording, struct sql_error *error);

/* The process of that process_info.id, and the region of that device; NULL: there is none. */
const struct live_process *live_process(const struct live *live, int64_t id);
struct live_region *live_region(const struct live *live, int64_t device, int64_t region);

void live_clear(struct live *live);

#endif
