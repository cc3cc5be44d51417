/* SPDX-License-Identifier: Apache-2.0
 *
 * clocks.c - several recordings on one time.
 *
 * Recordings of one boot share its monotonic clock: where one begins in the time of another is a subtraction. Wall
 * clocks of other hosts differ by what their synchronisation leaves. Ranks that train together begin their steps
 * together, within the time that it takes to wait for each other: so the median of how far apart they begin the same
 * steps is what the clocks differ by, and what single steps are off from that is how far the result may be off.
 */
#include "part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/units.h"

#define SHARED_LEAST 3
#define SHARED_MOST 65536
/* Hosts whose clocks differ by more are not thought of: steps of the same number are then of other runs. */
#define CORRECTION_MOST_NS INT64_C(60000000000)

/* ---- the same boot ---- */

/* What the monotonic clock of a part's boot shows at time 0 of its input. */
static int64_t monotonic_at_zero(const struct part *part)
{
	return part->start_monotonic_ns - part->offset_ns;
}

static int64_t realtime_at_zero(const struct part *part)
{
	return part->start_realtime_ns - part->offset_ns;
}

/* Of those in INPUT and PLACED that share a boot, the ones whose times are known best. */
static bool share_boot(const struct input *input, const struct input *placed, const struct part **part,
                       const struct part **other)
{
	*part = NULL;
	for (size_t i = 0; i < input->part_count; i++)
		for (size_t j = 0; j < placed->part_count; j++) {
			const struct part *a = &input->parts[i], *b = &placed->parts[j];

			if (!*a->boot_id || strcmp(a->boot_id, b->boot_id) != 0)
				continue;
			if (*part && (uint64_t)a->error_ns + (uint64_t)b->error_ns >=
			                 (uint64_t)(*part)->error_ns + (uint64_t)(*other)->error_ns)
				continue;
			*part = a;
			*other = b;
		}
	return *part != NULL;
}

/* ---- moments that two recordings name ---- */

/* Steps by their numbers and snapshots by their names, each the first time. */
static const char moments_sql[] =
    "SELECT 0, number, min(at_ns) FROM step_mark GROUP BY number"
    " UNION ALL SELECT 1, name, min(at_ns) FROM snapshot_mark GROUP BY name ORDER BY 1, 2";

/* -1, 0, 1: which of the two rows comes first. */
static int compare_moments(sqlite3_stmt *a, sqlite3_stmt *b)
{
	int kind = sqlite3_column_int(a, 0) - sqlite3_column_int(b, 0);
	int64_t number = sqlite3_column_int64(a, 1), other = sqlite3_column_int64(b, 1);

	if (kind)
		return kind;
	if (sqlite3_column_int(a, 0) == 1)
		return strcmp((const char *)sqlite3_column_text(a, 1), (const char *)sqlite3_column_text(b, 1));
	return (number > other) - (number < other);
}

static bool step(struct recording *recording, sqlite3_stmt *rows)
{
	struct sql_error ignored; /* what cannot be read names no moment */

	return recording_step(recording, rows, &ignored) == 1;
}

/* How much earlier the moments are in RECORDING's time than in OTHER's: at most SHARED_MOST of them, in APART. */
static size_t collect(struct recording *recording, struct recording *other, int64_t *apart, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording, moments_sql, error);
	sqlite3_stmt *other_rows = recording_prepare(other, moments_sql, error);
	bool more = rows && step(recording, rows), other_more = other_rows && step(other, other_rows);
	size_t count = 0;

	while (more && other_more && count < SHARED_MOST) {
		int order = compare_moments(rows, other_rows);

		if (order == 0)
			apart[count++] = sqlite3_column_int64(other_rows, 2) - sqlite3_column_int64(rows, 2);
		if (order <= 0)
			more = step(recording, rows);
		if (order >= 0)
			other_more = step(other, other_rows);
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(other_rows);
	return count;
}

static size_t shared_moments(const struct input *input, const struct input *other, int64_t *apart,
                             struct sql_error *error)
{
	struct recording *recording = recording_open(input->path, error);
	struct recording *other_recording = recording ? recording_open(other->path, error) : NULL;
	size_t count = other_recording ? collect(recording, other_recording, apart, error) : 0;

	recording_close(recording);
	recording_close(other_recording);
	return count;
}

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static bool same_job(const struct part *a, const struct part *b)
{
	return a->job && b->job && strcmp(a->job, b->job) == 0;
}

