/* SPDX-License-Identifier: Apache-2.0
 *
 * next_file.c - a recording goes on in another file. What was live moves there, with the names that it has, so that
 * each file is complete in itself. Keys, ids and times go on.
 *
 * The next file is made beside its name and put there when it is whole; until then the recording is where it was.
 * Whatever dies in between, the file of the highest number is the one to go on with.
 */
#include "writer.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "carry.h"
#include "new_file.h"
#include "sql/base/error.h"

#define READER_PATIENCE_MS 100u

#define LIVE "(SELECT id FROM process_info WHERE ended_ns IS NULL)"
#define LIVE_ORIGIN "(SELECT id FROM origin WHERE process IN " LIVE ")"
#define LIVE_BLOCK "SELECT key, origin FROM held WHERE end_key IS NULL AND origin IN " LIVE_ORIGIN
/* The last one says what is resident, although it may have ended. */
#define LIVE_CIRCULAR                                                                                                  \
	"SELECT key, origin FROM circular_buffer WHERE end_key IS NULL AND origin IN " LIVE_ORIGIN                     \
	" UNION SELECT max(c.key), c.origin FROM circular_buffer c JOIN origin o ON o.id = c.origin WHERE o.id "       \
	"IN " LIVE_ORIGIN " GROUP BY o.process, o.device"
#define LAST_RUN                                                                                                       \
	"SELECT max(r.key) AS key FROM program_run r JOIN origin o ON o.id = r.origin WHERE o.id IN " LIVE_ORIGIN      \
	" GROUP BY o.process, o.device"
/* What is carried over and has a step: that of its begin. */
#define IN_A_STEP                                                                                                      \
	"SELECT b.key, o.process FROM (" LIVE_BLOCK " UNION " LIVE_CIRCULAR ") b JOIN origin o ON o.id = b.origin "    \
	"UNION SELECT key, process FROM range_open WHERE process IN " LIVE
#define STEPS                                                                                                          \
	"SELECT max(key) AS key FROM step_mark WHERE process IN " LIVE " GROUP BY process UNION "                      \
	"SELECT (SELECT s.key FROM step_mark s WHERE s.process = k.process AND s.key < k.key ORDER BY s.key DESC "     \
	"LIMIT 1) FROM (" IN_A_STEP ") k"
/* Their batches say whose keys these are. */
#define KEYS                                                                                                           \
	"SELECT key FROM (" LIVE_BLOCK ") UNION SELECT key FROM (" LIVE_CIRCULAR ") UNION SELECT key FROM (" LAST_RUN  \
	") UNION SELECT key FROM (" STEPS ") UNION SELECT key FROM range_open WHERE process IN " LIVE
#define OPEN_WHAT "SELECT what FROM range_open WHERE process IN " LIVE

/* Processes that had ended before this file are not carried further. */
#define ENDED_HERE "ended_ns IS NOT NULL AND id NOT IN (SELECT process FROM carried_process WHERE had_ended)"

