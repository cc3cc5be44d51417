/* SPDX-License-Identifier: Apache-2.0
 *
 * write_statements.c - every statement by which the recorder writes rows, prepared once.
 */
#include "write_private.h"

#include <stdio.h>

/* Distinct notes of a process; what it says beyond them is added up under one text. Files are not to be filled by who
 * puts a number into each. */
#define NOTES_KEPT "256"
#define MORE_NOTES "'more notes'"

/* The values of each kind, in order, are its parameters. */
static const char *const row_statements[ROW_KINDS] = {
    [ROW_PROCESS] =
        "INSERT INTO process_info(id, pid, start_time, parent, segment_id, segment_path, producer, executable, "
        "command, joined_ns) VALUES (?,?,?,?,?,?,?,?,?,?)",
    [ROW_PROCESS_PARENT] = "UPDATE process_info SET parent = ?2 WHERE id = ?1",
    [ROW_PROCESS_STATE] =
        "UPDATE process_info SET segment_path = coalesce(?2, segment_path), ended_ns = ?3, ended = ?4, "
        "first_number = ?5, committed_number = ?6, events = ?7, failures = ?8, lost = ?9, "
        "unmatched_frees = ?10, inherited_frees = ?11, replaced = ?12 WHERE id = ?1",
    [ROW_THREAD] = "INSERT INTO thread_info(id, process, serial, tid, name) VALUES (?,?,?,?,?)",
    [ROW_LABEL] = "INSERT INTO label_info(id, parent, name, path) VALUES (?,?,?,?)",
    [ROW_MODULE] = "INSERT INTO module_info(id, path, build_id) VALUES (?,?,?)",
    [ROW_FRAME] = "INSERT INTO frame_info(id, module, address) VALUES (?,?,?)",
    [ROW_SYMBOL] = "INSERT INTO symbol_info(frame, depth, function, file, line, language) VALUES (?,?,?,?,?,?)",
    [ROW_STACK] = "INSERT INTO stack_info(id, frames) VALUES (?,?)",
    [ROW_ORIGIN] = "INSERT INTO origin(id, process, thread, label, stack, device, region, class, flags, ended) "
                   "VALUES (?,?,?,?,?,?,?,?,?,?)",
    [ROW_ORIGIN_ALLOCATOR] = "INSERT INTO origin_allocator(origin, allocator) VALUES (?,?)",
    [ROW_STEP] = "INSERT INTO step_mark(key, process, number, at_ns) VALUES (?,?,?,?)",
    [ROW_DEVICE] = "INSERT OR IGNORE INTO device_mark(key, process, device, region, at_ns, arch, banks, bank_bytes, "
                   "base_address, alignment_bytes, top_down) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    [ROW_DEVICE_IDENTITY] = "INSERT INTO device_identity(key, process, device, allocator, allocator_name, chip) "
                            "VALUES (?,?,?,?,?,?)",
    [ROW_CB] = "INSERT INTO circular_buffer(key, alloc_ns, origin, program, idx, address, size_bytes, cores) "
               "VALUES (?,?,?,?,?,?,?,?)",
    [ROW_CB_COUNT] = "INSERT INTO circular_count(key, counted_bytes) VALUES (?,?)",
    [ROW_CB_END] = "UPDATE circular_buffer SET end_key = ?2, end_ns = ?3, ended = ?4 WHERE key = ?1",
    [ROW_KERNEL] = "INSERT INTO kernel_info(key, name, kind, core_type) VALUES (?,?,?,?)",
    [ROW_FAILURE] = "INSERT INTO failure_info(key, at_ns, origin, size_bytes, bank_bytes, why) VALUES (?,?,?,?,?,?)",
    [ROW_OTHER] = "INSERT INTO other_event(key, at_ns, kind, origin, a) VALUES (?,?,?,?,?)",
    [ROW_LOSS] = "INSERT INTO loss_row(process, thread, from_ns, to_ns, from_number, to_number, count, why) "
                 "VALUES (?,?,?,?,?,?,?,?)",
    /* A count of 0, what the producer cannot see, stays: no later count makes it visible. */
    [ROW_NOTE] = "INSERT INTO process_note(process, note, count) SELECT ?1, CASE WHEN "
                 "EXISTS (SELECT 1 FROM process_note WHERE process = ?1 AND note = ?2) OR "
                 "(SELECT count(*) FROM process_note WHERE process = ?1) < " NOTES_KEPT " THEN ?2 ELSE " MORE_NOTES
                 " END, ?3 WHERE true "
                 "ON CONFLICT DO UPDATE SET count = CASE WHEN count = 0 OR excluded.count = 0 THEN 0 "
                 "ELSE min(count + excluded.count, 1 << 62) END",
    /* "api" are those who have not said who they are. */
    [ROW_PRODUCER] = "UPDATE process_info SET producer = CASE WHEN producer IN ('', 'api') THEN ?2 "
                     "WHEN instr(', ' || producer || ', ', ', ' || ?2 || ', ') OR length(producer) > 64 THEN producer "
                     "ELSE producer || ', ' || ?2 END WHERE id = ?1",
    [ROW_BATCH] = "INSERT INTO batch(first_key, last_key, process, first_number, count, from_ns, to_ns, marks) "
                  "VALUES (?,?,?,?,?,?,?,?)",
    [ROW_CLOCK] = "INSERT OR IGNORE INTO clock_anchor(ticks, at_monotonic_ns) VALUES (?,?)",
    [ROW_USAGE] = "INSERT OR REPLACE INTO process_usage(process, device, region, allocs, frees, allocated_bytes, "
                  "live_bytes, live_bank_bytes, live_blocks, peak_bytes, peak_ns, peak_key, peak_blocks, "
                  "peak_bank_bytes, peak_bank_ns) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [ROW_SPAN] = "INSERT OR REPLACE INTO span(id, device, region, from_ns, to_ns, start_bytes, min_bytes, max_bytes, "
                 "end_bytes, max_ns, max_key, max_blocks, start_bank_bytes, max_bank_bytes, max_bank_ns, "
                 "end_bank_bytes, start_blocks, end_blocks, allocs, frees) "
                 "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [ROW_SPAN_CUT] = "DELETE FROM span WHERE device = ? AND region = ? AND to_ns >= ?",
    [ROW_REGION] = "INSERT OR REPLACE INTO region_usage(device, region, dirty_ns) VALUES (?,?,?)",
};

static const char *const bulk_statements[WRITER_SOURCES] = {
    [SOURCE_FREED] = "INSERT INTO freed(key, life, free_ns, held_ns, address, size_bytes, bank_bytes, origin, "
                     "free_origin) SELECT * FROM freed_rows",
    [SOURCE_HELD] = "INSERT INTO held(key, alloc_ns, address, size_bytes, bank_bytes, origin) "
                    "SELECT * FROM held_rows",
    [SOURCE_UNHELD] = "DELETE FROM held WHERE key IN (SELECT key FROM unheld_rows)",
    [SOURCE_RUNS] = "INSERT INTO program_run(key, at_ns, origin, program) SELECT * FROM run_rows",
};

#define COLUMN(row, field, kind, none)                                                                                 \
	{                                                                                                              \
#field, offsetof(struct row, field), kind, none                                                        \
	}
static const struct rowsource_column freed_columns[] = {
    COLUMN(freed_row, key, ROWSOURCE_I64, 0),
    COLUMN(freed_row, life, ROWSOURCE_I64, 0),
    COLUMN(freed_row, free_ns, ROWSOURCE_I64, 0),
    COLUMN(freed_row, held_ns, ROWSOURCE_I64, 0),
    COLUMN(freed_row, address, ROWSOURCE_I64, 0),
    COLUMN(freed_row, size_bytes, ROWSOURCE_I64, 0),
    COLUMN(freed_row, bank_bytes, ROWSOURCE_I64_OR_NULL, ROW_SAME_BYTES),
    COLUMN(freed_row, origin, ROWSOURCE_U32, 0),
    COLUMN(freed_row, free_origin, ROWSOURCE_U32_OR_NULL, 0),
};
static const struct rowsource_column held_columns[] = {
    COLUMN(held_row, key, ROWSOURCE_I64, 0),
    COLUMN(held_row, alloc_ns, ROWSOURCE_I64, 0),
    COLUMN(held_row, address, ROWSOURCE_I64, 0),
    COLUMN(held_row, size_bytes, ROWSOURCE_I64, 0),
    COLUMN(held_row, bank_bytes, ROWSOURCE_I64_OR_NULL, ROW_SAME_BYTES),
    COLUMN(held_row, origin, ROWSOURCE_U32, 0),
};
static const struct rowsource_column unheld_columns[] = {
    COLUMN(unheld_row, key, ROWSOURCE_I64, 0),
};
static const struct rowsource_column run_columns[] = {
    COLUMN(run_row, key, ROWSOURCE_I64, 0),
    COLUMN(run_row, at_ns, ROWSOURCE_I64, 0),
    COLUMN(run_row, origin, ROWSOURCE_U32, 0),
    COLUMN(run_row, program, ROWSOURCE_I64, 0),
};
#define SOURCE(row, table)                                                                                             \
	{                                                                                                              \
		table, row##_columns, sizeof(row##_columns) / sizeof(row##_columns[0]), sizeof(struct row##_row),      \
		    NULL, 0                                                                                            \
	}

static int prepare(struct writer *writer, const char *text, sqlite3_stmt **statement)
{
	return sqlite3_prepare_v3(writer->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int prepare_all(struct writer *writer)
{
	int code = SQLITE_OK;

	for (int i = 0; i < WRITER_SOURCES && code == SQLITE_OK; i++) {
		code = rowsource_register(writer->db, &writer->sources[i]);
		if (code == SQLITE_OK)
			code = prepare(writer, bulk_statements[i], &writer->bulk[i]);
	}
	for (int i = 1; i < ROW_KINDS && code == SQLITE_OK; i++)
		code = prepare(writer, row_statements[i], &writer->rows[i]);
	if (code == SQLITE_OK)
		code = prepare(writer, "UPDATE held SET end_key = ?2, end_ns = ?3 WHERE key = ?1", &writer->close_held);
	if (code == SQLITE_OK)
		code =
		    prepare(writer, "UPDATE recording_info SET end_ns = max(end_ns, ?1), ended = ?2", &writer->set_end);
	if (code == SQLITE_OK)
		code = prepare(writer, "BEGIN IMMEDIATE", &writer->begin);
	if (code == SQLITE_OK)
		code = prepare(writer, "COMMIT", &writer->commit);
	return code;
}

int write_prepare(struct writer *writer, struct sql_error *error)
{
	const struct rowsource sources[WRITER_SOURCES] = {
	    [SOURCE_FREED] = SOURCE(freed, "freed_rows"),
	    [SOURCE_HELD] = SOURCE(held, "held_rows"),
	    [SOURCE_UNHELD] = SOURCE(unheld, "unheld_rows"),
	    [SOURCE_RUNS] = SOURCE(run, "run_rows"),
	};

	for (int i = 0; i < WRITER_SOURCES; i++)
		writer->sources[i] = sources[i];
	if (prepare_all(writer) == SQLITE_OK)
		return 0;
	write_failed(writer, error);
	return -1;
}

void write_unprepare(struct writer *writer)
{
	for (int i = 0; i < WRITER_SOURCES; i++)
		sqlite3_finalize(writer->bulk[i]);
	for (int i = 0; i < ROW_KINDS; i++)
		sqlite3_finalize(writer->rows[i]);
	sqlite3_finalize(writer->close_held);
	sqlite3_finalize(writer->set_end);
	sqlite3_finalize(writer->begin);
	sqlite3_finalize(writer->commit);
}
