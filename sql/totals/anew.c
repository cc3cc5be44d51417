/* SPDX-License-Identifier: Apache-2.0
 *
 * anew.c - all spans of a file that has none yet.
 */
#include "sql/store/writer.h"
#include "totals.h"

/* What is live at the end is what the processes hold that have not ended. */
static const char regions_sql[] =
    "SELECT device, region, sum(iif(p.ended_ns IS NULL, live_bytes, 0)), "
    "sum(iif(p.ended_ns IS NULL, live_bank_bytes, 0)), sum(iif(p.ended_ns IS NULL, live_blocks, 0)) "
    "FROM process_usage u JOIN process_info p ON p.id = u.process GROUP BY 1, 2";

int totals_make(struct writer *writer, struct sql_error *error)
{
	struct recording *made = writer_reader(writer);
	struct totals *totals = totals_new();
	sqlite3_stmt *rows = recording_prepare(made, regions_sql, error);
	int state = -1;

	while (rows && (state = recording_step(made, rows, error)) == 1)
		totals_restore(totals, &(struct totals_state){.device = (uint32_t)sqlite3_column_int64(rows, 0),
		                                              .region = (uint32_t)sqlite3_column_int64(rows, 1),
		                                              .bytes = sqlite3_column_int64(rows, 2),
		                                              .bank_bytes = sqlite3_column_int64(rows, 3),
		                                              .blocks = sqlite3_column_int64(rows, 4)});
	sqlite3_finalize(rows);
	if (state == 0 && totals_rebuild(totals, writer, true, NULL, NULL, error) != WRITE_DONE)
		state = -1;
	totals_free(totals);
	return state;
}
