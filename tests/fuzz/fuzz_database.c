/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens a recording in which anybody changed anything, and asks it every built-in question. The input is patches of a
 * sound file: u32 place (modulo its size), u8 value each.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/answers/query.h"
#include "sql/merge/merge.h"
#include "sql/store/embedded.h"

#define MOST_ROWS 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64], merged_path[80];
static uint8_t *sound, *current;
static size_t sound_bytes;

static const char rows[] =
    "INSERT INTO recording_info VALUES(1, '00', '1', 0, 0, 'b', 'h', 'u', NULL, '/', 's', 5000, 'clean');"
    "INSERT INTO process_info(id, pid, start_time, segment_id, segment_path, producer, executable, command, joined_ns,"
    " ended_ns, ended, first_number, committed_number, events) VALUES(1, 9, 1, 'aa', '', 'api', 'x', 'x', 0, 4900,"
    " 'process exit', 1, 40, 40);"
    "INSERT INTO thread_info VALUES(1, 1, 1, 9, 'main');"
    "INSERT INTO label_info VALUES(1, NULL, 'a', 'a'), (2, 1, 'b', 'a/b');"
    "INSERT INTO step_mark VALUES(1, 1, 0, 5);"
    "INSERT INTO device_mark VALUES(2, 1, 0, 0, 6, 'wormhole', 12, 1048576, 4096, 32, 0);"
    "INSERT INTO origin VALUES(1, 1, 1, 2, 1, 0, 0, 0, 0, 0), (2, 1, 1, NULL, NULL, 0, 16, 2, 0, 0);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15)"
    " INSERT INTO freed SELECT 10 + 2 * i, 1, 100 * i + 50, 50, 4096 * i, 64, NULL, 1, NULL FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)"
    " INSERT INTO held SELECT 60 + i, 2000 + i, 4096 * i, 64, NULL, 1, NULL, NULL FROM n;"
    "INSERT INTO circular_buffer VALUES(80, 3000, 2, 7, 0, 256, 64, '[[0,0,1,1]]', 82, 3200, 'freed');"
    "INSERT INTO program_run VALUES(81, 3100, 2, 7);"
    "INSERT INTO failure_info VALUES(83, 3300, 1, 65536, NULL, 'full');"
    "INSERT INTO other_event VALUES(82, 3200, 5, 2, 7), (2, 6, 9, 1, 0);"
    "INSERT INTO batch VALUES(1, 83, 1, 1, 40, 5, 3300, 1);"
    "INSERT INTO process_usage VALUES(1, 0, 0, 24, 15, 1536, 576, 576, 9, 576, 2009, 69, 9, 576, 2009);"
    "INSERT INTO span VALUES(1, 0, 0, 0, 5000, 0, 0, 576, 0, 2009, 69, 9, 0, 576, 2009, 0, 0, 0, 24, 15);"
    "INSERT INTO region_usage VALUES(0, 0, NULL);"
    "INSERT INTO module_info VALUES(1, '/lib/libpython3.11.so', '00', 'found'), (2, '/bin/x', '01', 'no such file');"
    "INSERT INTO frame_info VALUES(1, 2, 64), (2, 1, 128), (3, NULL, 0);"
    "INSERT INTO symbol_info VALUES(1, 0, 'a::f<int>(long)', '/s/x.cc', 3, NULL), (1, 1, 'g(int)', NULL, NULL, NULL),"
    " (3, 0, 'forward', '/m/m.py', 9, 'python');"
    "INSERT INTO stack_info VALUES(1, x'010000000200000003000000');";

static const struct query_value by_stack = {.name = "by", .type = QUERY_CHOICE, .text = "stack"};

static void remove_file(void)
{
	unlink(path);
	unlink(merged_path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sqlite3_int64 bytes = 0;
	sqlite3 *db;
	char *why = NULL;

	(void)argc;
	(void)argv;
	int failed = sqlite3_open(":memory:", &db);

	for (int version = 0; !failed && version < SQL_SCHEMA_VERSION; version++)
		failed = sqlite3_exec(db, sql_schemas[version], NULL, NULL, &why);
	if (failed || sqlite3_exec(db, sql_views, NULL, NULL, &why) || sqlite3_exec(db, rows, NULL, NULL, &why)) {
		fprintf(stderr, "fuzz_database: %s\n", why ? why : "cannot begin");
		exit(1);
	}
	sound = sqlite3_serialize(db, "main", &bytes, 0);
	sound_bytes = (size_t)bytes;
	sqlite3_close(db);
	current = malloc(sound_bytes);
	snprintf(path, sizeof(path), "%s/ttalloc-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	close(mkstemp(path));
	snprintf(merged_path, sizeof(merged_path), "%s.merged", path);
	atexit(remove_file);
	return sound && current ? 0 : 1;
}

static void write_file(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	memcpy(current, sound, sound_bytes);
	for (size_t i = 0; i + 5 <= size; i += 5) {
		uint32_t place;

		memcpy(&place, data + i, sizeof(place));
		current[place % sound_bytes] = data[i + 4];
	}
	if (fd < 0 || write(fd, current, sound_bytes) != (ssize_t)sound_bytes)
		abort();
	close(fd);
}

/* Reads what RUN, which may have failed to start, has to say. */
static void read_all(struct query_run *run, struct sql_error *error)
{
	int result = run ? 1 : -1;

	for (int i = 0; run && i < MOST_ROWS && (result = query_next(run, error)) == 1; i++) {
		for (size_t column = 0; column < query_column_count(run); column++) {
			struct query_cell cell;

			query_cell(run, column, &cell);
			if (cell.type == CELL_TEXT && strlen(cell.text) > cell.bytes)
				abort();
		}
	}
	if (result < 0 && !error->text[0])
		abort();
	if (run)
		query_finish(run);
}

static void ask(struct recording *recording, const struct query *query, const struct query_value *values, size_t count)
{
	struct sql_error error = {0};

	read_all(query_start(recording, query, values, count, &error), &error);
}

static void ask_view(struct recording *recording, const char *statement)
{
	struct sql_error error = {0};

	read_all(query_start_sql(recording, statement, &error), &error);
}

static bool takes_stack(const struct query *query)
{
	for (size_t i = 0; i < query->param_count; i++)
		if (strcmp(query->params[i].name, "by") == 0 && strstr(query->params[i].choices, "stack"))
			return true;
	return false;
}

static void ignore_line(void *context, const char *line)
{
	(void)context, (void)line;
}

/* What is put together out of it has to be readable, or there is an error. */
static void merge_it(void)
{
	const struct merge_options options = {.version = "0", .force = true, .say = ignore_line};
	const char *const paths[] = {path};
	struct sql_error error = {0};
	struct recording *merged;

	if (merge_recordings(merged_path, paths, 1, &options, &error) != 0) {
		if (!error.text[0])
			abort();
		return;
	}
	merged = recording_open(merged_path, &error);
	if (!merged) {
		fprintf(stderr, "%s\n", error.text);
		abort();
	}
	recording_close(merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sql_error error = {0};
	struct recording *recording;
	const struct query *query;

	write_file(data, size);
	recording = recording_open(path, &error);
	if (!recording) {
		if (!error.text[0] || strchr(error.text, '\n'))
			abort();
		return 0;
	}
	recording_complete(recording, NULL);
	for (size_t i = 0; (query = query_builtin(i)); i++) {
		ask(recording, query, NULL, 0);
		if (takes_stack(query))
			ask(recording, query, &by_stack, 1);
	}
	ask_view(recording, "SELECT * FROM stack");
	ask_view(recording, "SELECT * FROM module");
	recording_close(recording);
	merge_it();
	return 0;
}
