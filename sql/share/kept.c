/* SPDX-License-Identifier: Apache-2.0
 *
 * kept.c - see kept.h.
 */
#include "kept.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "sql/base/error.h"
#include "sql/base/vocabulary_sql.h"
#include "sql/replay/figures.h"
#include "sql/store/open.h"
#include "sql/store/recording.h"

/* Counts of processes: of the rows that there are. Spans go: figures are replayed, which a file of a part bears. Frees
 * of what a parent had are told from others by nothing. */
static const char counts_sql[] =
    "CREATE TEMP TABLE counted AS SELECT o.process AS process, count(*) AS events FROM ("
    "SELECT origin FROM main.freed UNION ALL "
    "SELECT coalesce(f.free_origin, f.origin) FROM main.freed f LEFT JOIN main.origin e ON e.id = f.free_origin "
    "WHERE e.ended IS NOT " SQL_END_REPLACED " UNION ALL "
    "SELECT origin FROM main.held UNION ALL SELECT origin FROM main.circular_buffer UNION ALL "
    "SELECT origin FROM main.program_run UNION ALL SELECT origin FROM main.failure_info UNION ALL "
    "SELECT origin FROM main.other_event) e JOIN main.origin o ON o.id = e.origin GROUP BY 1;"
    "UPDATE main.process_info SET"
    " events = coalesce((SELECT events FROM counted WHERE process = process_info.id), 0),"
    " failures = (SELECT count(*) FROM main.failure_info f JOIN main.origin o ON o.id = f.origin"
    "  WHERE o.process = process_info.id),"
    " lost = (SELECT coalesce(sum(count), 0) FROM main.loss_row l WHERE l.process = process_info.id),"
    " unmatched_frees = min(unmatched_frees, (SELECT count(*) FROM main.other_event e JOIN main.origin o ON o.id = "
    "e.origin"
    "  WHERE e.kind IN (" SQL_KIND_FREE ", " SQL_KIND_KERNEL_UNLOAD ") AND o.process = process_info.id)),"
    " replaced = (SELECT count(*) FROM main.freed f JOIN main.origin o ON o.id = f.free_origin"
    "  WHERE o.ended = " SQL_END_REPLACED " AND o.process = process_info.id);"
    "DROP TABLE counted; DELETE FROM main.process_usage; UPDATE main.region_usage SET dirty_ns "
    "= 0";

static const char usage_sql[] =
    "INSERT INTO process_usage(process, device, region, allocs, frees, allocated_bytes, live_bytes, live_bank_bytes, "
    "live_blocks, peak_bytes, peak_ns, peak_key, peak_blocks, peak_bank_bytes, peak_bank_ns) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/* Adds the row of a process, device and region to DB. */
static int add_usage(sqlite3_stmt *into, const struct catalog *catalog, size_t series, const struct figures *figures)
{
	const struct catalog_series *place = &catalog->series[series];
	const int64_t values[] = {
	    catalog->processes[place->process].id,
	    place->device,
	    place->region,
	    figures->allocs,
	    figures->frees,
	    figures->allocated_bytes,
	    figures->live_bytes,
	    figures->live_bank_bytes,
	    figures->live_blocks,
	    figures->peak_bytes,
	    figures->peak.at_ns,
	    figures->peak.key,
	    figures->peak_blocks,
	    figures->peak_bank_bytes,
	    figures->bank_peak.at_ns,
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		sqlite3_bind_int64(into, (int)i + 1, values[i]);
	int code = sqlite3_step(into);
	sqlite3_reset(into);
	return code == SQLITE_DONE ? 0 : -1;
}

/* Computes what processes did, and stores it by way of DB. */
static int make_usage(struct recording *recording, sqlite3 *db, const char *path, struct sql_error *error)
{
	struct catalog catalog = {0};
	struct filter all = filter_all();
	sqlite3_stmt *into = NULL;
	int result = catalog_load(&catalog, recording, &all, true, error);
	struct figures *figures = calloc(catalog.series_count + 1, sizeof(*figures));

	if (result == 0 && !figures)
		result = sql_fail(error, "%s: out of memory", path);
	if (result == 0)
		result = figures_compute(recording, &catalog, figures, INT64_MIN, error);
	recording_release(recording); /* or nothing could be written */
	if (result == 0 && sqlite3_prepare_v2(db, usage_sql, -1, &into, NULL) != SQLITE_OK)
		result = sql_fail_db(error, path, db);
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++) {
		if (figures[i].chosen && add_usage(into, &catalog, i, &figures[i]) < 0)
			result = sql_fail_db(error, path, db);
	}
	sqlite3_finalize(into);
	free(figures);
	catalog_clear(&catalog);
	return result;
}

int kept_make_anew(const char *name, const char *path, struct sql_error *error)
{
	struct recording *recording = NULL;
	sqlite3 *db = NULL;
	int result = -1;

	if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, counts_sql, NULL, NULL, NULL) != SQLITE_OK)
		sql_fail_db(error, path, db);
	else if ((recording = recording_open(name, error)))
		result = make_usage(recording, db, path, error);
	recording_close(recording);
	if (result == 0 && sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
		result = sql_fail_db(error, path, db); /* one file, as it was */
	sqlite3_close_v2(db);
	return result;
}
