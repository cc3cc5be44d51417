/* SPDX-License-Identifier: Apache-2.0
 *
 * shared.c - see shared.h. Live blocks are kept by address, for each allocator of a device and region that has several;
 * one that comes is looked for in those of the others.
 */
#include "shared.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/store/recording.h"

struct extent {
	int64_t start, end, alloc_key, alloc_ns;
	uint32_t origin;
};

/* What one allocator has in a series. */
struct space {
	uint32_t series;
	uint16_t allocator;
	struct extent *extents; /* by start */
	size_t count, capacity;
	char name[128];                    /* "": not told */
	const struct catalog_cores *cores; /* that its blocks lie on alone; NULL: all */
	bool per_core;                     /* they lie on some, and it is not known on which */
};

/* Two spaces of a series. */
struct meeting {
	uint32_t spaces[2];
	struct extent blocks[2]; /* the last of them, which is met first when going backwards */
	int64_t count;
};

struct shared_check {
	struct findings *findings;
	const struct catalog *catalog;
	struct space *spaces; /* by series */
	size_t space_count, space_capacity;
	struct meeting *meetings;
	size_t meeting_count, meeting_capacity;
};

/* ---- Who there is ---- */

static int compare_spaces(const void *a, const void *b)
{
	const struct space *first = a, *second = b;

	if (first->series != second->series)
		return first->series < second->series ? -1 : 1;
	return (first->allocator > second->allocator) - (first->allocator < second->allocator);
}

static struct space *find_space(const struct shared_check *check, uint32_t origin)
{
	const struct catalog_origin *of = &check->catalog->origins[origin];
	struct space wanted = {.series = of->series, .allocator = of->allocator};

	if (!of->allocator || !check->space_count)
		return NULL;
	return bsearch(&wanted, check->spaces, check->space_count, sizeof(wanted), compare_spaces);
}

static bool is_alone(const struct shared_check *check, size_t at)
{
	uint32_t series = check->spaces[at].series;

	return (at == 0 || check->spaces[at - 1].series != series) &&
	       (at + 1 == check->space_count || check->spaces[at + 1].series != series);
}

static bool add_spaces(struct shared_check *check)
{
	size_t kept = 0;

	for (size_t i = 0; i < check->catalog->origin_count; i++) {
		const struct catalog_origin *origin = &check->catalog->origins[i];

		if (!origin->known || !origin->allocator || find_space(check, (uint32_t)i))
			continue;
		if (array_reserve(&check->spaces, &check->space_capacity, check->space_count) < 0)
			return false;
		check->spaces[check->space_count++] =
		    (struct space){.series = origin->series, .allocator = origin->allocator, .cores = origin->cores};
		qsort(check->spaces, check->space_count, sizeof(*check->spaces), compare_spaces);
	}
	for (size_t i = 0; i < check->space_count; i++) {
		if (!is_alone(check, i))
			check->spaces[kept++] = check->spaces[i];
	}
	check->space_count = kept;
	return true;
}

/* What the program said of its allocators. */
static void name_spaces(struct shared_check *check)
{
	struct sql_error error;
	sqlite3_stmt *rows = check->space_count
	                         ? recording_prepare(check->findings->call->recording,
	                                             "SELECT process, device, allocator, coalesce(allocator_name, ''), "
	                                             "cores IS NOT NULL FROM device_identity",
	                                             &error)
	                         : NULL;

	while (rows && recording_step(check->findings->call->recording, rows, &error) == 1) {
		for (size_t i = 0; i < check->space_count; i++) {
			struct space *space = &check->spaces[i];
			const struct catalog_series *series = &check->catalog->series[space->series];

			if (check->catalog->processes[series->process].id != sqlite3_column_int64(rows, 0) ||
			    series->device != sqlite3_column_int64(rows, 1) ||
			    space->allocator != sqlite3_column_int64(rows, 2))
				continue;
			snprintf(space->name, sizeof(space->name), "%s", (const char *)sqlite3_column_text(rows, 3));
			space->per_core = sqlite3_column_int(rows, 4) && !space->cores;
		}
	}
	sqlite3_finalize(rows);
}

/* ---- Blocks ---- */

