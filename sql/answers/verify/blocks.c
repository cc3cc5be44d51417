/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks.c - verify: replays all blocks once, and holds what is kept about them against it: every key is one
 * event, no two live blocks have the same address, and the sums of processes are right. Spans are spans.c's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/replay/figures.h"
#include "private.h"
#include "shared.h"
#include "sql/base/map.h"
#include "sql/store/key_rows.h"
#include "sql/store/recording.h"

/* Keys that are looked at in one go, a bit each. */
#define KEYS_MAX (INT64_C(1) << 30)

struct check {
	struct findings *findings;
	struct recording *recording;
	struct catalog catalog;  /* series are per process */
	struct figures *figures; /* per series */
	struct span_check *spans;
	int64_t begin_key; /* the last one of the files before this one: rows up to it were carried over */
	uint64_t *keys;    /* a bit for each after it: an event has it */
	int64_t key_count;
	int64_t freed_rows; /* that the replay met */
	int64_t *replaced;  /* of each process: blocks that another one was placed over */
	struct map places;  /* (process and series, address, allocator) of live blocks */
	struct shared_check *shared;
};

static const char *series_place(const struct check *check, uint32_t index, char *text, size_t bytes)
{
	const struct catalog_series *series = &check->catalog.series[index];

	snprintf(text, bytes, "process %" PRId64 ", device %" PRId64 ", region %" PRId64,
	         check->catalog.processes[series->process].pid, series->device, series->region);
	return text;
}

/* ---- Keys ---- */

static void take_key(struct check *check, int64_t key, const char *what)
{
	uint64_t bit;

	if (!check->keys || key == REPLAY_PROCESS_END || (key >= 1 && key <= check->begin_key))
		return;
	key -= check->begin_key;
	if (key < 1 || key >= check->key_count) {
		findings_add(check->findings, "key", what, "key %" PRId64 " lies in no batch", key + check->begin_key);
		return;
	}
	bit = UINT64_C(1) << (key & 63);
	if (check->keys[key / 64] & bit)
		findings_add(check->findings, "key", what, "key %" PRId64 " is that of two events",
		             key + check->begin_key);
	check->keys[key / 64] |= bit;
}

/* A table in which each row is an event or a mark. */
struct key_table {
	struct check *check;
	const char *name, *what;
};

static bool take_row(const int64_t *cells, void *context)
{
	const struct key_table *table = context;

	take_key(table->check, cells[0], table->what);
	return true;
}

static void take_keys(struct key_table *table)
{
	static const char *const columns[] = {"key"};
	struct sql_error error;
	struct key_rows *rows = key_rows_open(table->check->recording, table->name, columns, 1, &error);

	if (!rows || key_rows_read(rows, INT64_MIN, INT64_MAX, take_row, table, &error) < 0)
		findings_add(table->check->findings, "key", table->what, "%s", error.text);
	key_rows_close(rows);
}

static int64_t count_keys(const struct check *check, int64_t first, int64_t last)
{
	int64_t count = 0;

	for (int64_t key = first; key <= last;) {
		if ((key & 63) == 0 && key + 63 <= last) {
			count += __builtin_popcountll(check->keys[key / 64]);
			key += 64;
		} else {
			count += (int64_t)(check->keys[key / 64] >> (key & 63) & 1);
			key++;
		}
	}
	return count;
}

