/* SPDX-License-Identifier: Apache-2.0
 *
 * groups.c - whose the live blocks are: a scan of the held rows, which stops when it takes too long.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/machine.h"
#include "live.h"
#include "ttalloc/vocabulary.h"
#include "sql/store/recording.h"

#define ORIGINS_MAX (1 << 22)
#define ROWS_BETWEEN_LOOKS 1024
#define FLAG_ALIASED 4
#define GROUPS_LOOKED_AT 4096 /* of which the largest of each device are kept */

/* What the held blocks of one origin come to. */
struct share {
	int64_t bytes, blocks;
};

struct scan {
	struct live *live;
	struct recording *recording;
	struct sql_error *error;
	struct share *shares; /* by origin.id */
	int64_t origin_max;
	int64_t deadline_ns;
	bool too_many, any_alive;
};

static int scan_held(struct scan *scan)
{
	/* Blocks that a device's end took were not freed by their program either, but they do not live. */
	sqlite3_stmt *rows =
	    recording_prepare(scan->recording,
	                      scan->any_alive ? "SELECT origin, size_bytes FROM main.held WHERE end_key IS NULL"
	                                      : "SELECT origin, size_bytes FROM main.held",
	                      scan->error);
	int state = rows ? 1 : -1;

	for (int64_t count = 1; state == 1 && !scan->too_many; count++) {
		state = recording_step(scan->recording, rows, scan->error);
		if (state != 1)
			break;
		int64_t origin = sqlite3_column_int64(rows, 0);
		if (origin > 0 && origin <= scan->origin_max) {
			__builtin_add_overflow(scan->shares[origin].bytes, sqlite3_column_int64(rows, 1),
			                       &scan->shares[origin].bytes);
			scan->shares[origin].blocks++;
		}
		scan->too_many = count % ROWS_BETWEEN_LOOKS == 0 && monotonic_ns() > scan->deadline_ns;
	}
	sqlite3_finalize(rows);
	return state < 0 ? -1 : 0;
}

static bool process_counts(const struct scan *scan, int64_t id)
{
	const struct live_process *process = live_process(scan->live, id);

	return process && !(scan->any_alive && process->ended);
}

static int take_origin(struct scan *scan, sqlite3_stmt *row)
{
	struct live *live = scan->live;
	const struct share *share = &scan->shares[sqlite3_column_int64(row, 0)];

	if (!process_counts(scan, sqlite3_column_int64(row, 1)) || (sqlite3_column_int64(row, 6) & FLAG_ALIASED))
		return 0;
	if (array_reserve(&live->groups, &live->group_capacity, live->group_count) < 0)
		return sql_fail(scan->error, "%s: out of memory", scan->recording->path);
	live->groups[live->group_count++] = (struct live_group){
	    .label = sqlite3_column_int64(row, 2),
	    .device = sqlite3_column_int64(row, 3),
	    .region = sqlite3_column_int64(row, 4),
	    .class = sqlite3_column_int64(row, 5),
	    .bytes = share->bytes,
	    .blocks = share->blocks,
	};
	return 0;
}

static int scan_origins(struct scan *scan)
{
	sqlite3_stmt *rows = recording_prepare(
	    scan->recording, "SELECT id, process, label, device, region, class, flags FROM main.origin WHERE id = ?1",
	    scan->error);
	int result = rows ? 0 : -1;

	for (int64_t id = 1; id <= scan->origin_max && result == 0 && !scan->too_many; id++) {
		if (!scan->shares[id].blocks)
			continue;
		sqlite3_bind_int64(rows, 1, id);
		int state = recording_step(scan->recording, rows, scan->error);
		if (state == 1)
			state = take_origin(scan, rows);
		result = state < 0 ? -1 : 0;
		sqlite3_reset(rows);
		scan->too_many = id % ROWS_BETWEEN_LOOKS == 0 && monotonic_ns() > scan->deadline_ns;
	}
	sqlite3_finalize(rows);
	return result;
}

static int order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_place(const void *left, const void *right)
{
	const struct live_group *a = left, *b = right;
	int device = order(a->device, b->device), region = order(a->region, b->region);
	int class = order(a->class, b->class);

	return device ? device : region ? region : class ? class : order(a->label, b->label);
}

static int compare_size(const void *left, const void *right)
{
	const struct live_group *a = left, *b = right;

	return a->bytes != b->bytes ? order(b->bytes, a->bytes) : compare_place(left, right);
}

