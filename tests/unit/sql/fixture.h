/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - small recordings, written straight into the tables of the schema.
 */
#ifndef TESTS_SQL_FIXTURE_H
#define TESTS_SQL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sql/answers/query.h"
#include "sql/store/recording.h"
#include "sql/store/embedded.h"

/* One recording in a folder of its own; run() fills it, opened() reads it. */
struct fixture {
	char folder[32], path[64];
	sqlite3 *db;
	struct recording *recording;
};

static inline void run(struct fixture *fixture, const char *format, ...)
{
	va_list arguments;
	char *sql, *message = NULL;

	va_start(arguments, format);
	sql = sqlite3_vmprintf(format, arguments);
	va_end(arguments);
	if (sqlite3_exec(fixture->db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_free(sql);
}

static inline void fixture_make(struct fixture *fixture)
{
	*fixture = (struct fixture){.folder = "/tmp/ttalloc-sql-XXXXXX"};
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/run.db", fixture->folder);
	assert_int_equal(sqlite3_open(fixture->path, &fixture->db), SQLITE_OK);
	run(fixture, "PRAGMA synchronous = OFF");
	for (int version = 0; version < SQL_SCHEMA_VERSION; version++)
		run(fixture, "%s", sql_schemas[version]);
	run(fixture, "%s", sql_views);
	run(fixture,
	    "INSERT INTO recording_info VALUES(1, 'id', '1', 0, 0, 'boot', 'host', 'user', NULL, '/', '/s', 1000, "
	    "'clean')");
}

static inline void add_process(struct fixture *fixture, int id, const char *ended, int ended_ns)
{
	run(fixture,
	    "INSERT INTO process_info(id, pid, start_time, segment_id, segment_path, producer, executable, command, "
	    "joined_ns, ended_ns, ended, first_number) VALUES(%d, %d, 1, 's%d', '', 'api', 'x', 'x', 0, nullif(%d, "
	    "-1), %Q, 1)",
	    id, 1000 + id, id, ended ? ended_ns : -1, ended);
	run(fixture, "INSERT INTO thread_info VALUES(%d, %d, 1, %d, 'main')", id, id, 1000 + id);
}

static inline struct recording *opened(struct fixture *fixture)
{
	struct sql_error error = {.text = ""};

	fixture->recording = recording_open(fixture->path, &error);
	if (!fixture->recording)
		fail_msg("%s", error.text);
	return fixture->recording;
}

static inline void fixture_remove(struct fixture *fixture)
{
	char command[64];

	recording_close(fixture->recording);
	sqlite3_close(fixture->db);
	snprintf(command, sizeof(command), "rm -r %s", fixture->folder);
	assert_int_equal(system(command), 0);
}

/* All rows of SQL over the opened recording, as "a|b|c\n...". free() it. */
static inline char *answer(struct fixture *fixture, const char *sql)
{
	struct sql_error error = {.text = ""};
	struct query_run *query = query_start_sql(fixture->recording, sql, &error);
	size_t bytes = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &bytes);
	int state = -1;

	while (query && (state = query_next(query, &error)) == 1) {
		for (size_t i = 0; i < query_column_count(query); i++) {
			struct query_cell cell;

			query_cell(query, i, &cell);
			if (i > 0)
				fputc('|', out);
			if (cell.type == CELL_INTEGER)
				fprintf(out, "%lld", (long long)cell.integer);
			else if (cell.type == CELL_REAL)
				fprintf(out, "%.3f", cell.real);
			else if (cell.type == CELL_TEXT)
				fprintf(out, "%s", cell.text);
		}
		fputc('\n', out);
	}
	fclose(out);
	if (!query || state < 0)
		fail_msg("%s: %s", sql, error.text);
	query_finish(query);
	recording_release(fixture->recording);
	return text;
}

static inline void expect_answer(struct fixture *fixture, const char *sql, const char *expected)
{
	char *text = answer(fixture, sql);

	assert_string_equal(text, expected);
	free(text);
}

#endif
