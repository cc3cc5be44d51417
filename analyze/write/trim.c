/* SPDX-License-Identifier: Apache-2.0
 *
 * trim.c - leaves out of a table over time what tells nothing: the rows of a series (device and region) before
 * anything was live there, and rows all of whose figures are unknown. A line each says so.
 */
#include "sql/base/memory.h"
#include "series.h"
#include "writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct trim {
	struct writer writer;
	struct writer *inner;
	const char *each; /* columns that the rows of a series agree in */
	const struct column *columns;
	size_t count;
	struct series series;
	bool live;                   /* something was, in this series */
	bool named;                  /* this series is in UNKNOWN */
	uint64_t idle;               /* rows before that, of all series */
	char unknown[CELL_TEXT_MAX]; /* series without figures, with commas between them */
};

static void trim_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct trim *trim = (struct trim *)writer;
	trim->columns = columns;
	trim->count = count;
	series_begin(&trim->series, trim->each, columns, count);
	trim->inner->begin(trim->inner, answer, columns, count);
}

enum figures { FIGURES_UNKNOWN, FIGURES_ZERO, FIGURES_SOME };

static enum figures look_at(const struct trim *trim, const struct query_cell *cells)
{
	enum figures found = FIGURES_UNKNOWN;
	for (size_t i = 0; i < trim->count; i++) {
		enum unit unit = trim->columns[i].unit;
		if (unit != UNIT_BYTES && unit != UNIT_COUNT && unit != UNIT_RATIO)
			continue;
		if (cells[i].type == CELL_NULL)
			continue;
		if (cells[i].type != CELL_INTEGER || cells[i].integer != 0)
			return FIGURES_SOME;
		found = FIGURES_ZERO;
	}
	return found;
}

static void note_unknown(struct trim *trim)
{
	size_t used = strlen(trim->unknown);
	if (!trim->named)
		snprintf(trim->unknown + used, sizeof trim->unknown - used, "%s%s", used > 0 ? ", " : "",
		         trim->series.name);
	trim->named = true;
}

static void trim_row(struct writer *writer, const struct query_cell *cells)
{
	struct trim *trim = (struct trim *)writer;
	if (series_enter(&trim->series, cells))
		trim->live = trim->named = false;
	switch (look_at(trim, cells)) {
	case FIGURES_UNKNOWN:
		note_unknown(trim);
		return;
	case FIGURES_ZERO:
		if (!trim->live) {
			trim->idle++;
			return;
		}
		break;
	case FIGURES_SOME:
		trim->live = true;
		break;
	}
	trim->inner->row(trim->inner, cells);
}

static void trim_end(struct writer *writer)
{
	struct trim *trim = (struct trim *)writer;
	char line[sizeof trim->unknown + 128];
	if (trim->idle > 0) {
		snprintf(line, sizeof line, "not shown: %" PRIu64 " %s before anything was live", trim->idle,
		         trim->idle == 1 ? "row" : "rows");
		writer_table_footnote(trim->inner, line);
	}
	if (trim->unknown[0] != '\0') {
		snprintf(line, sizeof line, "not shown, having no banks of known geometry: %s", trim->unknown);
		writer_table_footnote(trim->inner, line);
	}
	trim->inner->end(trim->inner);
}

static void trim_free(struct writer *writer)
{
	struct trim *trim = (struct trim *)writer;
	trim->inner->free(trim->inner);
	free(trim);
}

struct writer *writer_trim(struct writer *inner, const char *each)
{
	struct trim *trim = memory_get(1, sizeof *trim);
	trim->inner = inner;
	trim->each = each;
	trim->writer = (struct writer){.begin = trim_begin, .row = trim_row, .end = trim_end, .free = trim_free};
	return &trim->writer;
}
