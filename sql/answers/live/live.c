/* SPDX-License-Identifier: Apache-2.0
 *
 * live.c - the state of a recording at its last commit; see live.h.
 */
#include "live.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/replay/catalog.h"
#include "sql/base/chip_counters.h"
#include "sql/base/error.h"
#include "sql/base/machine.h"
#include "sql/store/recording.h"
#include "ttalloc.h"

/* Spans that are read: at first many, for the peaks; then the last, which may have grown or be new. */
#define SPANS_AT_FIRST 100000
#define SPANS_LATER 4096

#define REGIONS_MAX 65536 /* of a sound file are far fewer */

static const char head_sql[] = "SELECT uuid, boot_id, start_monotonic_ns, end_ns, ended IS NOT NULL, "
                               "coalesce((SELECT min(begin_ns) FROM recording_file), 0) FROM main.recording_info";

/* An operation that has not ended, else one that has, among the last pages: of a process that has none all would be. */
static const char processes_sql[] =
    "SELECT id, pid, events, failures, lost, ended_ns IS NOT NULL, substr(command, 1, 200), "
    "CASE WHEN ended_ns IS NULL THEN ("
    "SELECT substr(t.text, 1, 200) || ' #' || o.number FROM range_open o JOIN range_what w ON w.id = o.what "
    "JOIN operation_text t ON t.id = w.name WHERE o.process = p.id AND o.number IS NOT NULL ORDER BY o.key DESC LIMIT "
    "1) "
    "END, "
    "CASE WHEN ended_ns IS NULL THEN ("
    "SELECT substr(t.text, 1, 200) || ' #' || o.number FROM ("
    "SELECT key, process, first_number + count - 1 AS number, "
    "CAST(substr(hex(whats), -(length(whats) * 2 / count)) AS INTEGER) AS what FROM range_page "
    "WHERE first_number IS NOT NULL ORDER BY key DESC LIMIT 64) o JOIN range_what w ON w.id = o.what "
    "JOIN operation_text t ON t.id = w.name WHERE o.process = p.id ORDER BY o.key DESC LIMIT 1) "
    "END FROM main.process_info p ORDER BY id";

static const char usages_sql[] =
    "SELECT process, device, region, live_bytes, live_bank_bytes, live_blocks, peak_bytes, "
    "peak_bank_bytes "
    "FROM main.process_usage ORDER BY process, device, region";

static const char marks_sql[] = "SELECT key, device, region, banks, bank_bytes FROM main.device_mark WHERE key >= ?1 "
                                "ORDER BY key, region";

static const char dirty_sql[] = "SELECT device, region, dirty_ns FROM main.region_usage WHERE dirty_ns IS NOT NULL";

static const char losses_sql[] = "SELECT coalesce(sum(count), 0), coalesce(sum(count IS NULL), 0) FROM main.loss_row";

static const char spans_sql[] =
    "SELECT device, region, from_ns, to_ns, start_bytes, max_bytes, end_bytes, max_bank_bytes "
    "FROM main.span ORDER BY id DESC LIMIT ?1";

static int no_memory(const struct recording *recording, struct sql_error *error)
{
	return sql_fail(error, "%s: out of memory", recording->path);
}

static char *column_copy(sqlite3_stmt *row, int column)
{
	const unsigned char *text = sqlite3_column_text(row, column);

	return strdup(text ? (const char *)text : "");
}

/* Calls TAKE for each row of STATEMENT, which it finalizes. TAKE returns -1 when there is no memory. 0, or -1. */
static int each_row(struct live *live, struct recording *recording, sqlite3_stmt *statement,
                    int (*take)(struct live *live, sqlite3_stmt *row), struct sql_error *error)
{
	int state = statement ? 1 : -1;

	while (state == 1 && (state = recording_step(recording, statement, error)) == 1)
		if (take(live, statement) < 0)
			state = no_memory(recording, error);
	sqlite3_finalize(statement);
	return state;
}

static int read_rows(struct live *live, struct recording *recording, const char *sql,
                     int (*take)(struct live *live, sqlite3_stmt *row), struct sql_error *error)
{
	return each_row(live, recording, recording_prepare(recording, sql, error), take, error);
}