/* Several origins, of threads and stacks, make one group. */
static void join_groups(struct live *live)
{
	size_t kept = 0;

	if (live->group_count)
		qsort(live->groups, live->group_count, sizeof(*live->groups), compare_place);
	for (size_t i = 0; i < live->group_count; i++) {
		struct live_group *group = &live->groups[i];

		if (kept && compare_place(&live->groups[kept - 1], group) == 0) {
			__builtin_add_overflow(live->groups[kept - 1].bytes, group->bytes,
			                       &live->groups[kept - 1].bytes);
			live->groups[kept - 1].blocks += group->blocks;
		} else {
			live->groups[kept++] = *group;
		}
	}
	live->group_count = kept;
	if (kept)
		qsort(live->groups, kept, sizeof(*live->groups), compare_size);
}

static void sum_binaries(struct live *live)
{
	for (size_t i = 0; i < live->region_count; i++) {
		struct live_region *region = &live->regions[i];

		region->binary_bytes = 0;
		for (size_t j = 0; j < live->group_count && j < GROUPS_LOOKED_AT; j++)
			if (live->groups[j].class == TTA_CLASS_KERNEL_BINARY &&
			    live->groups[j].device == region->device && live->groups[j].region == region->region)
				__builtin_add_overflow(region->binary_bytes, live->groups[j].bytes,
				                       &region->binary_bytes);
	}
}

static size_t count_of_device(const struct live *live, size_t before, int64_t device)
{
	size_t count = 0;

	for (size_t i = 0; i < before; i++)
		count += live->groups[i].device == device;
	return count;
}

/* What the runtime keeps by design is no finding when a process has ended with it. */
static bool is_runtime(const struct live_group *group)
{
	return group->class == TTA_CLASS_KERNEL_BINARY || group->class == TTA_CLASS_KERNEL ||
	       group->class == TTA_CLASS_TRACE;
}

static void keep_largest(struct live *live)
{
	size_t kept = 0;

	live->groups_left_out = 0;
	for (size_t i = 0; i < live->group_count; i++) {
		if (live->groups_of_ended && is_runtime(&live->groups[i]))
			continue;
		if (i < GROUPS_LOOKED_AT && count_of_device(live, kept, live->groups[i].device) < LIVE_GROUPS_MAX)
			live->groups[kept++] = live->groups[i];
		else
			live->groups_left_out++;
	}
	live->group_count = kept;
}

static int name_groups(struct scan *scan)
{
	struct live *live = scan->live;
	sqlite3_stmt *row = recording_prepare(
	    scan->recording, "SELECT substr(path, 1, 1000) FROM main.label_info WHERE id = ?1", scan->error);
	int result = row ? 0 : -1;

	for (size_t i = 0; i < live->group_count && result == 0; i++) {
		sqlite3_bind_int64(row, 1, live->groups[i].label);
		int state = recording_step(scan->recording, row, scan->error);
		const char *path = state == 1 ? (const char *)sqlite3_column_text(row, 0) : NULL;
		if (path && !(live->groups[i].path = strdup(path)))
			state = sql_fail(scan->error, "%s: out of memory", scan->recording->path);
		result = state < 0 ? -1 : 0;
		sqlite3_reset(row);
	}
	sqlite3_finalize(row);
	return result;
}

static int read_groups(struct scan *scan)
{
	struct live *live = scan->live;

	if (recording_begin(scan->recording, scan->error) < 0 ||
	    recording_integer(scan->recording, "SELECT max(id) FROM main.origin", 0, &scan->origin_max, scan->error) <
	        0)
		return -1;
	if (scan->origin_max < 0 || scan->origin_max > ORIGINS_MAX) {
		scan->too_many = true;
		return 0;
	}
	scan->shares = calloc((size_t)scan->origin_max + 1, sizeof(*scan->shares));
	if (!scan->shares)
		return sql_fail(scan->error, "%s: out of memory", scan->recording->path);
	if (scan_held(scan) < 0 || (!scan->too_many && scan_origins(scan) < 0))
		return -1;
	if (scan->too_many)
		return 0;
	join_groups(live);
	sum_binaries(live);
	keep_largest(live);
	return name_groups(scan);
}

int live_read_groups(struct live *live, struct recording *recording, int64_t budget_ns, struct sql_error *error)
{
	struct scan scan = {
	    .live = live, .recording = recording, .error = error, .deadline_ns = monotonic_ns() + budget_ns};

	for (size_t i = 0; i < live->process_count; i++)
		scan.any_alive |= !live->processes[i].ended;
	for (size_t i = 0; i < live->group_count; i++)
		free(live->groups[i].path);
	live->group_count = 0;
	live->groups_of_ended = !scan.any_alive;
	int result = read_groups(&scan);
	if (scan.too_many)
		live->group_count = 0;
	live->groups_state = scan.too_many ? LIVE_GROUPS_TOO_MANY : LIVE_GROUPS_READ;
	free(scan.shares);
	recording_release(recording);
	return result;
}
