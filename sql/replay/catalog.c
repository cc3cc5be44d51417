/* SPDX-License-Identifier: Apache-2.0
 *
 * catalog.c - see catalog.h. Everything here comes from a file that nobody vouches for.
 */
#include "catalog.h"

#include "figures.h"
#include "functions.h"
#include "sql/operations/choice.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/store/recording.h"

struct filter filter_all(void)
{
	return (struct filter){.start_ns = INT64_MIN, .end_ns = INT64_MAX};
}

bool filter_is_all(const struct filter *filter)
{
	return !filter->has_device && !filter->has_region && !filter->has_pid && !filter->has_steps && !filter->label &&
	       !filter->op && !filter->at_failures && filter->start_ns == INT64_MIN && filter->end_ns == INT64_MAX;
}

static int corrupt(struct recording *recording, const char *what, struct sql_error *error)
{
	return sql_fail(error, "%s: corrupt: %s; 'verify' says more", recording->path, what);
}

static int no_memory(struct recording *recording, struct sql_error *error)
{
	return sql_fail(error, "%s: out of memory", recording->path);
}

static int load_processes(struct catalog *catalog, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows =
	    recording_prepare(recording, "SELECT id, pid, ended, ended_ns FROM main.process_info ORDER BY id", error);
	size_t capacity = 0;
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		bool ended = sqlite3_column_type(rows, 2) != SQLITE_NULL;

		if (array_reserve(&catalog->processes, &capacity, catalog->process_count) < 0) {
			state = no_memory(recording, error);
			break;
		}
		catalog->processes[catalog->process_count++] = (struct catalog_process){
		    .id = sqlite3_column_int64(rows, 0),
		    .pid = sqlite3_column_int64(rows, 1),
		    .ended = ended,
		    .ended_ns = ended ? sqlite3_column_int64(rows, 3) : INT64_MAX,
		};
	}
	sqlite3_finalize(rows);
	return state;
}

static struct catalog_process *find_process(const struct catalog *catalog, int64_t id)
{
	size_t low = 0, high = catalog->process_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (catalog->processes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < catalog->process_count && catalog->processes[low].id == id ? &catalog->processes[low] : NULL;
}

/* A range before it is sorted by process. */
struct owned_range {
	struct key_range range;
	uint32_t process;
};

/* Reads all batches in key order. Neighbours of the same process become one range. */
static int read_ranges(struct catalog *catalog, struct recording *recording, struct owned_range **owned, size_t *count,
                       struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(
	    recording, "SELECT first_key, last_key, process, to_ns FROM main.batch ORDER BY first_key", error);
	size_t capacity = 0;
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		struct key_range range = {sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1)};
		struct catalog_process *process = find_process(catalog, sqlite3_column_int64(rows, 2));
		struct owned_range *last = *count ? &(*owned)[*count - 1] : NULL;

		if (!process || range.first < 1 || range.last < range.first ||
		    (last && range.first <= last->range.last)) {
			state = corrupt(recording, "its batches overlap, or have no process", error);
			break;
		}
		if (process->ended && process->ended_ns < sqlite3_column_int64(rows, 3))
			process->ended_ns = sqlite3_column_int64(rows, 3);
		if (last && last->process == process - catalog->processes && last->range.last + 1 == range.first) {
			last->range.last = range.last;
			continue;
		}
		if (array_reserve(owned, &capacity, *count) < 0) {
			state = no_memory(recording, error);
			break;
		}
		process->range_count++;
		(*owned)[(*count)++] =
		    (struct owned_range){.range = range, .process = (uint32_t)(process - catalog->processes)};
	}
	sqlite3_finalize(rows);
	return state;
}

static int load_ranges(struct catalog *catalog, struct recording *recording, struct sql_error *error)
{
	struct owned_range *owned = NULL;
	size_t count = 0, at = 0;
	int result = read_ranges(catalog, recording, &owned, &count, error);

	if (result == 0 && count > 0) {
		catalog->ranges = calloc(count, sizeof(*catalog->ranges));
		if (!catalog->ranges)
			result = no_memory(recording, error);
	}
	catalog->range_count = result == 0 ? count : 0;
	for (size_t i = 0; result == 0 && i < catalog->process_count; i++) {
		struct catalog_process *process = &catalog->processes[i];

		process->ranges = catalog->ranges ? catalog->ranges + at : NULL;
		at += process->range_count;
		process->range_count = 0;
	}
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct catalog_process *process = &catalog->processes[owned[i].process];

		catalog->ranges[process->ranges - catalog->ranges + (ptrdiff_t)process->range_count++] = owned[i].range;
	}
	free(owned);
	return result;
}

/* By the order of the keys: what is said last of a number counts. */
static const char cores_sql[] = "SELECT i.process, i.device, i.allocator, c.core_ranges, c.in_step FROM device_cores c "
                                "JOIN device_identity i ON i.key = c.key ORDER BY i.key DESC";

