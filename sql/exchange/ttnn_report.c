/* SPDX-License-Identifier: Apache-2.0
 *
 * ttnn_report.c - see ttnn_report.h: the file, operations, tensors, devices and errors. The viewer reads columns by
 * their names and wants every table to be there.
 */
#include "ttnn_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "ttnn_private.h"

#define OPERATIONS_MOST 2000000

static const char tables[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;"
    "CREATE TABLE report_metadata(key TEXT PRIMARY KEY, value TEXT);"
    "CREATE TABLE devices(device_id INTEGER, num_y_cores INTEGER, num_x_cores INTEGER, num_y_compute_cores INTEGER, "
    "num_x_compute_cores INTEGER, worker_l1_size INTEGER, l1_num_banks INTEGER, l1_bank_size INTEGER, "
    "address_at_first_l1_bank INTEGER, address_at_first_l1_cb_buffer INTEGER, num_banks_per_storage_core INTEGER, "
    "num_compute_cores INTEGER, num_storage_cores INTEGER, total_l1_memory INTEGER, total_l1_for_tensors INTEGER, "
    "total_l1_for_interleaved_buffers INTEGER, total_l1_for_sharded_buffers INTEGER, cb_limit INTEGER, rank INTEGER);"
    "CREATE TABLE operations(operation_id INTEGER PRIMARY KEY, name TEXT, duration REAL, rank INTEGER);"
    "CREATE TABLE operation_arguments(operation_id INTEGER, name TEXT, value TEXT, rank INTEGER);"
    "CREATE TABLE stack_traces(operation_id INTEGER, stack_trace TEXT, source_file_id INTEGER, rank INTEGER);"
    "CREATE TABLE source_files(id INTEGER PRIMARY KEY, path TEXT UNIQUE, contents TEXT);"
    "CREATE TABLE tensors(tensor_id INTEGER PRIMARY KEY, shape TEXT, dtype TEXT, layout TEXT, memory_config TEXT, "
    "device_id "
    "INTEGER, address INTEGER, buffer_type INTEGER, storage_type TEXT, size INTEGER, rank INTEGER);"
    "CREATE TABLE input_tensors(operation_id INTEGER, input_index INTEGER, tensor_id INTEGER, rank INTEGER);"
    "CREATE TABLE output_tensors(operation_id INTEGER, output_index INTEGER, tensor_id INTEGER, rank INTEGER);"
    "CREATE TABLE buffers(operation_id INTEGER, device_id INTEGER, address INTEGER, max_size_per_bank INTEGER, "
    "buffer_type "
    "INTEGER, buffer_layout INTEGER, rank INTEGER);"
    "CREATE TABLE captured_graph(operation_id INTEGER, captured_graph TEXT, rank INTEGER);"
    "CREATE TABLE errors(operation_id INTEGER, operation_name TEXT, error_type TEXT, error_message TEXT, stack_trace "
    "TEXT, "
    "timestamp TEXT, rank INTEGER);"
    "CREATE TABLE local_tensor_comparison_records(tensor_id INTEGER, golden_tensor_id INTEGER, matches INTEGER, "
    "desired_pcc "
    "REAL, actual_pcc REAL);"
    "CREATE TABLE global_tensor_comparison_records(tensor_id INTEGER, golden_tensor_id INTEGER, matches INTEGER, "
    "desired_pcc REAL, actual_pcc REAL);"
    "INSERT INTO report_metadata VALUES('schema_version', '3.5');";

sqlite3_stmt *ttnn_prepare(struct ttnn_report *report, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(report->out, sql, -1, &statement, NULL) != SQLITE_OK)
		sql_fail_db(report->error, report->path, report->out);
	return statement;
}

int ttnn_insert(struct ttnn_report *report, sqlite3_stmt *insert)
{
	int code = sqlite3_step(insert);

	sqlite3_reset(insert);
	return code == SQLITE_DONE ? 0 : sql_fail_db(report->error, report->path, report->out);
}