/* The first that ends behind START, if those of a space do not overlap. */
static size_t first_behind(const struct space *space, int64_t start)
{
	size_t low = 0, high = space->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->extents[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void note(struct shared_check *check, const struct space *one, const struct extent *block,
                 const struct space *other, const struct extent *met)
{
	uint32_t a = (uint32_t)(one - check->spaces), b = (uint32_t)(other - check->spaces);

	for (size_t i = 0; i < check->meeting_count; i++) {
		struct meeting *meeting = &check->meetings[i];

		if ((meeting->spaces[0] == a && meeting->spaces[1] == b) ||
		    (meeting->spaces[0] == b && meeting->spaces[1] == a)) {
			meeting->count++;
			return;
		}
	}
	if (array_reserve(&check->meetings, &check->meeting_capacity, check->meeting_count) < 0) {
		check->findings->failed = true;
		return;
	}
	check->meetings[check->meeting_count++] =
	    (struct meeting){.spaces = {a, b}, .blocks = {*block, *met}, .count = 1};
}

static void look_in_others(struct shared_check *check, const struct space *space, const struct extent *block)
{
	const struct space *last = check->spaces + check->space_count, *other = space;

	while (other > check->spaces && other[-1].series == space->series)
		other--;
	for (; other < last && other->series == space->series; other++) {
		bool is_apart = other == space || catalog_apart(space->cores, other->cores);
		size_t at = is_apart ? other->count : first_behind(other, block->start);

		if (at < other->count && other->extents[at].start < block->end)
			note(check, space, block, other, &other->extents[at]);
	}
}

static bool counts(const struct shared_check *check, const struct replay_block *block)
{
	int64_t end;

	return !check->catalog->origins[block->origin].aliased && block->bank_bytes > 0 &&
	       !__builtin_add_overflow(block->address, block->bank_bytes, &end);
}

void shared_check_add(struct shared_check *check, const struct replay_block *block)
{
	struct space *space = find_space(check, block->origin);
	struct extent extent = {.start = block->address,
	                        .alloc_key = block->alloc_key,
	                        .alloc_ns = block->alloc_ns,
	                        .origin = block->origin};
	size_t at;

	if (!space || space->per_core || !counts(check, block))
		return;
	extent.end = block->address + block->bank_bytes;
	look_in_others(check, space, &extent);
	if (array_reserve(&space->extents, &space->capacity, space->count) < 0) {
		check->findings->failed = true;
		return;
	}
	at = first_behind(space, extent.start);
	memmove(&space->extents[at + 1], &space->extents[at], (space->count - at) * sizeof(extent));
	space->extents[at] = extent;
	space->count++;
}

void shared_check_remove(struct shared_check *check, const struct replay_block *block)
{
	struct space *space = find_space(check, block->origin);

	if (!space || space->per_core || !counts(check, block))
		return;
	for (size_t at = first_behind(space, block->address); at < space->count; at++) {
		if (space->extents[at].alloc_key != block->alloc_key)
			continue;
		space->count--;
		memmove(&space->extents[at], &space->extents[at + 1], (space->count - at) * sizeof(*space->extents));
		return;
	}
}

/* ---- What was found ---- */

/* Whose a block is: its allocator, when it was allocated, and under which label. */
static void describe(const struct shared_check *check, const struct space *space, const struct extent *block,
                     char *text, size_t bytes)
{
	struct recording *recording = check->findings->call->recording;
	struct sql_error error;
	sqlite3_stmt *rows = recording_prepare(
	    recording, "SELECT path FROM main.origin o JOIN main.label_info l ON l.id = o.label WHERE o.id = ?1",
	    &error);
	const char *label = NULL;

	if (rows)
		sqlite3_bind_int64(rows, 1, block->origin);
	if (rows && recording_step(recording, rows, &error) == 1)
		label = (const char *)sqlite3_column_text(rows, 0);
	snprintf(text, bytes, "%" PRId64 " bytes at %" PRId64 " of allocator %u%s%s%s, allocated at %.6f s%s%.100s",
	         block->end - block->start, block->start, space->allocator, space->name[0] ? " (" : "", space->name,
	         space->name[0] ? ")" : "", (double)block->alloc_ns / 1e9, label ? " under " : "", label ? label : "");
	sqlite3_finalize(rows);
}

void shared_check_finish(struct shared_check *check)
{
	for (size_t i = 0; i < check->meeting_count; i++) {
		const struct meeting *meeting = &check->meetings[i];
		const struct catalog_series *series = &check->catalog->series[check->spaces[meeting->spaces[0]].series];
		char place[128], one[384], other[384];

		snprintf(place, sizeof(place), "process %" PRId64 ", device %" PRId64 ", region %" PRId64,
		         check->catalog->processes[series->process].pid, series->device, series->region);
		describe(check, &check->spaces[meeting->spaces[0]], &meeting->blocks[0], one, sizeof(one));
		describe(check, &check->spaces[meeting->spaces[1]], &meeting->blocks[1], other, sizeof(other));
		findings_add(check->findings, "shared memory", place,
		             "two allocators gave out the same memory, %" PRId64 " time%s; at last %s; and %s",
		             meeting->count, meeting->count == 1 ? "" : "s", one, other);
	}
}

struct shared_check *shared_check_new(struct findings *findings, const struct catalog *catalog)
{
	struct shared_check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	*check = (struct shared_check){.findings = findings, .catalog = catalog};
	if (!add_spaces(check)) {
		shared_check_free(check);
		return NULL;
	}
	name_spaces(check);
	return check;
}

void shared_check_free(struct shared_check *check)
{
	for (size_t i = 0; check && i < check->space_count; i++)
		free(check->spaces[i].extents);
	if (check) {
		free(check->spaces);
		free(check->meetings);
	}
	free(check);
}
