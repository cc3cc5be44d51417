/* SPDX-License-Identifier: Apache-2.0
 *
 * changes.c - what the file says about a device's circular buffers, in the recording's order, and where its spans
 * have to be made anew from.
 */
#include <stdio.h>

#include "circular.h"
#include "history.h"
#include "sql/base/vocabulary_sql.h"
#include "sql/store/writer.h"

/* ?1: the device. From the beginning, since what is resident at some time follows from all that came before. Kinds are
 * those of other_event; a process's end, kind 0, follows its last event. A cb_free has a row for each that it ended. */
static const char cb_changes[] =
    "WITH o AS MATERIALIZED (SELECT id, process, flags & " SQL_FLAG_ALIASED
    " <> 0 AS aliased FROM origin WHERE device = ?1 AND region = " SQL_REGION_CB ")"
    " SELECT alloc_ns AS at_ns, process, key, iif(aliased, 0, " CIRCULAR_COUNTED(
        "b") "), 0, 1, " SQL_KIND_CB_ALLOC ", program, idx, aliased"
             "  FROM circular_buffer b JOIN o ON o.id = origin"
             " UNION ALL SELECT at_ns, process, key, 0, 0, 0, " SQL_KIND_PROGRAM_RUN
             ", program, 0, 0 FROM program_run JOIN o ON o.id = origin"
             " UNION ALL SELECT end_ns, process, end_key, 0, 0, 0, " SQL_KIND_CB_FREE ", program, idx, 0"
             "  FROM circular_buffer JOIN o ON o.id = origin WHERE ended = 'freed'"
             " UNION ALL SELECT at_ns, d.process, key, 0, 0, 0, kind, 0, 0, 0"
             "  FROM other_event JOIN origin d ON d.id = other_event.origin WHERE d.device = ?1 AND kind "
             "= " SQL_KIND_DEVICE_CLOSE " "
             "  AND d.id NOT IN (SELECT origin FROM origin_allocator)"
             " UNION ALL SELECT p.ended_ns, p.id, 9223372036854775807, -u.live_bytes, -u.live_blocks, 0, 0, 0, 0, 0"
             "  FROM process_usage u JOIN process_info p ON p.id = u.process"
             "  WHERE u.device = ?1 AND u.region = " SQL_REGION_CB
             " AND p.ended_ns IS NOT NULL AND (u.live_blocks OR u.live_bytes)"
             " ORDER BY 1, 2, 3";

enum change_column { AT_NS, PROCESS, KEY, BYTES, BLOCKS, ALLOCS, KIND, PROGRAM, NUMBER, ALIASED };

static struct stored_change read_change(sqlite3_stmt *statement)
{
	return (struct stored_change){
	    .change =
	        {
	            .at_ns = (uint64_t)sqlite3_column_int64(statement, AT_NS),
	            .process = (uint32_t)sqlite3_column_int64(statement, PROCESS),
	            .key = sqlite3_column_int64(statement, KEY),
	            .bytes = sqlite3_column_int64(statement, BYTES),
	            .bank_bytes = sqlite3_column_int64(statement, BYTES), /* per core, like the payload */
	            .blocks = sqlite3_column_int64(statement, BLOCKS),
	            .allocs = (uint32_t)sqlite3_column_int64(statement, ALLOCS),
	        },
	    .kind = (uint32_t)sqlite3_column_int64(statement, KIND),
	    .program = (uint64_t)sqlite3_column_int64(statement, PROGRAM),
	    .number = (uint32_t)sqlite3_column_int64(statement, NUMBER),
	    .aliased = sqlite3_column_int(statement, ALIASED),
	};
}

enum write_result writer_cb_changes(struct writer *writer, uint32_t device,
                                    bool (*each)(void *context, const struct stored_change *stored), void *context,
                                    struct sql_error *error)
{
	enum write_result result = WRITE_DONE;
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(writer->db, cb_changes, -1, &statement, NULL);

	if (code == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, device);
		while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
			struct stored_change stored = read_change(statement);

			if (!each(context, &stored)) {
				code = SQLITE_DONE;
				result = WRITE_LATER;
				break;
			}
		}
	}
	if (code != SQLITE_DONE)
		result = write_failed(writer, error);
	sqlite3_finalize(statement);
	return result;
}

uint64_t writer_events_since(struct writer *writer, uint64_t from_ns)
{
	sqlite3_stmt *statement;
	uint64_t count = 0;

	if (sqlite3_prepare_v2(writer->db, "SELECT coalesce(sum(count), 0) FROM batch WHERE to_ns >= ?1", -1,
	                       &statement, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_int64(statement, 1, (int64_t)from_ns);
	if (sqlite3_step(statement) == SQLITE_ROW)
		count = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return count;
}

bool writer_span_before(struct writer *writer, uint32_t device, uint32_t region, uint64_t before_ns,
                        struct span_end *end)
{
	sqlite3_stmt *statement;
	bool found = false;

	if (sqlite3_prepare_v2(writer->db,
	                       "SELECT end_bytes, end_bank_bytes, end_blocks, to_ns FROM span WHERE device = ?1 AND "
	                       "region = ?2 AND to_ns < ?3 ORDER BY to_ns DESC, id DESC LIMIT 1",
	                       -1, &statement, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_int64(statement, 1, device);
	sqlite3_bind_int64(statement, 2, region);
	sqlite3_bind_int64(statement, 3, (int64_t)before_ns);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		*end = (struct span_end){
		    .bytes = sqlite3_column_int64(statement, 0),
		    .bank_bytes = sqlite3_column_int64(statement, 1),
		    .blocks = sqlite3_column_int64(statement, 2),
		    .to_ns = (uint64_t)sqlite3_column_int64(statement, 3),
		};
		found = true;
	}
	sqlite3_finalize(statement);
	return found;
}