/* ---- placing ---- */

/* How INPUT lies to the one that the time is of. */
struct placing {
	int64_t start_ns, error_ns, shared;
	enum clock clock;
};

/* By wall clocks, and by the steps that INPUT shares with REFERENCE, whose start is known. */
static struct placing place_by_walls(const struct input *input, const struct input *reference,
                                     void (*say)(void *context, const char *line), void *context,
                                     struct sql_error *error)
{
	struct placing placing = {.clock = CLOCK_OF_WALL, .error_ns = -1};
	int64_t *apart = memory_get(SHARED_MOST, sizeof(*apart)), start_ns;
	size_t count = shared_moments(input, reference, apart, error);

	placing.start_ns =
	    reference->start_ns + realtime_at_zero(&input->parts[0]) - realtime_at_zero(&reference->parts[0]);
	if (count >= SHARED_LEAST) {
		char line[512], by[UNITS_TEXT_MAX];

		qsort(apart, count, sizeof(*apart), by_value);
		start_ns = reference->start_ns + apart[count / 2];
		if (same_job(&input->parts[0], &reference->parts[0]) ||
		    llabs(start_ns - placing.start_ns) <= CORRECTION_MOST_NS) {
			placing =
			    (struct placing){.clock = CLOCK_OF_STEPS, .start_ns = start_ns, .shared = (int64_t)count};
			placing.error_ns = apart[count - 1] - apart[count / 2];
			if (apart[count / 2] - apart[0] > placing.error_ns)
				placing.error_ns = apart[count / 2] - apart[0];
		} else {
			units_ns(by, llabs(start_ns - placing.start_ns));
			snprintf(line, sizeof(line),
			         "%.300s: its steps are %s away from those of the first by wall clocks, "
			         "and so are not taken for the same",
			         input->path, by);
			say(context, line);
		}
	}
	free(apart);
	return placing;
}

static bool place_by_boot(const struct input *inputs, size_t number, struct placing *placing)
{
	const struct part *part, *other;

	for (size_t i = 0; i < number; i++) {
		if (!share_boot(&inputs[number], &inputs[i], &part, &other))
			continue;
		/* what is placed has the new file's time in its offsets already */
		*placing = (struct placing){
		    .clock = other->clock,
		    .start_ns = monotonic_at_zero(part) - monotonic_at_zero(other),
		    .error_ns = part->error_ns < 0 || other->error_ns < 0 ? -1 : part->error_ns + other->error_ns,
		    .shared = other->shared};
		return true;
	}
	return false;
}

/* Moves what INPUT says of its parts into the new file's time. */
static void place(struct input *input, const struct placing *placing)
{
	input->start_ns = placing->start_ns;
	for (size_t i = 0; i < input->part_count; i++) {
		struct part *part = &input->parts[i];
		bool exact = part->error_ns == 0 && part->clock == CLOCK_OF_BOOT;

		part->offset_ns += placing->start_ns;
		part->error_ns = part->error_ns < 0 || placing->error_ns < 0 ? -1 : part->error_ns + placing->error_ns;
		if (placing->clock > part->clock)
			part->clock = placing->clock;
		if (exact)
			part->shared = placing->shared;
	}
}

static void begin_with_the_first(struct input *inputs, size_t count)
{
	int64_t first_ns = inputs[0].start_ns;

	for (size_t i = 1; i < count; i++)
		if (inputs[i].start_ns < first_ns)
			first_ns = inputs[i].start_ns;
	for (size_t i = 0; i < count; i++) {
		inputs[i].start_ns -= first_ns;
		for (size_t j = 0; j < inputs[i].part_count; j++)
			inputs[i].parts[j].offset_ns -= first_ns;
	}
}

int clocks_place(struct input *inputs, size_t count, void (*say)(void *context, const char *line), void *context,
                 struct sql_error *error)
{
	const struct placing first = {.clock = CLOCK_OF_BOOT};

	error->text[0] = '\0';
	place(&inputs[0], &first);
	for (size_t i = 1; i < count; i++) {
		struct placing placing;

		if (!place_by_boot(inputs, i, &placing))
			placing = place_by_walls(&inputs[i], &inputs[0], say, context, error);
		if (error->text[0])
			return -1;
		place(&inputs[i], &placing);
	}
	begin_with_the_first(inputs, count);
	return 0;
}
