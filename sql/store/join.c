/* SPDX-License-Identifier: Apache-2.0
 *
 * join.c - see join.h. Keys, ids and times go on from file to file, so that rows are put beside each other as they are.
 * What was carried over from one to the next is there twice: the later row knows how it ended.
 */
#include "join.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "carry.h"
#include "file_of.h"
#include "open.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "writer.h"

struct part {
	char *path;
	struct file_of of;
};

struct parts {
	struct part *list;
	size_t count, capacity;
};

/* Blocks and ranges that are live at the end of a file are in the next one, too. */
#define ENDED_PROCESS "(SELECT id FROM main.process_info WHERE ended_ns IS NOT NULL)"

#define SAME(name)                                                                                                     \
	{                                                                                                              \
		.table = #name, .rows = "SELECT * FROM " #name                                                         \
	}

static const struct carried rows[] = {
    {.table = "recording_info",
     .rows = "SELECT * FROM main.recording_info",
     .conflict = "ON CONFLICT DO UPDATE SET end_ns = max(end_ns, excluded.end_ns), ended = excluded.ended"},
    SAME(recording_job),
    SAME(share_info),
    SAME(part),
    SAME(process_part),
    SAME(job_size),
    {.table = "recording_file", .rows = "SELECT * FROM recording_file WHERE :is_first"},
    {.table = "carried_process", .rows = "SELECT * FROM carried_process WHERE :is_first"},
    {.table = "process_info",
     .rows = "SELECT * FROM main.process_info WHERE id NOT IN (SELECT process FROM carried_process WHERE had_ended)",
     .conflict = "ON CONFLICT DO UPDATE SET segment_path = excluded.segment_path, parent = excluded.parent, "
                 "producer = excluded.producer, ended_ns = excluded.ended_ns, ended = excluded.ended, "
                 "first_number = coalesce(first_number, excluded.first_number), "
                 "committed_number = excluded.committed_number, events = events + excluded.events, "
                 "failures = failures + excluded.failures, lost = excluded.lost, "
                 "unmatched_frees = unmatched_frees + excluded.unmatched_frees, "
                 "inherited_frees = inherited_frees + excluded.inherited_frees, "
                 "replaced = replaced + excluded.replaced"},
    SAME(process_user),
    SAME(clock_anchor),
    SAME(thread_info),
    SAME(label_info),
    {.table = "module_info",
     .rows = "SELECT * FROM module_info",
     .conflict = "ON CONFLICT DO UPDATE SET symbols = coalesce(excluded.symbols, symbols)"},
    SAME(frame_info),
    {.table = "symbol_info",
     .rows = "SELECT * FROM symbol_info",
     .conflict = "ON CONFLICT DO UPDATE SET function = excluded.function, file = excluded.file, line = excluded.line"},
    SAME(stack_info),
    SAME(origin),
    SAME(origin_allocator),
    SAME(origin_tensor),
    SAME(tensor_spec),
    SAME(range_what),
    SAME(operation_text),
    SAME(tensor_list),
    SAME(range_page),
    {.table = "range_open", .rows = "SELECT * FROM range_open WHERE :is_last OR process IN " ENDED_PROCESS},
    SAME(step_mark),
    SAME(snapshot_mark),
    SAME(device_mark),
    SAME(device_identity),
    SAME(device_cores),
    SAME(freed),
    {.table = "held",
     .rows = "SELECT * FROM main.held WHERE :is_last OR end_key IS NOT NULL OR origin IN "
             "(SELECT id FROM main.origin WHERE process IN " ENDED_PROCESS ")"},
    {.table = "circular_buffer",
     .rows = "SELECT * FROM main.circular_buffer",
     .conflict = "ON CONFLICT DO UPDATE SET end_key = excluded.end_key, end_ns = excluded.end_ns, "
                 "ended = excluded.ended"},
    SAME(circular_count),
    SAME(program_run),
    SAME(kernel_info),
    SAME(failure_info),
    SAME(other_event),
    {.table = "process_note",
     .rows = "SELECT * FROM process_note",
     .conflict = "ON CONFLICT DO UPDATE SET count = excluded.count"},
    {.table = "loss_row",
     .rows = "SELECT process, thread, from_ns, to_ns, from_number, to_number, count, why FROM main.loss_row "
             "WHERE :is_first OR id >= 0 ORDER BY id"},
    {.table = "crosscheck_row",
     .rows = "SELECT * FROM crosscheck_row",
     .conflict =
         "ON CONFLICT DO UPDATE SET checks = excluded.checks, last_ns = excluded.last_ns, "
         "differences = excluded.differences, at_ns = excluded.at_ns, said_bank_bytes = excluded.said_bank_bytes, "
         "recorded_bank_bytes = excluded.recorded_bank_bytes, said_blocks = excluded.said_blocks, "
         "recorded_blocks = excluded.recorded_blocks"},
    SAME(batch),
    {.table = "process_usage",
     .rows = "SELECT * FROM main.process_usage",
     .conflict =
         "ON CONFLICT DO UPDATE SET allocs = allocs + excluded.allocs, frees = frees + excluded.frees, "
         "allocated_bytes = allocated_bytes + excluded.allocated_bytes, live_bytes = excluded.live_bytes, "
         "live_bank_bytes = excluded.live_bank_bytes, live_blocks = excluded.live_blocks, "
         "peak_ns = iif(excluded.peak_bytes > peak_bytes OR peak_ns IS NULL, excluded.peak_ns, peak_ns), "
         "peak_key = iif(excluded.peak_bytes > peak_bytes OR peak_ns IS NULL, excluded.peak_key, peak_key), "
         "peak_blocks = iif(excluded.peak_bytes > peak_bytes OR peak_ns IS NULL, excluded.peak_blocks, peak_blocks), "
         "peak_bytes = max(excluded.peak_bytes, peak_bytes), peak_bank_ns = iif(excluded.peak_bank_bytes > "
         "peak_bank_bytes OR peak_bank_ns IS NULL, excluded.peak_bank_ns, peak_bank_ns), "
         "peak_bank_bytes = max(excluded.peak_bank_bytes, peak_bank_bytes)"},
    /* spans are not put together: answers are computed from the blocks */
    {.table = "region_usage", .rows = "SELECT device, region, 0 AS dirty_ns FROM main.region_usage"},
};