/* Whether each batch holds as many events as it says. Marks that are no steps have no row. */
static void compare_batches(struct check *check)
{
	struct sql_error error;
	sqlite3_stmt *rows = recording_prepare(
	    check->recording,
	    "SELECT first_key, last_key, count - marks, count FROM main.batch WHERE first_key > ?1 ORDER BY first_key",
	    &error);
	int state = -1;

	if (rows)
		sqlite3_bind_int64(rows, 1, check->begin_key);
	while (rows && (state = recording_step(check->recording, rows, &error)) == 1) {
		int64_t first = sqlite3_column_int64(rows, 0), last = sqlite3_column_int64(rows, 1);
		int64_t events = sqlite3_column_int64(rows, 2), all = sqlite3_column_int64(rows, 3);
		char place[64];

		if (first < 1 || last - check->begin_key >= check->key_count)
			continue; /* is a finding of its own */
		int64_t found = count_keys(check, first - check->begin_key, last - check->begin_key);
		if (found >= events && found <= all)
			continue;
		snprintf(place, sizeof(place), "keys %" PRId64 " to %" PRId64, first, last);
		findings_add(check->findings, "batch", place, "holds %" PRId64 " events, %" PRId64 " are there", events,
		             found);
	}
	if (state < 0)
		findings_add(check->findings, "batch", "recording", "%s", error.text);
	sqlite3_finalize(rows);
}

static void start_keys(struct check *check)
{
	struct sql_error error;
	int64_t last = 0, events = 0;

	if (recording_integer(check->recording, "SELECT begin_key FROM recording_file", 0, &check->begin_key, &error) <
	        0 ||
	    recording_integer(check->recording, "SELECT max(last_key) FROM main.batch", 0, &last, &error) < 0 ||
	    recording_integer(check->recording, "SELECT sum(count) FROM main.batch", 0, &events, &error) < 0)
		return; /* has been told */
	if (check->begin_key < 0 || last < check->begin_key)
		check->begin_key = 0;
	last -= check->begin_key;
	if (last < 0 || last >= KEYS_MAX || last / 4 > events + 1024) {
		findings_add(check->findings, "key", "recording", "keys go up to %" PRId64 ", too far to check each",
		             last);
		return;
	}
	check->key_count = last + 1;
	check->keys = calloc((size_t)check->key_count / 64 + 1, sizeof(*check->keys));
}

static void compare_keys(struct check *check)
{
	static const char *const tables[][2] = {{"step_mark", "step"},
	                                        {"snapshot_mark", "snapshot"},
	                                        {"program_run", "program_run"},
	                                        {"failure_info", "failure"},
	                                        {"other_event", "event"}};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		struct key_table table = {check, tables[i][0], tables[i][1]};

		take_keys(&table);
	}
	if (!check->recording->cut) /* else some have fewer events, and ought to */
		compare_batches(check);
}

/* ---- Places ---- */

static struct map_key place_of(const struct check *check, const struct replay_block *block)
{
	const struct catalog_origin *origin = &check->catalog.origins[block->origin];

	return (struct map_key){origin->series, block->address, origin->allocator};
}

/* A block that is live until something later: no other may be at its place. */
static void occupy(struct check *check, const struct replay_block *block)
{
	size_t before = check->places.used;
	char place[128];

	if (map_enter(&check->places, place_of(check, block), 0) == MAP_NONE)
		check->findings->failed = true;
	else if (check->places.used == before)
		findings_add(check->findings, "overlap",
		             series_place(check, check->catalog.origins[block->origin].series, place, sizeof(place)),
		             "two live blocks at address %" PRId64 ", one of them allocated with key %" PRId64,
		             block->address, block->alloc_key);
	shared_check_add(check->shared, block);
}

static void check_block(struct check *check, const struct replay_block *block, int64_t end_ns)
{
	char place[64];

	if (block->size_bytes >= 0 && block->bank_bytes >= 0 && block->alloc_ns >= 0 && block->alloc_ns <= end_ns)
		return;
	snprintf(place, sizeof(place), "key %" PRId64, block->alloc_key);
	findings_add(check->findings, "block", place, "of %" PRId64 " bytes, from %" PRId64 " ns to %" PRId64 " ns",
	             block->size_bytes, block->alloc_ns, end_ns);
}

/* ---- The replay ---- */

static void watch_live(const struct replay_block *block, void *context)
{
	struct check *check = context;

	occupy(check, block);
	span_check_start(check->spans, &check->catalog, block);
}

