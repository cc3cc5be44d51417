/* SPDX-License-Identifier: Apache-2.0
 *
 * levels.c - see levels.h.
 */
#include "levels.h"

#include <stdlib.h>

#include "sql/base/array.h"

/* Of all groupings together: 128 MiB. */
#define CELLS_MAX ((size_t)1 << 23)

int64_t buckets_start(const struct buckets *buckets, int64_t index)
{
	return buckets->start_ns +
	       (int64_t)(__extension__((__int128)buckets->end_ns - buckets->start_ns) * index / buckets->count);
}

static void change_groups(struct levels *levels, const struct level_line *line, const uint32_t *groups, uint64_t bytes)
{
	for (size_t i = 0; i < levels->grouping_count; i++) {
		struct grouping *grouping = &levels->groupings[i];
		struct group *group = &grouping->groups[groups[i]];

		group->since_bytes = (group->since == line->maximum ? group->since_bytes : 0) + bytes;
		group->since = line->maximum;
		group->bytes += bytes;
	}
}

/* The level as it is now is the maximum of its bucket; from here on, groups remember what they change by. */
static void keep_maximum(struct level_line *line, int64_t at_ns)
{
	line->best = (struct level_mark){(int64_t)line->bytes, at_ns};
	line->maximum++;
}

static void begin(const struct levels *levels, struct level_line *line, int64_t bucket)
{
	line->bucket = bucket;
	line->from_ns = buckets_start(&levels->buckets, bucket);
	line->to_ns = buckets_start(&levels->buckets, bucket + 1);
	line->last_ns = INT64_MIN;
	line->begun = true;
	keep_maximum(line, line->from_ns);
}

static int add_cell(struct levels *levels, struct grouping *grouping, const struct level_line *line, uint32_t index)
{
	struct group *group = &grouping->groups[index];
	int64_t bytes = (int64_t)(group->bytes - (group->since == line->maximum ? group->since_bytes : 0));
	size_t *count = &grouping->cell_counts[line->series];

	if (bytes == 0)
		return 0;
	if (levels->cells == CELLS_MAX ||
	    array_reserve(&grouping->cells[line->series], &grouping->cell_capacities[line->series], *count) < 0)
		return -1;
	grouping->cells[line->series][(*count)++] = (struct cell){(uint32_t)line->bucket, index, bytes};
	levels->cells++;
	if (bytes > group->most_bytes)
		group->most_bytes = bytes;
	return 0;
}

static int close_bucket(struct levels *levels, struct level_line *line)
{
	line->marks[line->bucket] = line->best;
	for (size_t i = 0; i < levels->grouping_count; i++) {
		struct grouping *grouping = &levels->groupings[i];

		for (uint32_t at = grouping->first[line->series]; at != GROUP_NONE; at = grouping->groups[at].next)
			if (add_cell(levels, grouping, line, at) < 0)
				return -1;
	}
	return 0;
}

/* The level at the start of its bucket, which is where the bucket before ends. A change at the very start shows the
 * level that the bucket started with a moment before. */
static void look_at_start(struct level_line *line)
{
	bool changed = line->last_ns == line->from_ns && line->from_ns > 0;

	if ((int64_t)line->bytes >= line->best.max_bytes)
		keep_maximum(line, line->from_ns - changed);
}

/* Back to the bucket of AT_NS. Buckets without length are passed over, but for the first. */
static int go_back(struct levels *levels, struct level_line *line, int64_t at_ns)
{
	if (!line->begun)
		begin(levels, line, levels->buckets.count - 1);
	while (at_ns < line->from_ns && line->bucket > 0) {
		look_at_start(line);
		if (close_bucket(levels, line) < 0)
			return -1;
		begin(levels, line, line->bucket - 1);
	}
	return 0;
}

int levels_undo(struct levels *levels, uint32_t series, const uint32_t *groups, int64_t at_ns, int64_t bytes)
{
	struct level_line *line = &levels->lines[series];

	if (at_ns <= levels->buckets.end_ns) {
		if (go_back(levels, line, at_ns) < 0)
			return -1;
		if ((int64_t)line->bytes >= line->best.max_bytes)
			keep_maximum(line, at_ns);
		line->last_ns = at_ns;
	}
	line->bytes -= (uint64_t)bytes;
	change_groups(levels, line, groups, (uint64_t)-bytes);
	return 0;
}

/* On to the bucket of AT_NS. */
static int go_forward(struct levels *levels, struct level_line *line, int64_t at_ns)
{
	if (!line->begun)
		begin(levels, line, 0);
	while (at_ns >= line->to_ns && line->bucket + 1 < levels->buckets.count) {
		if (close_bucket(levels, line) < 0)
			return -1;
		begin(levels, line, line->bucket + 1);
	}
	return 0;
}

int levels_do(struct levels *levels, uint32_t series, const uint32_t *groups, int64_t at_ns, int64_t bytes)
{
	struct level_line *line = &levels->lines[series];
	bool inside = at_ns >= levels->buckets.start_ns;

	if (at_ns > levels->buckets.end_ns)
		return 0;
	if (inside && go_forward(levels, line, at_ns) < 0)
		return -1;
	line->bytes += (uint64_t)bytes;
	change_groups(levels, line, groups, (uint64_t)bytes);
	if (inside && (int64_t)line->bytes > line->best.max_bytes)
		keep_maximum(line, at_ns);
	return 0;
}

int levels_finish(struct levels *levels, uint32_t series, bool backwards)
{
	struct level_line *line = &levels->lines[series];

	if (!backwards) {
		if (go_forward(levels, line, INT64_MAX) < 0)
			return -1;
	} else {
		if (go_back(levels, line, INT64_MIN) < 0)
			return -1;
		look_at_start(line);
	}
	return close_bucket(levels, line);
}

void levels_begin_with(struct levels *levels, uint32_t series, const uint32_t *groups, int64_t bytes)
{
	levels->lines[series].bytes += (uint64_t)bytes;
	change_groups(levels, &levels->lines[series], groups, (uint64_t)bytes);
}

static void grouping_clear(struct grouping *grouping, size_t series_count)
{
	for (size_t i = 0; i < grouping->count; i++)
		free(grouping->groups[i].text);
	for (size_t i = 0; grouping->cells && i < series_count; i++)
		free(grouping->cells[i]);
	free(grouping->by);
	free(grouping->groups);
	free(grouping->first);
	free(grouping->cells);
	free(grouping->cell_counts);
	free(grouping->cell_capacities);
}

void levels_clear(struct levels *levels)
{
	for (size_t i = 0; i < levels->grouping_count; i++)
		grouping_clear(&levels->groupings[i], levels->series_count);
	for (size_t i = 0; levels->lines && i < levels->series_count; i++)
		free(levels->lines[i].marks);
	free(levels->groupings);
	free(levels->lines);
}
