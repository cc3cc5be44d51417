/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - what a recorder that goes on with a recording must know of it.
 */
#include "history.h"
#include "sql/store/write_private.h"

#include <stdio.h>

#include "circular.h"

#define MOST_COLUMNS 17
#define LIVE_PROCESS "p.ended_ns IS NULL"

static const char *const load_statements[LOAD_KINDS] = {
    [LOAD_PROCESSES] =
        "SELECT id, pid, start_time, parent, segment_id, segment_path, ended_ns, first_number, "
        "committed_number, events, failures, lost, unmatched_frees, inherited_frees, replaced, "
        "(SELECT max(to_ns) FROM batch WHERE process = process_info.id AND process_info.ended_ns IS NULL), "
        "producer FROM process_info ORDER BY id",
    [LOAD_THREADS] = "SELECT id, process, serial FROM thread_info ORDER BY id",
    [LOAD_LABELS] = "SELECT id, parent, name FROM label_info ORDER BY id",
    [LOAD_MODULES] = "SELECT id, path, build_id FROM module_info ORDER BY id",
    [LOAD_FRAMES] = "SELECT id, module, address, s.function, s.file, s.line FROM frame_info LEFT JOIN symbol_info s "
                    "ON s.frame = id AND s.depth = 0 AND s.language IS NOT NULL ORDER BY id",
    [LOAD_STACKS] = "SELECT id, frames FROM stack_info ORDER BY id",
    [LOAD_ORIGINS] =
        "SELECT id, process, thread, label, stack, device, region, class, flags, ended, allocator FROM origin "
        "LEFT JOIN origin_allocator ON origin = id ORDER BY id",
    [LOAD_USAGES] = "SELECT u.process, device, region, allocs, frees, allocated_bytes, live_bytes, live_bank_bytes, "
                    "live_blocks, peak_bytes, peak_ns, peak_key, peak_blocks, peak_bank_bytes, peak_bank_ns "
                    "FROM process_usage u JOIN process_info p ON p.id = u.process WHERE " LIVE_PROCESS,
    [LOAD_HELD] = "SELECT h.key, alloc_ns, address, size_bytes, bank_bytes, origin FROM held h "
                  "JOIN origin o ON o.id = h.origin JOIN process_info p ON p.id = o.process "
                  "WHERE end_key IS NULL AND " LIVE_PROCESS,
    [LOAD_CBS] = "SELECT c.key, origin, program, idx, " CIRCULAR_COUNTED(
        "c") ", size_bytes, cores FROM circular_buffer c "
             "JOIN origin o ON o.id = c.origin JOIN process_info p ON p.id = o.process "
             "WHERE end_key IS NULL AND " LIVE_PROCESS " ORDER BY c.key",
    /* SQLite takes the bare column from the row of the maximum. A circular buffer that has ended counts, too. */
    [LOAD_RUNS] =
        "SELECT o.process, o.device, c.program, max(c.key), 0 AS ran FROM circular_buffer c "
        "JOIN origin o ON o.id = c.origin JOIN process_info p ON p.id = o.process WHERE " LIVE_PROCESS
        " GROUP BY o.process, o.device UNION ALL "
        "SELECT o.process, o.device, r.program, max(r.key), 1 FROM program_run r JOIN origin o ON o.id = r.origin "
        "JOIN process_info p ON p.id = o.process WHERE " LIVE_PROCESS " GROUP BY o.process, o.device ORDER BY ran",
    [LOAD_ADDRESSES] = "SELECT DISTINCT o.process, address, o.region FROM (SELECT origin, address FROM freed "
                       "UNION ALL SELECT origin, address FROM held) b JOIN origin o ON o.id = b.origin "
                       "JOIN process_info p ON p.id = o.process WHERE p.parent IS NOT NULL AND " LIVE_PROCESS,
    [LOAD_REGIONS] = "SELECT device, region, dirty_ns, (SELECT max(to_ns) FROM span s WHERE s.device = r.device AND "
                     "s.region = r.region) FROM region_usage r",
    [LOAD_SUMS] = "SELECT (SELECT max(last_key) FROM batch), (SELECT max(id) FROM span), "
                  "(SELECT end_ns FROM recording_info)",
    [LOAD_ANCHORS] = "SELECT ticks, at_monotonic_ns FROM clock_anchor ORDER BY ticks",
};

static struct row_value column_value(sqlite3_stmt *statement, int column)
{
	struct row_value value = {.type = ROW_NULL};

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER:
		value.type = ROW_INTEGER;
		value.integer = sqlite3_column_int64(statement, column);
		break;
	case SQLITE_TEXT:
		value.type = ROW_TEXT;
		value.bytes = sqlite3_column_text(statement, column);
		value.count = (size_t)sqlite3_column_bytes(statement, column);
		break;
	case SQLITE_BLOB:
		value.type = ROW_BLOB;
		value.bytes = sqlite3_column_blob(statement, column);
		value.count = (size_t)sqlite3_column_bytes(statement, column);
		break;
	default:
		break;
	}
	return value;
}

int writer_load(struct writer *writer, enum load_kind kind, bool (*each)(void *context, const struct row_value *values),
                void *context, struct sql_error *error)
{
	struct row_value values[MOST_COLUMNS];
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(writer->db, load_statements[kind], -1, &statement, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		code = SQLITE_OK;
		for (int i = 0; i < sqlite3_column_count(statement); i++)
			values[i] = column_value(statement, i);
		if (!each(context, values))
			code = SQLITE_CORRUPT;
	}
	if (code == SQLITE_CORRUPT)
		snprintf(error->text, sizeof(error->text), "%s is damaged and cannot be appended to (part %d)",
		         writer->path, (int)kind);
	else if (code != SQLITE_DONE)
		write_failed(writer, error);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : -1;
}