/* ---- which files ---- */

static int add_part(struct parts *parts, const char *path, struct sql_error *error)
{
	struct part part = {.path = strdup(path)};

	if (!part.path || array_reserve(&parts->list, &parts->capacity, parts->count) < 0) {
		free(part.path);
		return sql_fail(error, "%s: out of memory", path);
	}
	parts->list[parts->count++] = part;
	return file_of(path, &parts->list[parts->count - 1].of, error);
}

static void free_parts(struct parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		free(parts->list[i].path);
	free(parts->list);
}

static bool is_recording(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && strcmp(name + length - 3, ".db") == 0;
}

static int list_directory(struct parts *parts, const char *directory, struct sql_error *error)
{
	DIR *opened = opendir(directory);
	struct dirent *entry;
	int result = 0;

	while (opened && result == 0 && (entry = readdir(opened))) {
		char *path;

		if (!is_recording(entry->d_name))
			continue;
		if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0)
			result = sql_fail(error, "%s: out of memory", directory);
		else {
			result = add_part(parts, path, error);
			free(path);
		}
	}
	if (opened)
		closedir(opened);
	if (result == 0 && !parts->count)
		result = sql_fail(error, "%s: a directory without a recording (*.db)", directory);
	return result;
}

static int list_names(struct parts *parts, const char *names, struct sql_error *error)
{
	static const char ands[] = {RECORDING_AND, '\0'};
	char *copy = strdup(names), *rest = copy;
	int result = copy ? 0 : sql_fail(error, "out of memory");

	for (char *name; result == 0 && (name = strsep(&rest, ands));)
		result = add_part(parts, name, error);
	free(copy);
	return result;
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t first = ((const struct part *)a)->of.number, second = ((const struct part *)b)->of.number;

	return (first > second) - (first < second);
}