static int load_cores(struct catalog *catalog, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording, cores_sql, error);
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		struct catalog_cores *cores;

		if (!catalog->made)
			catalog->made = memory_zeroed(sizeof(*catalog->made));
		if (array_reserve(&catalog->cores, &catalog->cores_capacity, catalog->cores_count) < 0) {
			state = no_memory(recording, error);
			break;
		}
		cores = &catalog->cores[catalog->cores_count++];
		*cores = (struct catalog_cores){.process = sqlite3_column_int64(rows, 0),
		                                .device = sqlite3_column_int64(rows, 1),
		                                .allocator = (uint16_t)sqlite3_column_int(rows, 2),
		                                .in_step = sqlite3_column_int(rows, 4) != 0,
		                                .made = catalog->made};
		cores_parse(&cores->cores, (const char *)sqlite3_column_text(rows, 3));
		catalog->cores_count -= !core_levels_fit(&cores->cores);
	}
	sqlite3_finalize(rows);
	return state;
}

static const char origins_sql[] =
    "SELECT o.id, o.process, o.device, o.region, o.flags, o.ended,"
    "  (?1 IS NULL OR o.device = ?1) AND (?2 IS NULL OR o.region = ?2)"
    "  AND (?3 IS NULL OR o.process IN (SELECT id FROM main.process_info WHERE pid = ?3))"
    "  AND (?4 IS NULL OR coalesce(o.label IN (SELECT id FROM main.label_info WHERE label_matches(?4, path)), 0))"
    "  AND (NOT ?5 OR EXISTS (SELECT 1 FROM (SELECT DISTINCT device, region FROM main.failure_info f"
    "    JOIN main.origin ON origin.id = f.origin) f WHERE f.device = o.device AND f.region = o.region)),"
    "  coalesce(a.allocator, 0), o.thread "
    "FROM main.origin o LEFT JOIN origin_allocator a ON a.origin = o.id ORDER BY o.device, o.region, o.process";

static void bind_filter(sqlite3_stmt *rows, const struct filter *filter)
{
	if (filter->has_device)
		sqlite3_bind_int64(rows, 1, filter->device);
	if (filter->has_region)
		sqlite3_bind_int64(rows, 2, filter->region);
	if (filter->has_pid)
		sqlite3_bind_int64(rows, 3, filter->pid);
	if (filter->label)
		sqlite3_bind_text(rows, 4, filter->label, -1, SQLITE_STATIC);
	sqlite3_bind_int(rows, 5, filter->at_failures);
}

/* Makes WANTED the last series, unless it is. */
static int add_series(struct catalog *catalog, size_t *capacity, struct catalog_series wanted)
{
	const struct catalog_series *last = catalog->series_count ? &catalog->series[catalog->series_count - 1] : NULL;

	if (last && last->device == wanted.device && last->region == wanted.region && last->process == wanted.process)
		return 0;
	if (array_reserve(&catalog->series, capacity, catalog->series_count) < 0)
		return -1;
	catalog->series[catalog->series_count++] = wanted;
	return 0;
}

/* Takes an origin, in the order of series. An impossible one stays unknown, and so do the blocks that name it. */
static int take_origin(struct catalog *catalog, sqlite3_stmt *row, size_t *series_capacity)
{
	const struct catalog_process *process = find_process(catalog, sqlite3_column_int64(row, 1));
	int64_t id = sqlite3_column_int64(row, 0), flags = sqlite3_column_int64(row, 4);

	if (!process || (uint64_t)id >= catalog->origin_count)
		return 0;
	uint32_t index = (uint32_t)(process - catalog->processes);
	struct catalog_series series = {.device = sqlite3_column_int64(row, 2),
	                                .region = sqlite3_column_int64(row, 3),
	                                .process = catalog->per_process ? index : 0};
	if (add_series(catalog, series_capacity, series) < 0)
		return -1;
	catalog->origins[id] = (struct catalog_origin){
	    .process = index,
	    .series = (uint32_t)catalog->series_count - 1,
	    .thread = (uint32_t)sqlite3_column_int64(row, 8),
	    .known = true,
	    .chosen = sqlite3_column_int(row, 6) != 0,
	    .allocator = (uint16_t)sqlite3_column_int(row, 7),
	    .aliased = (flags & TTALLOC_ALIASED) != 0,
	    .replaced = sqlite3_column_int(row, 5) == 1,
	    .cores = catalog_cores(catalog, process->id, series.device, (uint16_t)sqlite3_column_int(row, 7)),
	};
	return 0;
}