static void watch_event(const struct replay_event *event, void *context)
{
	struct check *check = context;

	if (event->is_alloc) {
		take_key(check, event->key, "alloc");
		map_remove(&check->places, place_of(check, event->block));
		shared_check_remove(check->shared, event->block);
	} else {
		check_block(check, event->block, event->at_ns);
		check->freed_rows += event->from_freed;
		check->replaced[event->process] += event->from_freed && !event->block->freed;
		if (event->from_freed && event->block->freed)
			take_key(check, event->key, "free");
		occupy(check, event->block);
	}
	span_check_event(check->spans, &check->catalog, event);
}

static void watch_circular(const struct circular_event *event, void *context)
{
	struct check *check = context;

	if (event->kind == CIRCULAR_ALLOC)
		take_key(check, event->key, "cb_alloc");
	span_check_circular(check->spans, &check->catalog, event);
}

/* ---- What is kept ready ---- */

static const struct figures *figures_of(const struct check *check, int64_t process, int64_t device, int64_t region)
{
	for (size_t i = 0; i < check->catalog.series_count; i++) {
		const struct catalog_series *series = &check->catalog.series[i];

		if (check->catalog.processes[series->process].id == process && series->device == device &&
		    series->region == region)
			return &check->figures[i];
	}
	return NULL;
}

static const char usage_sql[] =
    "SELECT u.process, u.device, u.region, p.pid, u.allocs, u.frees, u.allocated_bytes, u.live_bytes, "
    "u.live_bank_bytes,"
    "  u.live_blocks, u.peak_bytes, u.peak_bank_bytes, u.peak_ns, u.peak_bank_ns, u.peak_blocks "
    "FROM main.process_usage u LEFT JOIN main.process_info p ON p.id = u.process";

static void compare_usage_row(struct check *check, sqlite3_stmt *row)
{
	static const struct figures nothing;
	const struct figures *figures =
	    figures_of(check, sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2));
	if (!figures)
		figures = &nothing;
	/* of a file that begins with what is live, what happened before it is not known; the moments of a peak only
	 * where there was something */
	bool whole = check->begin_key == 0, any = whole && figures->any;
	const struct {
		const char *name;
		int64_t computed;
		bool compared;
	} columns[] = {
	    {"allocs", figures->allocs, whole},
	    {"frees", figures->frees, whole},
	    {"allocated_bytes", figures->allocated_bytes, whole},
	    {"live_bytes", figures->live_bytes, true},
	    {"live_bank_bytes", figures->live_bank_bytes, true},
	    {"live_blocks", figures->live_blocks, true},
	    {"peak_bytes", figures->peak_bytes, whole},
	    {"peak_bank_bytes", figures->peak_bank_bytes, whole},
	    {"peak_ns", figures->peak.at_ns, any && figures->peak_bytes > 0},
	    {"peak_bank_ns", figures->bank_peak.at_ns, any && figures->peak_bank_bytes > 0},
	    {"peak_blocks", figures->peak_blocks, any && figures->peak_bytes > 0},
	};
	char place[128];

	snprintf(place, sizeof(place), "process_usage: process %" PRId64 ", device %" PRId64 ", region %" PRId64,
	         (int64_t)sqlite3_column_int64(row, 3), (int64_t)sqlite3_column_int64(row, 1),
	         (int64_t)sqlite3_column_int64(row, 2));
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		int64_t kept = sqlite3_column_int64(row, 4 + (int)i);

		if (columns[i].compared && kept != columns[i].computed)
			findings_add(check->findings, "process_usage", place,
			             "%s is %" PRId64 ", the blocks give %" PRId64, columns[i].name, kept,
			             columns[i].computed);
	}
}