/* That they are one recording's, one behind the other. */
static int check_parts(const struct parts *parts, struct sql_error *error)
{
	for (size_t i = 1; i < parts->count; i++) {
		const struct part *before = &parts->list[i - 1], *part = &parts->list[i];

		if (strcmp(part->of.uuid, before->of.uuid) != 0)
			return sql_fail(error,
			                "%.200s and %.200s are files of two recordings: name those of one, or put them "
			                "together with 'ttalloc-analyze merge'",
			                before->path, part->path);
		if (part->of.number == before->of.number)
			return sql_fail(error, "%.200s and %.200s are the same file of a recording, number %" PRId64,
			                before->path, part->path, part->of.number);
		if (part->of.number != before->of.number + 1)
			return sql_fail(error,
			                "between %.200s and %.200s files %" PRId64 " to %" PRId64
			                " of the recording are missing: name those before, or those after",
			                before->path, part->path, before->of.number + 1, part->of.number - 1);
	}
	return 0;
}

/* ---- putting them together ---- */

static int add_rows(struct writer *writer, const struct parts *parts, size_t at, struct sql_error *error)
{
	const struct carry_value values[] = {
	    {":is_first", at == 0}, {":is_last", at + 1 == parts->count}, {.name = NULL}};
	struct recording *from = recording_open(parts->list[at].path, error);
	sqlite3 *where;
	int result = from ? 0 : -1;

	if (result == 0 && recording_begin(from, error) < 0)
		result = -1;
	if (result == 0 && carry(from->db, writer->db, rows, sizeof(rows) / sizeof(*rows), values, &where) != SQLITE_OK)
		result = sql_fail_db(error, where == from->db ? from->path : writer->path, where);
	recording_close(from);
	return result;
}

static int fill(const char *path, const struct parts *parts, struct sql_error *error)
{
	struct writer *writer = NULL;
	int result = write_open(path, &writer, error);

	if (result == 0 && (write_exec(writer, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") != SQLITE_OK ||
	                    write_make_tables(writer) != SQLITE_OK))
		result = sql_fail_db(error, path, writer->db);
	for (size_t i = 0; result == 0 && i < parts->count; i++)
		result = add_rows(writer, parts, i, error);
	if (result == 0 && write_exec(writer, "COMMIT") != SQLITE_OK)
		result = sql_fail_db(error, path, writer->db);
	writer_close(writer);
	return result;
}

static char *make_temporary(struct sql_error *error)
{
	const char *directory = getenv("TMPDIR");
	char *path;
	int file;

	if (asprintf(&path, "%s/ttalloc-XXXXXX", directory && *directory ? directory : "/tmp") < 0) {
		sql_fail(error, "out of memory");
		return NULL;
	}
	file = mkostemp(path, O_CLOEXEC);
	if (file >= 0) {
		close(file);
		return path;
	}
	sql_fail(error, "%s: cannot be made: %s; set TMPDIR to where there is room", path, strerror(errno));
	free(path);
	return NULL;
}

char *join_files(const char *names, struct sql_error *error)
{
	struct parts parts = {.count = 0};
	char *path = NULL;
	int result =
	    strchr(names, RECORDING_AND) ? list_names(&parts, names, error) : list_directory(&parts, names, error);

	if (result == 0 && parts.count > 1) {
		qsort(parts.list, parts.count, sizeof(*parts.list), compare_numbers);
		result = check_parts(&parts, error);
		if (result < 0 && !strchr(names, RECORDING_AND))
			result = sql_fail(
			    error, "%s: a directory with more than the files of one recording: name those", names);
	}
	if (result == 0)
		path = make_temporary(error);
	if (path && fill(path, &parts, error) < 0) {
		unlink(path);
		free(path);
		path = NULL;
	}
	free_parts(&parts);
	return path;
}
