/* SPDX-License-Identifier: Apache-2.0
 *
 * numbering.c - see numbering.h.
 */
#include "numbering.h"

#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

/* A row of batch. */
struct batch {
	int64_t process, first_key, last_key, first_number, count;
};

/* Behind the batch before, or a new range where keys are another process's, or numbers are missing. */
static int add_batch(struct numbering *numbering, struct numbered_process *process, const struct batch *batch,
                     int64_t lost)
{
	struct numbered_range *last = process->count ? &numbering->ranges[numbering->count - 1] : NULL;
	int64_t number = last ? last->number + (last->last_key - last->first_key) + 1 + lost : 0;

	if (last && lost == 0 && last->last_key + 1 == batch->first_key) {
		last->last_key = batch->last_key;
		return 0;
	}
	if (array_reserve(&numbering->ranges, &numbering->capacity, numbering->count) < 0)
		return -1;
	if (process->count++ == 0)
		process->first = numbering->count;
	numbering->ranges[numbering->count++] = (struct numbered_range){batch->first_key, batch->last_key, number};
	return 0;
}

/* How many numbers are missing between two batches of a process. */
static int64_t lost_between(const struct batch *before, const struct batch *after)
{
	int64_t end, lost;

	if (__builtin_add_overflow(before->first_number, before->count, &end) ||
	    __builtin_sub_overflow(after->first_number, end, &lost) || lost < 0 || lost > INT64_C(1) << 40)
		return 0; /* nothing that a recorder writes */
	return lost;
}

static int take_batches(struct numbering *numbering, const struct catalog *catalog, struct recording *recording,
                        sqlite3_stmt *rows, struct sql_error *error)
{
	struct batch before = {.process = -1}, batch;
	size_t at = 0;
	int state;

	while ((state = recording_step(recording, rows, error)) == 1) {
		batch = (struct batch){sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
		                       sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3),
		                       sqlite3_column_int64(rows, 4)};
		/* the catalog has seen that each batch has a process */
		while (at + 1 < catalog->process_count && catalog->processes[at].id < batch.process)
			at++;
		int64_t lost = before.process == batch.process ? lost_between(&before, &batch) : 0;
		if (add_batch(numbering, &numbering->processes[at], &batch, lost) < 0)
			return sql_fail(error, "%s: out of memory", recording->path);
		before = batch;
	}
	return state;
}

int numbering_load(struct numbering *numbering, struct recording *recording, const struct catalog *catalog,
                   struct sql_error *error)
{
	*numbering = (struct numbering){.processes = calloc(catalog->process_count + 1, sizeof(*numbering->processes))};
	if (!numbering->processes)
		return sql_fail(error, "%s: out of memory", recording->path);
	sqlite3_stmt *rows = recording_prepare(
	    recording,
	    "SELECT process, first_key, last_key, first_number, count FROM main.batch ORDER BY process, first_key",
	    error);
	int result = rows ? take_batches(numbering, catalog, recording, rows, error) : -1;
	sqlite3_finalize(rows);
	return result;
}

void numbering_clear(struct numbering *numbering)
{
	free(numbering->ranges);
	free(numbering->processes);
}

static bool has(const struct numbered_range *range, int64_t key)
{
	return range->first_key <= key && key <= range->last_key;
}

int64_t numbering_of(struct numbering *numbering, uint32_t process, int64_t key)
{
	struct numbered_process *owner = &numbering->processes[process];
	const struct numbered_range *ranges = numbering->ranges + owner->first;
	size_t low = 0, high = owner->count;

	if (owner->count == 0)
		return -1;
	if (!has(&ranges[owner->last], key)) {
		while (low + 1 < high) {
			size_t middle = (low + high) / 2;

			if (ranges[middle].first_key <= key)
				low = middle;
			else
				high = middle;
		}
		if (!has(&ranges[low], key))
			return -1;
		owner->last = low;
	}
	return ranges[owner->last].number + (key - ranges[owner->last].first_key);
}