static void compare_usage(struct check *check)
{
	struct sql_error error;
	sqlite3_stmt *rows = recording_prepare(check->recording, usage_sql, &error);
	size_t count = 0, used = 0;
	int state = -1;

	while (rows && (state = recording_step(check->recording, rows, &error)) == 1) {
		compare_usage_row(check, rows);
		count++;
	}
	if (state < 0)
		findings_add(check->findings, "process_usage", "recording", "%s", error.text);
	sqlite3_finalize(rows);
	for (size_t i = 0; i < check->catalog.series_count; i++)
		used += check->figures[i].chosen;
	if (state == 0 && count < used)
		findings_add(check->findings, "process_usage", "recording", "%zu rows, the blocks need %zu", count,
		             used);
}

static void compare_rows(struct check *check)
{
	struct sql_error error;
	int64_t rows = 0;

	if (recording_integer(check->recording, "SELECT count(*) FROM main.freed", 0, &rows, &error) < 0)
		findings_add(check->findings, "block", "freed", "%s", error.text);
	else if (rows != check->freed_rows)
		findings_add(check->findings, "block", "freed", "%" PRId64 " rows lie outside of all batches",
		             rows - check->freed_rows);
}

static const char replaced_sql[] =
    "SELECT p.pid, p.replaced, (SELECT count(*) FROM main.circular_buffer c JOIN main.origin o ON o.id = c.origin"
    "  WHERE c.ended = 'replaced' AND c.end_key > (SELECT coalesce(max(begin_key), 0) FROM recording_file)"
    "  AND o.process = p.id) FROM main.process_info p ORDER BY p.id";

static void compare_replaced(struct check *check)
{
	struct sql_error error;
	sqlite3_stmt *rows = recording_prepare(check->recording, replaced_sql, &error);
	int state = -1;

	for (size_t i = 0; rows && (state = recording_step(check->recording, rows, &error)) == 1; i++) {
		int64_t counted = sqlite3_column_int64(rows, 1), circular = sqlite3_column_int64(rows, 2);
		char place[64];

		if (i == check->catalog.process_count || counted == check->replaced[i] + circular)
			continue;
		snprintf(place, sizeof(place), "process %" PRId64, (int64_t)sqlite3_column_int64(rows, 0));
		findings_add(check->findings, "replaced", place,
		             "counts %" PRId64 " replaced blocks, there are %" PRId64, counted,
		             check->replaced[i] + circular);
	}
	if (state < 0)
		findings_add(check->findings, "replaced", "recording", "%s", error.text);
	sqlite3_finalize(rows);
}

void findings_in_blocks(struct findings *findings)
{
	struct check check = {.findings = findings, .recording = findings->call->recording};
	struct figures_watch watch = {
	    .live = watch_live, .event = watch_event, .circular = watch_circular, .context = &check};
	struct filter all = filter_all();
	struct sql_error error = {.text = ""};

	if (catalog_load(&check.catalog, check.recording, &all, true, &error) < 0) {
		findings_add(findings, "catalog", "recording", "%s", error.text);
		catalog_clear(&check.catalog);
		return;
	}
	start_keys(&check);
	check.spans = span_check_new(findings, &check.catalog);
	check.shared = shared_check_new(findings, &check.catalog);
	check.figures = calloc(check.catalog.series_count + 1, sizeof(*check.figures));
	check.replaced = calloc(check.catalog.process_count + 1, sizeof(*check.replaced));
	if (!check.figures || !check.replaced || !check.spans || !check.shared) {
		findings->failed = true;
	} else if (figures_watched(check.recording, &check.catalog, check.figures, &watch, &error) < 0) {
		findings_add(findings, "block", "recording", "%s", error.text);
	} else {
		compare_rows(&check);
		if (!check.recording->cut) /* whose counts are of what there is */
			compare_replaced(&check);
		if (check.keys)
			compare_keys(&check);
		compare_usage(&check);
		span_check_finish(check.spans);
		shared_check_finish(check.shared);
	}
	span_check_free(check.spans);
	shared_check_free(check.shared);
	map_clear(&check.places);
	free(check.keys);
	free(check.replaced);
	free(check.figures);
	catalog_clear(&check.catalog);
}
