/* SPDX-License-Identifier: Apache-2.0
 *
 * spans.c - see spans.h.
 */
#include "spans.h"

#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/key_rows.h"
#include "sql/store/recording.h"

/* Spans that can be relied on, in the order of time. */
static const char spans_sql[] =
    "SELECT s.device, s.region, s.max_bytes, s.max_ns, s.max_key, s.max_blocks, s.max_bank_bytes, s.max_bank_ns "
    "FROM main.span s LEFT JOIN main.region_usage u ON u.device = s.device AND u.region = s.region "
    "WHERE u.dirty_ns IS NULL OR s.to_ns < u.dirty_ns ORDER BY s.device, s.region, s.from_ns, s.id";

/* From when on they cannot. */
static const char dirty_sql[] =
    "SELECT min(coalesce((SELECT max(to_ns) FROM main.span s WHERE s.device = u.device AND s.region = u.region"
    "  AND s.to_ns < u.dirty_ns), -1)) FROM main.region_usage u WHERE u.dirty_ns IS NOT NULL";

static void take_span(struct figures *figures, sqlite3_stmt *row)
{
	int64_t bytes = sqlite3_column_int64(row, 2), bank_bytes = sqlite3_column_int64(row, 6);

	if (!figures->any || bytes > figures->peak_bytes) {
		figures->peak_bytes = bytes;
		figures->peak =
		    (struct place){.at_ns = sqlite3_column_int64(row, 3), .key = sqlite3_column_int64(row, 4)};
		figures->peak_blocks = sqlite3_column_int64(row, 5);
	}
	if (!figures->any || bank_bytes > figures->peak_bank_bytes) {
		figures->peak_bank_bytes = bank_bytes;
		figures->bank_peak = (struct place){.at_ns = sqlite3_column_int64(row, 7)};
	}
	figures->any = true;
}

static int load_list(struct spans *spans, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording, spans_sql, error);
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		struct catalog_series series = {sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1), 0};
		struct span_peak *last = spans->count ? &spans->list[spans->count - 1] : NULL;

		if (!last || last->series.device != series.device || last->series.region != series.region) {
			if (array_reserve(&spans->list, &spans->capacity, spans->count) < 0) {
				state = sql_fail(error, "out of memory");
				break;
			}
			last = &spans->list[spans->count++];
			*last = (struct span_peak){.series = series};
		}
		take_span(&last->figures, rows);
	}
	sqlite3_finalize(rows);
	return state;
}

int spans_load(struct spans *spans, struct recording *recording, struct sql_error *error)
{
	if (recording_integer(recording, dirty_sql, INT64_MAX, &spans->dirty_ns, error) < 0)
		return -1;
	return load_list(spans, recording, error);
}

void spans_clear(struct spans *spans)
{
	free(spans->list);
}

/* Both are true; the spans' is the earlier one. */
static void join(struct figures *figures, const struct figures *spans)
{
	if (!figures->any || spans->peak_bytes >= figures->peak_bytes) {
		figures->peak_bytes = spans->peak_bytes;
		figures->peak = spans->peak;
		figures->peak_blocks = spans->peak_blocks;
	}
	if (!figures->any || spans->peak_bank_bytes >= figures->peak_bank_bytes) {
		figures->peak_bank_bytes = spans->peak_bank_bytes;
		figures->bank_peak = spans->bank_peak;
	}
	figures->any = true;
}

/* Moves *AT forward to the series WANTED; both are sorted. False: the catalog does not have it. */
static bool find_series(const struct catalog *catalog, size_t *at, const struct catalog_series *wanted)
{
	const struct catalog_series *series = catalog->series;

	while (*at < catalog->series_count &&
	       (series[*at].device < wanted->device ||
	        (series[*at].device == wanted->device && series[*at].region < wanted->region)))
		(*at)++;
	return *at < catalog->series_count && series[*at].device == wanted->device &&
	       series[*at].region == wanted->region;
}

/* Adds what the spans know to FIGURES, of the series of CATALOG. */
static void join_spans(const struct catalog *catalog, struct figures *figures, const struct spans *spans)
{
	size_t at = 0;

	for (size_t i = 0; i < spans->count; i++) {
		struct figures known = spans->list[i].figures;

		if (!find_series(catalog, &at, &spans->list[i].series))
			continue;
		known.peak.process = catalog_process_of_key(catalog, known.peak.key);
		join(&figures[at], &known);
	}
}

int spans_figures(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                  struct sql_error *error)
{
	struct spans spans = {0};
	int result = spans_load(&spans, recording, error);

	if (result == 0 && spans.dirty_ns != INT64_MAX)
		result = figures_compute(recording, catalog, figures, spans.dirty_ns, error);
	if (result == 0)
		join_spans(catalog, figures, &spans);
	spans_clear(&spans);
	return result;
}

/* ---- What else is kept ready ---- */

static int load_changes(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                        struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording,
	                                       "SELECT device, region, sum(allocs + frees) FROM main.process_usage "
	                                       "GROUP BY device, region ORDER BY device, region",
	                                       error);
	size_t at = 0;
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		struct catalog_series wanted = {sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1), 0};

		if (find_series(catalog, &at, &wanted))
			figures[at].changes = sqlite3_column_int64(rows, 2);
	}
	sqlite3_finalize(rows);
	return state;
}

/* The footprints of blocks, of which the largest of each series is wanted. */
struct largest {
	const struct catalog *catalog;
	struct figures *figures;
};

static bool see_footprint(const int64_t *cells, void *context)
{
	const struct largest *largest = context;
	const struct catalog_origin *origin = catalog_origin(largest->catalog, cells[3]);
	int64_t bank_bytes = cells[1] == KEY_ROWS_NULL ? cells[2] : cells[1];

	if (origin && !origin->aliased && bank_bytes > largest->figures[origin->series].largest_bank_bytes)
		largest->figures[origin->series].largest_bank_bytes = bank_bytes;
	return true;
}

static int load_largest(struct recording *recording, const struct catalog *catalog, const char *table,
                        struct figures *figures, struct sql_error *error)
{
	static const char *const columns[] = {"key", "bank_bytes", "size_bytes", "origin"};
	struct largest largest = {catalog, figures};
	struct key_rows *rows = key_rows_open(recording, table, columns, sizeof(columns) / sizeof(*columns), error);
	int result = rows ? key_rows_read(rows, INT64_MIN, INT64_MAX, see_footprint, &largest, error) : -1;

	key_rows_close(rows);
	return result;
}

int spans_quick_figures(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                        struct sql_error *error)
{
	if (spans_figures(recording, catalog, figures, error) < 0 ||
	    load_changes(recording, catalog, figures, error) < 0 ||
	    load_largest(recording, catalog, "freed", figures, error) < 0)
		return -1;
	return load_largest(recording, catalog, "held", figures, error);
}