static int read_rows_from(struct live *live, struct recording *recording, const char *sql, int64_t parameter,
                          int (*take)(struct live *live, sqlite3_stmt *row), struct sql_error *error)
{
	sqlite3_stmt *statement = recording_prepare(recording, sql, error);

	if (statement)
		sqlite3_bind_int64(statement, 1, parameter);
	return each_row(live, recording, statement, take, error);
}

/* ---- what is kept from one reading to the next ---- */

static void clear_processes(struct live *live)
{
	for (size_t i = 0; i < live->process_count; i++) {
		free(live->processes[i].command);
		free(live->processes[i].operation);
	}
	live->process_count = live->usage_count = 0;
}

static void clear_groups(struct live *live)
{
	for (size_t i = 0; i < live->group_count; i++)
		free(live->groups[i].path);
	live->group_count = 0;
	live->groups_state = LIVE_GROUPS_NONE;
}

void live_clear(struct live *live)
{
	clear_processes(live);
	clear_groups(live);
	free(live->processes);
	free(live->usages);
	free(live->regions);
	free(live->spans);
	free(live->groups);
	*live = (struct live){0};
}

static int take_head(struct live *live, sqlite3_stmt *row)
{
	const char *uuid = (const char *)sqlite3_column_text(row, 0);
	const char *boot_id = (const char *)sqlite3_column_text(row, 1);

	if (!uuid || strncmp(uuid, live->uuid, sizeof(live->uuid) - 1) != 0) {
		live_clear(live);
		strncat(live->uuid, uuid ? uuid : "", sizeof(live->uuid) - 1);
		strncat(live->boot_id, boot_id ? boot_id : "", sizeof(live->boot_id) - 1);
	}
	live->start_monotonic_ns = sqlite3_column_int64(row, 2);
	live->end_ns = sqlite3_column_int64(row, 3);
	live->ended = sqlite3_column_int(row, 4);
	live->begin_ns = sqlite3_column_int64(row, 5);
	return 0;
}

/* ---- processes ---- */

static int take_process(struct live *live, sqlite3_stmt *row)
{
	if (array_reserve(&live->processes, &live->process_capacity, live->process_count) < 0)
		return -1;
	struct live_process process = {
	    .id = sqlite3_column_int64(row, 0),
	    .pid = sqlite3_column_int64(row, 1),
	    .events = sqlite3_column_int64(row, 2),
	    .failures = sqlite3_column_int64(row, 3),
	    .lost = sqlite3_column_int64(row, 4),
	    .ended = sqlite3_column_int(row, 5),
	    .command = column_copy(row, 6),
	};
	const char *open = (const char *)sqlite3_column_text(row, 7);
	const char *ended = (const char *)sqlite3_column_text(row, 8);

	process.in_operation = open != NULL;
	if (open || ended)
		process.operation = strdup(open ? open : ended);
	if (!process.command || (!process.operation && (open || ended))) {
		free(process.command);
		free(process.operation);
		return -1;
	}
	live->processes[live->process_count++] = process;
	live->events += process.events;
	live->failures += process.failures;
	return 0;
}