static int load_origins(struct catalog *catalog, struct recording *recording, struct sql_error *error)
{
	int64_t count, last, before;
	size_t capacity = 0;
	int state = -1;

	/* files before this one may have had lower ones */
	if (recording_integer(recording, "SELECT min(last_origin, 1 << 24) FROM recording_file", 0, &before, error) <
	        0 ||
	    recording_integer(recording, "SELECT count(*) FROM main.origin", 0, &count, error) < 0 ||
	    recording_integer(recording, "SELECT max(id) FROM main.origin", 0, &last, error) < 0)
		return -1;
	if (last > 4 * count + 64 + before)
		return corrupt(recording, "the numbers of its origins have holes", error);
	catalog->origins = calloc((size_t)last + 1, sizeof(*catalog->origins));
	if (!catalog->origins)
		return no_memory(recording, error);
	catalog->origin_count = (size_t)last + 1;
	sqlite3_stmt *rows = recording_prepare(recording, origins_sql, error);
	if (rows)
		bind_filter(rows, &catalog->filter);
	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		if (take_origin(catalog, rows, &capacity) < 0) {
			state = no_memory(recording, error);
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

static int load_steps(struct catalog *catalog, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(
	    recording, "SELECT process, key, number, at_ns FROM main.step_mark ORDER BY process, key", error);
	size_t capacity = 0;
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		struct catalog_process *process = find_process(catalog, sqlite3_column_int64(rows, 0));

		if (!process)
			continue;
		if (array_reserve(&catalog->steps, &capacity, catalog->step_count) < 0) {
			state = no_memory(recording, error);
			break;
		}
		if (process->step_count++ == 0)
			process->first_step = catalog->step_count;
		catalog->steps[catalog->step_count++] = (struct catalog_step){
		    sqlite3_column_int64(rows, 1), sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3)};
	}
	sqlite3_finalize(rows);
	return state;
}

static int load_operations(struct catalog *catalog, struct recording *recording, struct sql_error *error)
{
	catalog->operations = operations_open(recording, error);
	if (catalog->operations && catalog->filter.op)
		catalog->choice = operation_choice_new(catalog->operations, catalog->filter.op, error);
	return catalog->operations && (catalog->choice || !catalog->filter.op) ? 0 : -1;
}

int catalog_load(struct catalog *catalog, struct recording *recording, const struct filter *filter, bool per_process,
                 struct sql_error *error)
{
	*catalog = (struct catalog){.filter = *filter, .per_process = per_process};
	if (replay_add_functions(recording, error) < 0 || load_processes(catalog, recording, error) < 0 ||
	    load_ranges(catalog, recording, error) < 0 || load_cores(catalog, recording, error) < 0 ||
	    load_origins(catalog, recording, error) < 0)
		return -1;
	if ((filter->has_steps || filter->needs_steps) && load_steps(catalog, recording, error) < 0)
		return -1;
	return filter->op || filter->needs_operations ? load_operations(catalog, recording, error) : 0;
}

void catalog_clear(struct catalog *catalog)
{
	free(catalog->processes);
	free(catalog->ranges);
	free(catalog->origins);
	if (catalog->made)
		level_cores_free(*catalog->made);
	free(catalog->made);
	free(catalog->cores);
	free(catalog->series);
	free(catalog->steps);
	operation_choice_free(catalog->choice);
	operations_close(catalog->operations);
}

size_t catalog_steps_begun(const struct catalog *catalog, uint32_t process, int64_t key)
{
	const struct catalog_process *owner = &catalog->processes[process];
	const struct catalog_step *steps = owner->step_count ? catalog->steps + owner->first_step : NULL;
	size_t low = 0, high = owner->step_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (steps[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t catalog_step(const struct catalog *catalog, uint32_t process, int64_t key, int64_t none)
{
	size_t begun = catalog->processes[process].step_count > 0 ? catalog_steps_begun(catalog, process, key) : 0;

	return begun > 0 ? catalog->steps[catalog->processes[process].first_step + begun - 1].number : none;
}

static bool step_is_chosen(const struct catalog *catalog, uint32_t process, int64_t key)
{
	int64_t step = catalog_step(catalog, process, key, INT64_MIN);

	return step != INT64_MIN && step >= catalog->filter.step_first && step <= catalog->filter.step_last;
}

bool catalog_key_chosen(const struct catalog *catalog, const struct catalog_origin *origin, int64_t key)
{
	if (catalog->filter.has_steps && !step_is_chosen(catalog, origin->process, key))
		return false;
	return !catalog->choice ||
	       operation_is_chosen(catalog->choice, catalog->processes[origin->process].id, origin->thread, key);
}

int catalog_check(const struct catalog *catalog, struct sql_error *error)
{
	return catalog->operations ? operations_check(catalog->operations, error) : 0;
}

const struct catalog_cores *catalog_cores(const struct catalog *catalog, int64_t process, int64_t device,
                                          uint16_t allocator)
{
	for (size_t i = 0; allocator && i < catalog->cores_count; i++) {
		const struct catalog_cores *cores = &catalog->cores[i];

		if (cores->process == process && cores->device == device && cores->allocator == allocator)
			return cores;
	}
	return NULL;
}

static bool has_key(const struct catalog_process *process, int64_t key)
{
	size_t low = 0, high = process->range_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (process->ranges[middle].last < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < process->range_count && process->ranges[low].first <= key;
}

uint32_t catalog_process_of_key(const struct catalog *catalog, int64_t key)
{
	for (size_t i = 0; i < catalog->process_count; i++)
		if (has_key(&catalog->processes[i], key))
			return (uint32_t)i;
	return UINT32_MAX;
}
