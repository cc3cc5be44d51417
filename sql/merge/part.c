/* SPDX-License-Identifier: Apache-2.0
 *
 * part.c - reading who and when an input is.
 */
#include "part.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"

#define PARTS_MOST 65536

/* An input that was put together itself has parts; any other is one. */
static const char parts_sql[] =
    "SELECT id, uuid, version, boot_id, host, user, directory, command, job, ended, rank, start_realtime_ns,"
    "  start_monotonic_ns, end_ns, offset_ns, error_ns, shared_steps, clock FROM part"
    " UNION ALL SELECT 0, uuid, version, boot_id, host, user, directory, command, (SELECT job FROM recording_job), "
    "ended,"
    "  (SELECT rank FROM recording_job), start_realtime_ns, start_monotonic_ns, end_ns, 0, 0, 0, 'monotonic'"
    "  FROM main.recording_info WHERE NOT EXISTS (SELECT 1 FROM part) ORDER BY 1";
enum column {
	ID,
	UUID,
	VERSION,
	BOOT_ID,
	HOST,
	USER,
	DIRECTORY,
	COMMAND,
	JOB,
	ENDED,
	RANK,
	START_REALTIME_NS,
	START_MONOTONIC_NS,
	END_NS,
	OFFSET_NS,
	ERROR_NS,
	SHARED,
	CLOCK
};

static char *text_of(sqlite3_stmt *row, int column, const char *none)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? memory_text(text) : none ? memory_text(none) : NULL;
}

static int64_t number_of(sqlite3_stmt *row, int column, int64_t none)
{
	return sqlite3_column_type(row, column) == SQLITE_INTEGER ? sqlite3_column_int64(row, column) : none;
}

static enum clock clock_of(sqlite3_stmt *row)
{
	const char *text = (const char *)sqlite3_column_text(row, CLOCK);

	if (text && strcmp(text, "monotonic") == 0)
		return CLOCK_OF_BOOT;
	return text && strcmp(text, "steps") == 0 ? CLOCK_OF_STEPS : CLOCK_OF_WALL;
}

static void add_part(struct input *input, sqlite3_stmt *row)
{
	input->parts = memory_append(input->parts, input->part_count, sizeof(*input->parts));
	input->parts[input->part_count++] = (struct part){
	    .id = (uint32_t)sqlite3_column_int64(row, ID),
	    .uuid = text_of(row, UUID, ""),
	    .version = text_of(row, VERSION, ""),
	    .boot_id = text_of(row, BOOT_ID, ""),
	    .host = text_of(row, HOST, ""),
	    .user = text_of(row, USER, ""),
	    .directory = text_of(row, DIRECTORY, ""),
	    .command = text_of(row, COMMAND, NULL),
	    .job = text_of(row, JOB, NULL),
	    .ended = text_of(row, ENDED, NULL),
	    .rank = number_of(row, RANK, -1),
	    .start_realtime_ns = number_of(row, START_REALTIME_NS, 0),
	    .start_monotonic_ns = number_of(row, START_MONOTONIC_NS, 0),
	    .end_ns = number_of(row, END_NS, 0),
	    .offset_ns = number_of(row, OFFSET_NS, 0),
	    .error_ns = number_of(row, ERROR_NS, -1),
	    .shared = number_of(row, SHARED, 0),
	    .clock = clock_of(row),
	};
}

/* A part that does not say where it comes from would be taken for another one's neighbour; of one that was cut, sums
 * over all parts would be those of none. */
static int check_shared(struct recording *from, struct sql_error *error)
{
	int64_t no_host = 0;

	if (recording_integer(from, "SELECT removed LIKE '%host%' FROM share_info", 0, &no_host, error) < 0)
		return -1;
	if (no_host || from->cut)
		return sql_fail(error, "%s: was shared %s; merge recordings first, and share what comes of them",
		                from->path, no_host ? "without its host" : "in part");
	return 0;
}

static int read_devices(struct input *input, struct recording *from, struct sql_error *error)
{
	sqlite3_stmt *row =
	    recording_prepare(from, "SELECT devices FROM recording_file WHERE devices IS NOT NULL", error);
	int state = row ? recording_step(from, row, error) : -1;

	if (state == 1)
		input->devices = text_of(row, 0, NULL);
	sqlite3_finalize(row);
	return state < 0 ? -1 : 0;
}

int input_read(struct input *input, struct recording *from, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(from, parts_sql, error);
	int state = -1;

	while (rows && (state = recording_step(from, rows, error)) == 1 && input->part_count < PARTS_MOST)
		add_part(input, rows);
	sqlite3_finalize(rows);
	if (state < 0)
		return -1;
	if (state == 1 || input->part_count == 0)
		return sql_fail(error, "%s: corrupt: it does not say which recording it is", from->path);
	if (check_shared(from, error) < 0 ||
	    recording_integer(from, "SELECT end_ns FROM main.recording_info", 0, &input->end_ns, error) < 0 ||
	    recording_integer(from, "SELECT ranks FROM job_size", 0, &input->ranks, error) < 0 ||
	    read_devices(input, from, error) < 0)
		return -1;
	return recording_integer(from, "SELECT begin_ns FROM recording_file", 0, &input->begin_ns, error);
}

void input_clear(struct input *input)
{
	for (size_t i = 0; i < input->part_count; i++) {
		struct part *part = &input->parts[i];
		char *texts[] = {part->uuid,      part->version, part->boot_id, part->host, part->user,
		                 part->directory, part->command, part->job,     part->ended};

		for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++)
			free(texts[j]);
	}
	free(input->parts);
	free(input->devices);
	*input = (struct input){.path = input->path};
}