/* Puts the rows of SELECT, which is asked of the recording, into the report, column by column. */
static int copy_rows(struct ttnn_report *report, const char *select, const char *insert_sql)
{
	sqlite3_stmt *rows = recording_prepare(report->recording, select, report->error);
	sqlite3_stmt *insert = rows ? ttnn_prepare(report, insert_sql) : NULL;
	int state = insert ? 1 : -1;

	while (state == 1 && (state = recording_step(report->recording, rows, report->error)) == 1) {
		for (int i = 0; i < sqlite3_bind_parameter_count(insert); i++)
			sqlite3_bind_value(insert, i + 1, sqlite3_column_value(rows, i));
		if (ttnn_insert(report, insert) < 0)
			state = -1;
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(insert);
	return state;
}

/* ---- operations ---- */

/* Columns: process, keys of begin and end, name, seconds, arguments, stack, step. */
static const char *const sources[] = {
    "SELECT r.process, r.key, coalesce(r.end_key, 9223372036854775807), (SELECT text FROM operation_text WHERE id = "
    "w.name), "
    "(coalesce(r.end_ns, (SELECT end_ns FROM recording_info)) - r.begin_ns) / 1e9, "
    "(SELECT text FROM operation_text WHERE id = w.arguments), w.stack, (SELECT s.number FROM step_mark s WHERE "
    "s.process = "
    "r.process AND s.key < r.key ORDER BY s.key DESC LIMIT 1) FROM range_row r JOIN range_what w ON w.id = r.what "
    "WHERE r.number IS NOT NULL AND w.around IS NULL ORDER BY r.process, r.key",
    "SELECT r.process, r.key, coalesce(r.end_key, 9223372036854775807), (SELECT path FROM label_info WHERE id = "
    "w.label), "
    "(coalesce(r.end_ns, (SELECT end_ns FROM recording_info)) - r.begin_ns) / 1e9, NULL, w.stack, (SELECT s.number "
    "FROM "
    "step_mark s WHERE s.process = r.process AND s.key < r.key ORDER BY s.key DESC LIMIT 1) FROM range_row r JOIN "
    "range_what w "
    "ON w.id = r.what WHERE r.number IS NULL ORDER BY r.process, r.key",
    "SELECT process, key, lead(key, 1, 9223372036854775807) OVER later, 'step ' || number, (lead(at_ns, 1, (SELECT "
    "end_ns "
    "FROM recording_info)) OVER later - at_ns) / 1e9, NULL, NULL, number FROM step_mark WINDOW later AS (PARTITION BY "
    "process ORDER BY key) ORDER BY process, key",
};

struct operation_writer {
	sqlite3_stmt *operation, *argument;
	sqlite3_stmt *stack, *file, *trace; /* stack: of the recording */
	size_t capacity;
	int64_t process, rank;
};

/* The Python code that began OPERATION, as Python would say it; STACK is NULL or its id. */
static int put_trace(struct ttnn_report *report, struct operation_writer *writer,
                     const struct ttnn_operation *operation, sqlite3_value *stack)
{
	char *text = NULL;
	size_t bytes;
	FILE *out;
	int state;

	if (sqlite3_value_type(stack) == SQLITE_NULL)
		return 0;
	out = memory_or_die(open_memstream(&text, &bytes));
	sqlite3_reset(writer->stack);
	sqlite3_bind_value(writer->stack, 1, stack);
	sqlite3_bind_null(writer->trace, 3);
	while ((state = recording_step(report->recording, writer->stack, report->error)) == 1) {
		const char *file = (const char *)sqlite3_column_text(writer->stack, 0);
		const char *function = (const char *)sqlite3_column_text(writer->stack, 2);

		fprintf(out, "  File \"%s\", line %d, in %s\n", file ? file : "", sqlite3_column_int(writer->stack, 1),
		        function ? function : "");
		sqlite3_bind_text(writer->file, 1, file, -1, SQLITE_TRANSIENT);
		if (sqlite3_step(writer->file) == SQLITE_ROW) /* the innermost stays */
			sqlite3_bind_int64(writer->trace, 3, sqlite3_column_int64(writer->file, 0));
		sqlite3_reset(writer->file);
	}
	fclose(out);
	memory_or_die(text);
	if (state == 0 && bytes) {
		sqlite3_bind_int64(writer->trace, 1, operation->id);
		sqlite3_bind_text(writer->trace, 2, text, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(writer->trace, 4, operation->rank);
		state = ttnn_insert(report, writer->trace);
	}
	free(text);
	return state;
}

static int put_operation(struct ttnn_report *report, struct operation_writer *writer, sqlite3_stmt *row)
{
	int64_t process = sqlite3_column_int64(row, 0);
	struct ttnn_operation *operation;

	if (report->operation_count == OPERATIONS_MOST)
		return sql_fail(report->error, "%s: more than %d operations; choose steps with --step N..M",
		                recording_path(report->recording), OPERATIONS_MOST);
	if (process != writer->process)
		writer->rank++;
	writer->process = process;
	report->operations =
	    memory_room(report->operations, report->operation_count, &writer->capacity, sizeof(*report->operations));
	operation = &report->operations[report->operation_count++];
	*operation = (struct ttnn_operation){.process = process,
	                                     .begin_key = sqlite3_column_int64(row, 1),
	                                     .end_key = sqlite3_column_int64(row, 2),
	                                     .rank = writer->rank,
	                                     .id = (int64_t)report->operation_count};
	sqlite3_bind_int64(writer->operation, 1, operation->id);
	sqlite3_bind_value(writer->operation, 2, sqlite3_column_value(row, 3));
	sqlite3_bind_value(writer->operation, 3, sqlite3_column_value(row, 4));
	sqlite3_bind_int64(writer->operation, 4, operation->rank);
	if (ttnn_insert(report, writer->operation) < 0)
		return -1;
	if (sqlite3_column_type(row, 5) != SQLITE_NULL) {
		sqlite3_bind_int64(writer->argument, 1, operation->id);
		sqlite3_bind_value(writer->argument, 2, sqlite3_column_value(row, 5));
		sqlite3_bind_int64(writer->argument, 3, operation->rank);
		if (ttnn_insert(report, writer->argument) < 0)
			return -1;
	}
	return put_trace(report, writer, operation, sqlite3_column_value(row, 6));
}

static int put_source(struct ttnn_report *report, struct operation_writer *writer, const char *source,
                      const struct ttnn_report_options *options)
{
	bool all = options->step_first == INT64_MIN && options->step_last == INT64_MAX;
	sqlite3_stmt *rows = recording_prepare(report->recording, source, report->error);
	int state = rows ? 1 : -1;

	while (state == 1 && (state = recording_step(report->recording, rows, report->error)) == 1) {
		int64_t step = sqlite3_column_int64(rows, 7);

		if (!all && (sqlite3_column_type(rows, 7) == SQLITE_NULL || step < options->step_first ||
		             step > options->step_last))
			continue;
		if (put_operation(report, writer, rows) < 0)
			state = -1;
	}
	sqlite3_finalize(rows);
	return state;
}

static int put_operations(struct ttnn_report *report, const struct ttnn_report_options *options)
{
	struct operation_writer writer = {.rank = -1, .process = -1};
	int result = 0;

	writer.operation = ttnn_prepare(report, "INSERT INTO operations VALUES(?1, ?2, ?3, ?4)");
	writer.argument = ttnn_prepare(report, "INSERT INTO operation_arguments VALUES(?1, 'arguments', ?2, ?3)");
	writer.file = ttnn_prepare(report, "INSERT INTO source_files(path) VALUES(?1) ON CONFLICT DO UPDATE SET path = "
	                                   "excluded.path RETURNING id");
	writer.trace = ttnn_prepare(report, "INSERT INTO stack_traces VALUES(?1, ?2, ?3, ?4)");
	writer.stack = recording_prepare(report->recording,
	                                 "SELECT file, line, function FROM stack WHERE stack_id = ?1 AND language = "
	                                 "'python' ORDER BY depth DESC",
	                                 report->error);
	if (!writer.operation || !writer.argument || !writer.file || !writer.trace || !writer.stack)
		result = -1;
	for (size_t i = 0; result == 0 && !report->operation_count && i < sizeof(sources) / sizeof(*sources); i++)
		result = put_source(report, &writer, sources[i], options);
	sqlite3_finalize(writer.operation);
	sqlite3_finalize(writer.argument);
	sqlite3_finalize(writer.file);
	sqlite3_finalize(writer.trace);
	sqlite3_finalize(writer.stack);
	if (result == 0 && !report->operation_count)
		return sql_fail(
		    report->error,
		    "%s: no operations, labels or steps in it%s; record ttnn operations without --no-ops, or "
		    "steps with --auto-step or ttalloc_step()",
		    recording_path(report->recording),
		    options->step_first == INT64_MIN ? "" : " that began in those steps");
	return result;
}

/* The operation of PROCESS that was under way at KEY, or the last one before it. NULL: there is none. */
static const struct ttnn_operation *operation_at(const struct ttnn_report *report, int64_t process, int64_t key)
{
	size_t low = 0, high = report->operation_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct ttnn_operation *operation = &report->operations[middle];
		bool before =
		    operation->process < process || (operation->process == process && operation->begin_key <= key);

		if (before)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || report->operations[low - 1].process != process)
		return NULL;
	return &report->operations[low - 1];
}

/* ---- tensors ---- */

/* Columns: process, operation, output, position, tensor. */
static int put_tensor_uses(struct ttnn_report *report)
{
	sqlite3_stmt *rows = recording_prepare(report->recording,
	                                       "SELECT r.process, t.operation_id, t.output, t.position, "
	                                       "t.allocation_id FROM operation_tensor t JOIN range_row r ON "
	                                       "r.key = t.operation_id ORDER BY t.operation_id, t.output, t.position",
	                                       report->error);
	sqlite3_stmt *insert[2] = {ttnn_prepare(report, "INSERT INTO input_tensors VALUES(?1, ?2, ?3, ?4)"),
	                           ttnn_prepare(report, "INSERT INTO output_tensors VALUES(?1, ?2, ?3, ?4)")};
	int state = rows && insert[0] && insert[1] ? 1 : -1;

	while (state == 1 && (state = recording_step(report->recording, rows, report->error)) == 1) {
		const struct ttnn_operation *operation =
		    operation_at(report, sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1));
		sqlite3_stmt *into = insert[sqlite3_column_int(rows, 2) != 0];

		/* those of operations within others are theirs */
		if (!operation || operation->begin_key != sqlite3_column_int64(rows, 1))
			continue;
		sqlite3_bind_int64(into, 1, operation->id);
		sqlite3_bind_value(into, 2, sqlite3_column_value(rows, 3));
		sqlite3_bind_value(into, 3, sqlite3_column_value(rows, 4));
		sqlite3_bind_int64(into, 4, operation->rank);
		if (ttnn_insert(report, into) < 0)
			state = -1;
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(insert[0]);
	sqlite3_finalize(insert[1]);
	return state;
}

static int put_tensors(struct ttnn_report *report)
{
	static const char select[] = "SELECT allocation_id, 'Shape([' || replace(shape, 'x', ', ') || '])', "
	                             "'DataType::' || upper(dtype), 'Layout::' || "
	                             "layout, 'MemoryConfig(memory_layout=TensorMemoryLayout::' || "
	                             "upper(replace(memory, ' ', '_')) || ',buffer_type="
	                             "BufferType::' || region || ',shard_spec=std::nullopt)', device, address, CASE "
	                             "region WHEN 'DRAM' THEN 0 WHEN 'L1' "
	                             "THEN 1 WHEN 'SYSTEM_MEMORY' THEN 2 WHEN 'L1_SMALL' THEN 3 WHEN 'TRACE' THEN 4 "
	                             "END, 'DEVICE', size_bytes, 0 FROM "
	                             "tensor";
	char *message = NULL;

	if (put_tensor_uses(report) < 0 ||
	    copy_rows(report, select, "INSERT INTO tensors VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)") < 0)
		return -1;
	sqlite3_exec(
	    report->out,
	    "CREATE TEMP TABLE used AS SELECT tensor_id, rank FROM input_tensors UNION SELECT tensor_id, rank FROM "
	    "output_tensors; CREATE UNIQUE INDEX used_once ON used(tensor_id, rank); DELETE FROM tensors WHERE "
	    "tensor_id NOT IN (SELECT tensor_id FROM used); UPDATE tensors SET rank = (SELECT u.rank FROM used u WHERE "
	    "u.tensor_id = tensors.tensor_id)",
	    NULL, NULL, &message);
	if (!message)
		return 0;
	sqlite3_free(message);
	return sql_fail_db(report->error, report->path, report->out);
}

/* ---- the rest ---- */

/* Columns: process, key, type, message, time. */
static int put_errors(struct ttnn_report *report)
{
	sqlite3_stmt *rows = recording_prepare(report->recording,
	                                       "SELECT process, event_id, 'out of ' || region, coalesce(why, 'no room "
	                                       "for ' || bank_bytes || ' bytes in each bank'), "
	                                       "strftime('%Y-%m-%dT%H:%M:%fZ', (SELECT start_realtime_ns FROM "
	                                       "recording_info) / 1e9 + at_ns / 1e9, 'unixepoch') "
	                                       "FROM failure WHERE NOT same_request",
	                                       report->error);
	sqlite3_stmt *insert = ttnn_prepare(
	    report, "INSERT INTO errors SELECT operation_id, name, ?2, ?3, coalesce((SELECT stack_trace FROM "
	            "stack_traces s WHERE "
	            "s.operation_id = o.operation_id), ''), ?4, rank FROM operations o WHERE operation_id = ?1");
	int state = rows && insert ? 1 : -1;

	while (state == 1 && (state = recording_step(report->recording, rows, report->error)) == 1) {
		const struct ttnn_operation *operation =
		    operation_at(report, sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1));

		if (!operation)
			continue;
		sqlite3_bind_int64(insert, 1, operation->id);
		for (int i = 2; i <= 4; i++)
			sqlite3_bind_value(insert, i, sqlite3_column_value(rows, i));
		if (ttnn_insert(report, insert) < 0)
			state = -1;
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(insert);
	return state;
}

/* Of the grid only the number of cores is recorded: Blackhole's has 10 rows, Wormhole's 8, or it is drawn in one. */
static int put_devices(struct ttnn_report *report)
{
	return copy_rows(
	    report,
	    "SELECT device, rows, banks / rows, base_address + bank_bytes, banks, bank_bytes, base_address, banks * "
	    "bank_bytes "
	    "FROM (SELECT *, CASE WHEN arch = 'blackhole' AND banks % 10 = 0 THEN 10 WHEN arch LIKE 'wormhole%' AND "
	    "banks % 8 = 0 "
	    "THEN 8 ELSE 1 END AS rows FROM device WHERE region = 'L1' AND banks > 0 GROUP BY device HAVING "
	    "min(at_ns))",
	    "INSERT INTO devices VALUES(?1, ?2, ?3, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1, ?5, 0, ?8, ?8, ?8, ?8, ?6, 0)");
}

static int write_tables(struct ttnn_report *report, const struct ttnn_report_options *options)
{
	if (sqlite3_exec(report->out, tables, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail_db(report->error, report->path, report->out);
	if (put_operations(report, options) < 0 || ttnn_write_buffers(report) < 0 || ttnn_write_graphs(report) < 0 ||
	    put_tensors(report) < 0 || put_errors(report) < 0 || put_devices(report) < 0)
		return -1;
	if (sqlite3_exec(report->out, "CREATE INDEX buffers_of_operation ON buffers(operation_id, rank); COMMIT", NULL,
	                 NULL, NULL) != SQLITE_OK)
		return sql_fail_db(report->error, report->path, report->out);
	return 0;
}

/* The viewer names a report by its config.json. */
static int write_config(const char *path, const char *name, struct sql_error *error)
{
	FILE *out = fopen(path, "we");
	const char *base = strrchr(name, '/');

	if (!out)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	fputs("{\"report_name\": ", out);
	base = base ? base + 1 : name;
	putc('"', out);
	for (; *base; base++)
		putc((unsigned char)*base < ' ' || strchr("\"\\", *base) ? '_' : *base, out);
	fputs("\"}\n", out);
	return fclose(out) == 0 ? 0 : sql_fail(error, "%s: %s", path, strerror(errno));
}

int ttnn_report_write(struct recording *recording, const struct ttnn_report_options *options, struct sql_error *error)
{
	struct ttnn_report report = {.recording = recording, .error = error};
	char *config = memory_get(strlen(options->directory) + sizeof("/config.json"), 1);
	int result = 0;

	strcat(strcpy(config, options->directory), "/config.json");
	report.path = memory_get(strlen(options->directory) + sizeof("/db.sqlite"), 1);
	strcat(strcpy(report.path, options->directory), "/db.sqlite");
	if (mkdir(options->directory, 0700) < 0 && errno != EEXIST)
		result = sql_fail(error, "%s: %s", options->directory, strerror(errno));
	else if (access(report.path, F_OK) == 0 && (!options->force || unlink(report.path) < 0))
		result = sql_fail(error, "%s: exists already; --force replaces it", report.path);
	if (result == 0 &&
	    sqlite3_open_v2(report.path, &report.out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	                    NULL) != SQLITE_OK)
		result = sql_fail_db(error, report.path, report.out);
	if (result == 0)
		result = recording_begin(recording, error);
	if (result == 0)
		result = write_tables(&report, options);
	sqlite3_close(report.out);
	if (result < 0 && report.out)
		unlink(report.path);
	if (result == 0)
		result = write_config(config, recording_path(recording), error);
	recording_release(recording);
	free(report.operations);
	free(report.path);
	free(config);
	return result;
}
