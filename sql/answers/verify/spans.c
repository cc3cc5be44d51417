/* SPDX-License-Identifier: Apache-2.0
 *
 * spans.c - verify: the spans of each device and region, which the view usage shows, against the blocks. Spans
 * that meet within one nanosecond are checked as one, because times cannot tell their events apart. Of circular
 * buffers, which are replayed the other way round, only the highest and the last level are compared.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/replay/figures.h"
#include "private.h"
#include "sql/store/recording.h"
#include "ttalloc.h"

struct span {
	int64_t from_ns, to_ns, start_bytes, min_bytes, max_bytes, end_bytes;
};

/* A device and region. */
struct line {
	int64_t device, region;
	bool dirty;         /* spans are yet to be made */
	struct span *spans; /* in the order of time */
	size_t count, capacity;
	size_t left; /* spans that are not done; the last of them is under way when ENTERED */
	bool entered;
	bool trouble; /* was told; one row is enough */
	struct level level;
	struct place last;            /* that was looked at */
	int64_t min_bytes, max_bytes; /* of the span under way; of circular buffers: of all */
};

struct span_check {
	struct findings *findings;
	struct line *lines;
	size_t line_count, line_capacity;
	uint32_t *line_of; /* per series of the catalog; UINT32_MAX: there is none */
	bool no_line;      /* was told */
};

static void tell(struct span_check *check, struct line *line, const char *what, int64_t at_ns, int64_t kept,
                 int64_t computed)
{
	char place[96];

	if (line->trouble)
		return;
	line->trouble = true;
	snprintf(place, sizeof(place), "usage: device %" PRId64 ", region %" PRId64 ", at %" PRId64 " ns", line->device,
	         line->region, at_ns);
	findings_add(check->findings, "usage", place, "%s is %" PRId64 ", the blocks give %" PRId64, what, kept,
	             computed);
}

/* ---- Reading spans ---- */

/* A row for each region at least. */
static const char spans_sql[] =
    "SELECT u.device, u.region, u.dirty_ns, s.id, s.from_ns, s.to_ns, s.start_bytes, s.min_bytes, s.max_bytes, "
    "s.end_bytes "
    "FROM main.region_usage u LEFT JOIN main.span s ON s.device = u.device AND s.region = u.region "
    "ORDER BY u.device, u.region, s.from_ns, s.id";

/* Puts SPAN behind the others of LINE; one that meets the last within a nanosecond becomes part of it. */
static int add_span(struct span_check *check, struct line *line, const struct span *span)
{
	struct span *last = line->count ? &line->spans[line->count - 1] : NULL;

	if (span->to_ns < span->from_ns || span->min_bytes > span->max_bytes)
		tell(check, line, "an impossible span: its end", span->from_ns, span->to_ns, span->from_ns);
	if (last && last->end_bytes != span->start_bytes)
		tell(check, line, "start_bytes", span->from_ns, span->start_bytes, last->end_bytes);
	if (last && span->from_ns <= last->to_ns) {
		last->to_ns = span->to_ns;
		last->end_bytes = span->end_bytes;
		if (span->min_bytes < last->min_bytes)
			last->min_bytes = span->min_bytes;
		if (span->max_bytes > last->max_bytes)
			last->max_bytes = span->max_bytes;
		return 0;
	}
	if (array_reserve(&line->spans, &line->capacity, line->count) < 0)
		return -1;
	line->spans[line->count++] = *span;
	return 0;
}

static int read_spans(struct span_check *check)
{
	struct recording *recording = check->findings->call->recording;
	struct sql_error error;
	sqlite3_stmt *rows = recording_prepare(recording, spans_sql, &error);
	int state = -1;

	while (rows && (state = recording_step(recording, rows, &error)) == 1) {
		int64_t device = sqlite3_column_int64(rows, 0), region = sqlite3_column_int64(rows, 1);
		struct line *line = check->line_count ? &check->lines[check->line_count - 1] : NULL;
		struct span span = {sqlite3_column_int64(rows, 4), sqlite3_column_int64(rows, 5),
		                    sqlite3_column_int64(rows, 6), sqlite3_column_int64(rows, 7),
		                    sqlite3_column_int64(rows, 8), sqlite3_column_int64(rows, 9)};

		if (!line || line->device != device || line->region != region) {
			if (array_reserve(&check->lines, &check->line_capacity, check->line_count) < 0)
				break;
			line = &check->lines[check->line_count++];
			*line = (struct line){.device = device, .region = region};
			/* nothing is held against spans that are yet to be made */
			line->dirty = line->trouble = sqlite3_column_type(rows, 2) != SQLITE_NULL;
		}
		if (sqlite3_column_type(rows, 3) != SQLITE_NULL && !line->dirty && add_span(check, line, &span) < 0)
			break;
	}
	if (state < 0)
		findings_add(check->findings, "usage", "recording", "%s", error.text);
	sqlite3_finalize(rows);
	return state == 1 ? -1 : 0;
}

struct span_check *span_check_new(struct findings *findings, const struct catalog *catalog)
{
	struct span_check *check = calloc(1, sizeof(*check));

	if (!check)
		return NULL;
	check->findings = findings;
	check->line_of = calloc(catalog->series_count + 1, sizeof(*check->line_of));
	if (!check->line_of || read_spans(check) < 0) {
		span_check_free(check);
		return NULL;
	}
	for (size_t i = 0; i < check->line_count; i++)
		check->lines[i].left = check->lines[i].count;
	/* both are sorted by device and region */
	for (size_t i = 0, at = 0; i < catalog->series_count; i++) {
		const struct catalog_series *series = &catalog->series[i];

		while (at < check->line_count &&
		       (check->lines[at].device < series->device ||
		        (check->lines[at].device == series->device && check->lines[at].region < series->region)))
			at++;
		bool found = at < check->line_count && check->lines[at].device == series->device &&
		             check->lines[at].region == series->region;
		check->line_of[i] = found ? (uint32_t)at : UINT32_MAX;
	}
	return check;
}