static const struct carried live[] = {
    {.table = "recording_info",
     .rows =
         "SELECT id, uuid, version, start_realtime_ns, start_monotonic_ns, boot_id, host, user, command, directory, "
         "socket, end_ns, NULL AS ended FROM recording_info"},
    {.table = "recording_job", .rows = "SELECT * FROM recording_job"},
    {.table = "job_size", .rows = "SELECT * FROM job_size"},
    {.table = "recording_file",
     .rows = "SELECT 1 AS id, coalesce(f.number, 0) + 1 AS number, :begin_ns AS begin_ns, :begin_key AS begin_key, "
             "f.devices AS devices, "
             "max(coalesce(last_process, 0), coalesce((SELECT max(id) FROM process_info), 0)) AS last_process, "
             "max(coalesce(last_thread, 0), coalesce((SELECT max(id) FROM thread_info), 0)) AS last_thread, "
             "max(coalesce(last_origin, 0), coalesce((SELECT max(id) FROM origin), 0)) AS last_origin, "
             "max(coalesce(last_text, 0), coalesce((SELECT max(id) FROM operation_text), 0)) AS last_text, "
             "max(coalesce(last_list, 0), coalesce((SELECT max(id) FROM tensor_list), 0)) AS last_list, "
             "max(coalesce(last_what, 0), coalesce((SELECT max(id) FROM range_what), 0)) AS last_what "
             "FROM recording_info LEFT JOIN recording_file f"},
    {.table = "carried_process",
     .rows =
         "SELECT p.id AS process, max(coalesce((SELECT operations FROM carried_process c WHERE c.process = p.id), 0), "
         "coalesce((SELECT max(first_number + count - 1) FROM range_page r WHERE r.process = p.id), 0), "
         "coalesce((SELECT max(number) FROM range_open r WHERE r.process = p.id), 0)) AS operations, "
         "ended_ns IS NOT NULL AS had_ended FROM process_info p WHERE ended_ns IS NULL OR " ENDED_HERE},
    /* what ended shortly before is known again when its segment is met again after a kill */
    {.table = "process_info",
     .rows =
         "SELECT id, pid, start_time, parent, segment_id, segment_path, producer, executable, command, joined_ns, "
         "ended_ns, ended, iif(first_number IS NULL, NULL, committed_number + 1) AS first_number, committed_number, "
         "0 AS events, 0 AS failures, iif(ended_ns IS NULL, lost, 0) AS lost, 0 AS unmatched_frees, "
         "0 AS inherited_frees, 0 AS replaced FROM process_info WHERE ended_ns IS NULL OR " ENDED_HERE},
    {.table = "process_user",
     .rows = "SELECT * FROM process_user WHERE process IN (SELECT id FROM process_info WHERE "
             "ended_ns IS NULL OR " ENDED_HERE ")"},
    {.table = "clock_anchor", .rows = "SELECT * FROM clock_anchor ORDER BY ticks DESC LIMIT 4096"},
    {.table = "thread_info", .rows = "SELECT * FROM thread_info WHERE process IN " LIVE},
    {.table = "label_info", .rows = "SELECT * FROM label_info"},
    {.table = "module_info", .rows = "SELECT * FROM module_info"},
    {.table = "frame_info", .rows = "SELECT * FROM frame_info"},
    {.table = "symbol_info", .rows = "SELECT * FROM symbol_info"},
    {.table = "stack_info", .rows = "SELECT * FROM stack_info"},
    {.table = "origin", .rows = "SELECT * FROM origin WHERE process IN " LIVE},
    {.table = "origin_allocator", .rows = "SELECT * FROM origin_allocator WHERE origin IN " LIVE_ORIGIN},
    {.table = "origin_tensor", .rows = "SELECT * FROM origin_tensor WHERE origin IN " LIVE_ORIGIN},
    {.table = "tensor_spec", .rows = "SELECT * FROM tensor_spec"},
    {.table = "range_what", .rows = "SELECT * FROM range_what WHERE id IN (" OPEN_WHAT ")"},
    {.table = "operation_text",
     .rows = "SELECT * FROM operation_text WHERE id IN (SELECT name FROM range_what WHERE id IN (" OPEN_WHAT
             ") UNION SELECT arguments FROM range_what WHERE id IN (" OPEN_WHAT "))"},
    {.table = "tensor_list",
     .rows = "SELECT * FROM tensor_list WHERE id IN (SELECT tensors FROM range_what WHERE id IN (" OPEN_WHAT "))"},
    {.table = "range_open", .rows = "SELECT * FROM range_open WHERE process IN " LIVE},
    {.table = "step_mark", .rows = "SELECT * FROM step_mark WHERE key IN (" STEPS ")"},
    {.table = "device_mark", .rows = "SELECT * FROM device_mark WHERE process IN " LIVE},
    /* and what each chip is called, whoever said so */
    {.table = "device_identity",
     .rows = "SELECT * FROM device_identity WHERE process IN " LIVE " OR key IN (SELECT max(key) FROM device_identity "
             "GROUP BY device, chip, number, visible)"},
    {.table = "device_cores",
     .rows = "SELECT * FROM device_cores WHERE key IN (SELECT key FROM device_identity WHERE process IN " LIVE ")"},
    {.table = "held", .rows = "SELECT * FROM held WHERE key IN (SELECT key FROM (" LIVE_BLOCK "))"},
    {.table = "circular_buffer",
     .rows = "SELECT * FROM circular_buffer WHERE key IN (SELECT key FROM (" LIVE_CIRCULAR "))"},
    {.table = "circular_count",
     .rows = "SELECT * FROM circular_count WHERE key IN (SELECT key FROM (" LIVE_CIRCULAR "))"},
    {.table = "program_run", .rows = "SELECT * FROM program_run WHERE key IN (" LAST_RUN ")"},
    {.table = "kernel_info", .rows = "SELECT * FROM kernel_info WHERE key IN (SELECT key FROM (" LIVE_BLOCK "))"},
    {.table = "process_note", .rows = "SELECT * FROM process_note WHERE process IN " LIVE},
    {.table = "loss_row",
     .rows = "SELECT -row_number() OVER (ORDER BY min(id)) AS id, process, NULL AS thread, min(from_ns) AS from_ns, "
             "max(to_ns) AS to_ns, NULL AS from_number, NULL AS to_number, "
             "iif(sum(count IS NULL), NULL, sum(count)) AS count, why FROM loss_row "
             "WHERE process IN " LIVE
             " OR process NOT IN (SELECT id FROM process_info) GROUP BY process, why, count IS NULL"},
    {.table = "crosscheck_row", .rows = "SELECT * FROM crosscheck_row WHERE process IN " LIVE},
    {.table = "batch",
     .rows = "SELECT * FROM batch WHERE first_key IN (SELECT max(first_key) FROM batch WHERE process IN " LIVE
             " GROUP BY process UNION SELECT (SELECT max(b.first_key) FROM batch b WHERE b.first_key <= k.key) "
             "FROM (" KEYS ") k)"},
    {.table = "process_usage",
     .rows = "SELECT process, device, region, 0 AS allocs, 0 AS frees, 0 AS allocated_bytes, live_bytes, "
             "live_bank_bytes, live_blocks, live_bytes AS peak_bytes, iif(live_bytes, :begin_ns, NULL) AS peak_ns, "
             "iif(live_bytes, :begin_key, NULL) AS peak_key, live_blocks AS peak_blocks, "
             "live_bank_bytes AS peak_bank_bytes, iif(live_bank_bytes, :begin_ns, NULL) AS peak_bank_ns "
             "FROM process_usage WHERE process IN " LIVE},
    /* whose spans are made of what is there */
    {.table = "region_usage", .rows = "SELECT device, region, 0 AS dirty_ns FROM region_usage"},
};