static int compare_process(const void *left, const void *right)
{
	const struct live_process *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

const struct live_process *live_process(const struct live *live, int64_t id)
{
	struct live_process key = {.id = id};

	if (!live->process_count)
		return NULL; /* nor a list, which bsearch() insists on */
	return bsearch(&key, live->processes, live->process_count, sizeof(key), compare_process);
}

/* Where the region is, or would be. */
static size_t region_place(const struct live *live, int64_t device, int64_t region)
{
	size_t low = 0, high = live->region_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct live_region *at = &live->regions[middle];

		if (at->device < device || (at->device == device && at->region < region))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_region(const struct live *live, size_t place, int64_t device, int64_t region)
{
	return place < live->region_count && live->regions[place].device == device &&
	       live->regions[place].region == region;
}

struct live_region *live_region(const struct live *live, int64_t device, int64_t region)
{
	size_t place = region_place(live, device, region);

	return is_region(live, place, device, region) ? &live->regions[place] : NULL;
}

/* The region, made where it is new; they stay sorted. NULL: no memory, or too many to be true. */
static struct live_region *region_of(struct live *live, int64_t device, int64_t region)
{
	size_t low = region_place(live, device, region);

	if (is_region(live, low, device, region))
		return &live->regions[low];
	if (live->region_count == REGIONS_MAX ||
	    array_reserve(&live->regions, &live->region_capacity, live->region_count) < 0)
		return NULL;
	memmove(&live->regions[low + 1], &live->regions[low], (live->region_count - low) * sizeof(*live->regions));
	live->region_count++;
	live->regions[low] = (struct live_region){
	    .device = device, .region = region, .dirty_ns = INT64_MAX, .free_bytes = -1, .largest_free_bytes = -1};
	return &live->regions[low];
}

/* Sums of a hostile file wrap around rather than stop the program. */
static void add(int64_t *sum, int64_t value)
{
	__builtin_add_overflow(*sum, value, sum);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int take_usage(struct live *live, sqlite3_stmt *row)
{
	if (array_reserve(&live->usages, &live->usage_capacity, live->usage_count) < 0)
		return -1;
	struct live_usage *usage = &live->usages[live->usage_count];
	*usage = (struct live_usage){
	    .process = sqlite3_column_int64(row, 0),
	    .device = sqlite3_column_int64(row, 1),
	    .region = sqlite3_column_int64(row, 2),
	    .bytes = sqlite3_column_int64(row, 3),
	    .bank_bytes = sqlite3_column_int64(row, 4),
	    .blocks = sqlite3_column_int64(row, 5),
	    .peak_bytes = sqlite3_column_int64(row, 6),
	    .peak_bank_bytes = sqlite3_column_int64(row, 7),
	};
	const struct live_process *process = live_process(live, usage->process);
	struct live_region *region = region_of(live, usage->device, usage->region);
	if (!region)
		return -1;
	live->usage_count++;
	add(&live->live_blocks, usage->blocks);
	region->peak_bytes = larger(region->peak_bytes, usage->peak_bytes);
	region->peak_bank_bytes = larger(region->peak_bank_bytes, usage->peak_bank_bytes);
	if (!process || process->ended)
		return 0;
	add(&region->bytes, usage->bytes);
	add(&region->bank_bytes, usage->bank_bytes);
	add(&region->blocks, usage->blocks);
	return 0;
}

/* ---- devices ---- */

static int take_mark(struct live *live, sqlite3_stmt *row)
{
	struct live_region *region = region_of(live, sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2));

	if (!region)
		return -1;
	live->last_mark_key = sqlite3_column_int64(row, 0);
	region->banks = sqlite3_column_int64(row, 3);
	region->capacity_bytes = sqlite3_column_int64(row, 4);
	return 0;
}

/* Spans from then on are yet to be made anew: a process's end, say, became known late. */
static int take_dirty(struct live *live, sqlite3_stmt *row)
{
	struct live_region *region = region_of(live, sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1));

	if (!region)
		return -1;
	region->dirty_ns = sqlite3_column_int64(row, 2);
	live->dirty = true;
	return 0;
}

static int take_span(struct live *live, sqlite3_stmt *row)
{
	if (array_reserve(&live->spans, &live->span_capacity, live->span_count) < 0)
		return -1;
	struct live_span span = {
	    .device = sqlite3_column_int64(row, 0),
	    .region = sqlite3_column_int64(row, 1),
	    .from_ns = sqlite3_column_int64(row, 2),
	    .to_ns = sqlite3_column_int64(row, 3),
	    .start_bytes = sqlite3_column_int64(row, 4),
	    .max_bytes = sqlite3_column_int64(row, 5),
	    .end_bytes = sqlite3_column_int64(row, 6),
	};
	struct live_region *region = region_of(live, span.device, span.region);
	if (!region)
		return -1;
	if (span.to_ns < region->dirty_ns) {
		region->peak_bytes = larger(region->peak_bytes, span.max_bytes);
		region->peak_bank_bytes = larger(region->peak_bank_bytes, sqlite3_column_int64(row, 7));
	}
	live->spans[live->span_count++] = span;
	return 0;
}

/* Circular buffers lie in L1. */
static void size_circular_buffers(struct live *live)
{
	for (size_t i = 0; i < live->region_count; i++) {
		if (live->regions[i].region != TTALLOC_CB || live->regions[i].capacity_bytes)
			continue;
		for (size_t other = 0; other < i; other++)
			if (live->regions[other].device == live->regions[i].device &&
			    live->regions[other].region == TTALLOC_L1)
				live->regions[i].capacity_bytes = live->regions[other].capacity_bytes;
	}
}

static int take_loss(struct live *live, sqlite3_stmt *row)
{
	live->lost = sqlite3_column_int64(row, 0);
	live->loss_unknown = sqlite3_column_int64(row, 1) > 0;
	return 0;
}

static void begin_reading(struct live *live)
{
	clear_processes(live);
	live->events = live->failures = live->lost = live->live_blocks = 0;
	live->dirty = false;
	for (size_t i = 0; i < live->region_count; i++) {
		live->regions[i].bytes = live->regions[i].bank_bytes = live->regions[i].blocks = 0;
		live->regions[i].dirty_ns = INT64_MAX;
	}
}

/* Peaks add up over the readings, but for spans that were made anew: then they begin again. */
static int read_spans(struct live *live, struct recording *recording, bool was_dirty, struct sql_error *error)
{
	bool all = !live->has_spans || (was_dirty && !live->dirty);

	for (size_t i = 0; all && i < live->region_count; i++)
		live->regions[i].peak_bytes = live->regions[i].peak_bank_bytes = 0;
	live->span_count = 0;
	if (read_rows_from(live, recording, spans_sql, all ? SPANS_AT_FIRST : SPANS_LATER, take_span, error) < 0)
		return -1;
	live->has_spans |= live->span_count > 0;
	if (all)
		live->spans_cut = live->span_count == SPANS_AT_FIRST;
	return 0;
}

static int read_state(struct live *live, struct recording *recording, struct sql_error *error)
{
	if (recording_begin(recording, error) < 0 || read_rows(live, recording, head_sql, take_head, error) < 0)
		return -1;
	bool was_dirty = live->dirty;
	begin_reading(live);
	if (read_rows_from(live, recording, marks_sql, live->last_mark_key, take_mark, error) < 0 ||
	    read_rows(live, recording, dirty_sql, take_dirty, error) < 0 ||
	    read_spans(live, recording, was_dirty, error) < 0 ||
	    read_rows(live, recording, processes_sql, take_process, error) < 0 ||
	    read_rows(live, recording, usages_sql, take_usage, error) < 0 ||
	    read_rows(live, recording, losses_sql, take_loss, error) < 0)
		return -1;
	size_circular_buffers(live);
	return 0;
}

/* ---- who is not recorded ---- */

static bool is_recorded(const struct live *live, int64_t pid)
{
	for (size_t i = 0; i < live->process_count; i++)
		if (live->processes[i].pid == pid && !live->processes[i].ended)
			return true;
	return false;
}

/* A process that uses several chips counts once. */
struct unrecorded {
	const struct live *live;
	int64_t pids[CHIP_COUNTERS_PROCESSES];
	size_t count;
};

static void note_unrecorded(void *context, const struct chip_counters *counters)
{
	struct unrecorded *unrecorded = context;

	for (size_t i = 0; i < counters->count; i++) {
		int64_t pid = counters->processes[i].pid;
		bool known = is_recorded(unrecorded->live, pid);

		for (size_t k = 0; k < unrecorded->count; k++)
			known |= unrecorded->pids[k] == pid;
		if (!known && unrecorded->count < CHIP_COUNTERS_PROCESSES)
			unrecorded->pids[unrecorded->count++] = pid;
	}
}

static void count_unrecorded(struct live *live)
{
	struct unrecorded unrecorded = {.live = live};
	char boot_id[sizeof(live->boot_id)];

	machine_boot_id(boot_id, sizeof(boot_id));
	if (!live->ended && live->boot_id[0] && strcmp(boot_id, live->boot_id) == 0)
		chip_counters_each(note_unrecorded, &unrecorded);
	live->unrecorded = (int64_t)unrecorded.count;
}

int live_read(struct live *live, struct recording *recording, struct sql_error *error)
{
	int result = read_state(live, recording, error);

	recording_release(recording);
	if (result == 0)
		count_unrecorded(live);
	return result;
}