void span_check_free(struct span_check *check)
{
	if (!check)
		return;
	for (size_t i = 0; i < check->line_count; i++)
		free(check->lines[i].spans);
	free(check->lines);
	free(check->line_of);
	free(check);
}

/* ---- Blocks, backwards ---- */

static struct line *line_of(struct span_check *check, const struct catalog *catalog, const struct replay_block *block)
{
	uint32_t index = check->line_of[catalog->origins[block->origin].series];

	return index == UINT32_MAX ? NULL : &check->lines[index];
}

void span_check_start(struct span_check *check, const struct catalog *catalog, const struct replay_block *block)
{
	struct line *line = line_of(check, catalog, block);

	if (line)
		level_change(&line->level, &catalog->origins[block->origin], block->size_bytes, block->bank_bytes, 1);
}

/* The span under way began with the level that there is now. */
static void leave_span(struct span_check *check, struct line *line)
{
	const struct span *span = &line->spans[--line->left];
	int64_t bytes = (int64_t)line->level.bytes;

	if (!line->entered)
		tell(check, line, "a span without a change: its end", span->from_ns, span->to_ns, -1);
	if (span->start_bytes != bytes)
		tell(check, line, "start_bytes", span->from_ns, span->start_bytes, bytes);
	if (span->max_bytes != line->max_bytes)
		tell(check, line, "max_bytes", span->from_ns, span->max_bytes, line->max_bytes);
	if (span->min_bytes != line->min_bytes)
		tell(check, line, "min_bytes", span->from_ns, span->min_bytes, line->min_bytes);
	line->entered = false;
}

static void enter_span(struct span_check *check, struct line *line, int64_t at_ns)
{
	int64_t bytes = (int64_t)line->level.bytes;

	if (line->left == 0 || line->spans[line->left - 1].to_ns != at_ns) {
		tell(check, line, "the end of a span", at_ns, line->left ? line->spans[line->left - 1].to_ns : -1,
		     at_ns);
		return;
	}
	line->entered = true;
	line->min_bytes = line->max_bytes = bytes;
	if (line->spans[line->left - 1].end_bytes != bytes)
		tell(check, line, "end_bytes", at_ns, line->spans[line->left - 1].end_bytes, bytes);
}

/* Takes in the total after a change: once, although the end of a process or of a device is that of many blocks. */
static void look(struct span_check *check, struct line *line, struct place place)
{
	int64_t bytes = (int64_t)line->level.bytes;

	if (line->last.at_ns == place.at_ns && line->last.process == place.process && line->last.key == place.key)
		return;
	line->last = place;
	if (line->entered && place.at_ns < line->spans[line->left - 1].from_ns)
		leave_span(check, line);
	if (!line->entered && !line->trouble)
		enter_span(check, line, place.at_ns);
	if (bytes < line->min_bytes)
		line->min_bytes = bytes;
	if (bytes > line->max_bytes)
		line->max_bytes = bytes;
}

void span_check_event(struct span_check *check, const struct catalog *catalog, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &catalog->origins[block->origin];
	struct line *line = line_of(check, catalog, block);

	/* what counts nothing moves no total, and its end with its process or device is in no span */
	if (origin->aliased && !event->is_alloc && !event->block->freed)
		return;
	if (line) {
		look(check, line, (struct place){event->at_ns, event->process, event->key});
		level_change(&line->level, origin, block->size_bytes, block->bank_bytes, event->is_alloc ? -1 : 1);
	} else if (!check->no_line) {
		check->no_line = true;
		findings_add(check->findings, "usage", "region_usage", "there are blocks in a region that has no row");
	}
}

/* ---- Circular buffers, forwards ---- */

void span_check_circular(struct span_check *check, const struct catalog *catalog, const struct circular_event *event)
{
	struct line *line = event->block ? line_of(check, catalog, event->block) : NULL;

	if (!line || event->kind == CIRCULAR_ALLOC || event->kind == CIRCULAR_END)
		return;
	level_change(&line->level, &catalog->origins[event->block->origin], event->block->size_bytes,
	             event->block->bank_bytes, event->kind == CIRCULAR_RESIDENT ? 1 : -1);
	if ((int64_t)line->level.bytes > line->max_bytes)
		line->max_bytes = (int64_t)line->level.bytes;
}

static void finish_circular(struct span_check *check, struct line *line)
{
	const struct span *last = line->count ? &line->spans[line->count - 1] : &(const struct span){0};
	int64_t max_bytes = 0;

	for (size_t i = 0; i < line->count; i++)
		if (line->spans[i].max_bytes > max_bytes)
			max_bytes = line->spans[i].max_bytes;
	if (max_bytes != line->max_bytes)
		tell(check, line, "the highest max_bytes", last->to_ns, max_bytes, line->max_bytes);
	if (last->end_bytes != (int64_t)line->level.bytes)
		tell(check, line, "end_bytes", last->to_ns, last->end_bytes, (int64_t)line->level.bytes);
}

void span_check_finish(struct span_check *check)
{
	for (size_t i = 0; i < check->line_count; i++) {
		struct line *line = &check->lines[i];

		if (line->region == TTALLOC_CB) {
			finish_circular(check, line);
			continue;
		}
		while (line->left > 0)
			leave_span(check, line);
	}
}