/* Fills the file that NEXT has open. A SQLite code; of which database it is an error says *WHERE. */
static int fill_next(struct writer *writer, struct writer *next, const struct file_begin *begin, sqlite3 **where)
{
	const struct carry_value values[] = {
	    {":begin_ns", (int64_t)begin->at_ns}, {":begin_key", begin->key}, {.name = NULL}};
	int code = write_make_tables(next);

	*where = next->db;
	if (code == SQLITE_OK)
		code = carry(writer->db, next->db, live, sizeof(live) / sizeof(*live), values, where);
	if (code != SQLITE_OK)
		return code;
	*where = next->db;
	return write_exec(next, "COMMIT");
}

/* Makes the file at PATH, with all that goes on in it. Whatever fails may work later: the present file is as it was. */
static enum write_result make_next(struct writer *writer, const char *path, const struct file_begin *begin,
                                   struct sql_error *error)
{
	struct writer *next = NULL;
	int code = SQLITE_CANTOPEN;
	sqlite3 *where;

	if (write_make_file(path, error) == 0 && write_open(path, &next, error) == 0) {
		code = fill_next(writer, next, begin, &where);
		if (code != SQLITE_OK)
			write_failed_with(where == writer->db ? writer : next, code, error);
	}
	writer_close(next);
	return code == SQLITE_OK ? WRITE_DONE : WRITE_LATER;
}

static enum write_result put_in_place(const char *made, const char *path, struct writer **next, struct sql_error *error)
{
	struct writer_identity ignored;

	if (new_file_put_in_place(made, path, false, error) < 0)
		return WRITE_LATER;
	if (writer_reopen(path, next, &ignored, error) == 0)
		return WRITE_DONE;
	unlink(path);
	return WRITE_LATER;
}

enum write_result writer_next_file(struct writer **writer, const char *path, const struct file_begin *begin,
                                   struct sql_error *error)
{
	char made[PATH_MAX + 8];
	struct writer *old = *writer, *next = NULL;
	enum write_result result;
	struct sql_error ignored;

	snprintf(made, sizeof(made), "%s-new", path);
	unlink(made); /* of a recorder that was killed */
	result = make_next(old, made, begin, error);
	if (result == WRITE_DONE)
		result = write_end(old, begin->at_ns, "rotated", error);
	if (result == WRITE_DONE)
		result = put_in_place(made, path, &next, error);
	unlink(made);
	if (result != WRITE_DONE)
		return result;
	writer_finish(old, begin->at_ns, "rotated", READER_PATIENCE_MS, &ignored);
	writer_close(old);
	*writer = next;
	return WRITE_DONE;
}

int64_t writer_file_bytes(struct writer *writer)
{
	int64_t pages = 0;
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(writer->db, "PRAGMA page_count", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		pages = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return pages * writer->page_bytes;
}
