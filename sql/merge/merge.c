/* SPDX-License-Identifier: Apache-2.0
 *
 * merge.c - see merge.h.
 */
#include "merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carry.h"
#include "identity.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/store/new_file.h"
#include "sql/store/writer.h"
#include "sql/totals/totals.h"
#include "ttalloc.h"

#define MOST_KEY (INT64_MAX / 4)

struct merging {
	const struct merge_options *options;
	struct input *inputs;
	size_t count;
	struct writer *writer;
	struct words *words;
	struct chips *chips;
	int64_t last_key;
	struct recording *from;
	uint32_t first_part; /* in the new file, of the input under way */
	struct sql_error *error;
};

/* ---- reading who they are ---- */

static int read_inputs(struct merging *merging, const char *const *paths)
{
	for (size_t i = 0; i < merging->count; i++) {
		struct recording *from;
		int result;

		merging->inputs[i].path = paths[i];
		from = recording_open(paths[i], merging->error);
		if (!from)
			return -1;
		result = input_read(&merging->inputs[i], from, merging->error);
		recording_close(from);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* ---- an input's rows ---- */

static int execute(struct merging *merging, const char *sql, const int64_t *numbers, size_t count)
{
	sqlite3 *db = merging->writer->db;
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	for (size_t i = 0; code == SQLITE_OK && i < count; i++)
		code = sqlite3_bind_int64(statement, (int)i + 1, numbers[i]);
	if (code == SQLITE_OK)
		sqlite3_step(statement);
	if (sqlite3_finalize(statement) != SQLITE_OK || code != SQLITE_OK)
		return sql_fail_db(merging->error, merging->writer->path, db);
	return 0;
}

/* A device that has another number than its process gives it. */
static void say_number(void *context, uint32_t old, uint32_t device)
{
	static const char sql[] =
	    "INSERT OR IGNORE INTO device_identity(key, process, device, number) "
	    "SELECT key, process, device, ?1 FROM device_mark WHERE device = ?2 AND key > ?3 GROUP BY key";
	struct merging *merging = context;
	const int64_t numbers[] = {old, device, merging->last_key};

	if (old != device && !merging->error->text[0])
		execute(merging, sql, numbers, 3);
}

/* One note for all, of the first process that has such a device. */
static int store_doubt(struct merging *merging)
{
	char devices[128], note[300], sql[100];
	uint32_t first = chips_uncertain(merging->chips, devices, sizeof(devices));
	struct rowlog log = {0};
	int64_t process;

	if (first == TTALLOC_ANY)
		return 0;
	snprintf(note, sizeof(note),
	         "which chips devices %s are is not known, nor is it of others in the recordings that were put "
	         "together: the "
	         "same chip may be counted apart",
	         devices);
	merging->options->say(merging->options->context, note);
	snprintf(sql, sizeof(sql), "SELECT min(process) FROM process_usage WHERE device = %" PRIu32, first);
	if (recording_integer(writer_reader(merging->writer), sql, 0, &process, merging->error) < 0)
		return -1;
	rowlog_note(&log, &(struct note_row){.process = (uint32_t)process, .note = row_string(note), .count = 0});
	if (write_log(merging->writer, &log) != SQLITE_OK)
		write_failed(merging->writer, merging->error);
	rowlog_free(&log);
	return merging->error->text[0] ? -1 : 0;
}

/* Of several recordings, that only some devices of this one were recorded: a joint figure of a chip may lack what its
 * processes did with it. The numbers are those that the recording itself had. */
static int store_restriction(struct merging *merging, const struct input *input)
{
	const char *numbers;
	char note[700];
	struct rowlog log = {0};
	int64_t first;
	int result = 0;

	if (!input->devices || merging->count == 1)
		return 0;
	numbers = input->devices + strspn(input->devices, "[");
	snprintf(note, sizeof(note),
	         "of the recording that it was in, only devices %.*s (as that one numbered them) were recorded",
	         (int)strcspn(numbers, "]"), numbers);
	if (recording_integer(merging->from, "SELECT min(id) FROM main.process_info", 0, &first, merging->error) < 0)
		return -1;
	if (first == 0) /* nothing of it is in the new file */
		return 0;
	rowlog_note(&log, &(struct note_row){.process = words_find(merging->words, WORD_PROCESS, first),
	                                     .note = row_string(note)});
	if (write_log(merging->writer, &log) != SQLITE_OK) {
		write_failed(merging->writer, merging->error);
		result = -1;
	}
	rowlog_free(&log);
	return result;
}

static int read_last_key(struct merging *merging, int64_t *last_key)
{
	static const char sql[] =
	    "SELECT max((SELECT coalesce(max(last_key), 0) FROM batch), "
	    "(SELECT coalesce(max(key), 0) FROM freed), (SELECT coalesce(max(key), 0) FROM held), "
	    "(SELECT coalesce(max(end_key), 0) FROM held), "
	    "(SELECT coalesce(max(end_key), 0) FROM circular_buffer), "
	    "(SELECT coalesce(max(key), 0) FROM other_event))";

	static const char sound_sql[] = "SELECT count(*) = 0 FROM (SELECT first_key, last_key, lag(last_key, 1, 0) "
	                                "OVER (ORDER BY first_key) AS before "
	                                "FROM batch) WHERE first_key <= before OR last_key < first_key";
	int64_t sound;

	if (recording_integer(merging->from, sql, 0, last_key, merging->error) < 0 ||
	    recording_integer(merging->from, sound_sql, 0, &sound, merging->error) < 0)
		return -1;
	if (!sound || *last_key < 0 || *last_key > MOST_KEY - merging->last_key)
		return sql_fail(merging->error, "%s: corrupt: its batches overlap; 'verify' says more",
		                merging->from->path);
	return 0;
}

static int carry_input(struct merging *merging, const struct input *input)
{
	struct carry carry = {.from = merging->from,
	                      .to = merging->writer->db,
	                      .to_path = merging->writer->path,
	                      .words = merging->words,
	                      .chips = merging->chips,
	                      .key_offset = merging->last_key,
	                      .time_offset_ns = input->start_ns};
	int64_t last_key;

	if (recording_begin(merging->from, merging->error) < 0 || read_last_key(merging, &last_key) < 0 ||
	    chips_take(merging->chips, merging->from, merging->error) < 0 || carry_rows(&carry, merging->error) < 0 ||
	    identity_store_parts(input, merging->first_part, merging->from, merging->words, merging->writer,
	                         merging->error) < 0 ||
	    store_restriction(merging, input) < 0)
		return -1;
	chips_each(merging->chips, say_number, merging);
	merging->last_key += last_key;
	merging->first_part += (uint32_t)input->part_count;
	return merging->error->text[0] ? -1 : 0;
}

static int carry_inputs(struct merging *merging)
{
	int result = execute(merging, "BEGIN", NULL, 0);

	for (size_t i = 0; i < merging->count && result == 0; i++) {
		merging->from = recording_open(merging->inputs[i].path, merging->error);
		result = merging->from ? carry_input(merging, &merging->inputs[i]) : -1;
		recording_close(merging->from);
	}
	if (result == 0)
		result = store_doubt(merging);
	return result == 0 ? execute(merging, "COMMIT", NULL, 0) : -1;
}

/* A later file of a recording does not hold what was before it, but for what was live then. */
static int store_begin(struct merging *merging)
{
	int64_t begin_ns = 0;

	for (size_t i = 0; i < merging->count; i++)
		if (merging->inputs[i].begin_ns && merging->inputs[i].start_ns + merging->inputs[i].begin_ns > begin_ns)
			begin_ns = merging->inputs[i].start_ns + merging->inputs[i].begin_ns;
	if (!begin_ns)
		return 0;
	return execute(
	    merging,
	    "INSERT INTO recording_file(id, number, begin_ns, begin_key, last_process, last_thread, last_origin, "
	    "last_text, last_list, last_what) VALUES (1, 1, ?1, 0, 0, 0, 0, 0, 0, 0) "
	    "ON CONFLICT(id) DO UPDATE SET number = 1, begin_ns = excluded.begin_ns", /* its devices stay */
	    &begin_ns, 1);
}

/* ---- all ---- */

static int64_t last_end_ns(const struct merging *merging)
{
	int64_t end_ns = 0;

	for (size_t i = 0; i < merging->count; i++)
		if (merging->inputs[i].start_ns + merging->inputs[i].end_ns > end_ns)
			end_ns = merging->inputs[i].start_ns + merging->inputs[i].end_ns;
	return end_ns;
}

static int fill(void *context, const char *made, struct sql_error *error)
{
	struct merging *merging = context;
	struct identity identity;
	int64_t end_ns = last_end_ns(merging);
	int result;

	merging->error = error;
	identity_make(&identity, merging->inputs, merging->count, merging->options->version);
	if (writer_create_in(made, &identity.of_writer, &merging->writer, error) < 0)
		return -1;
	error->text[0] = '\0';
	merging->words = words_new();
	merging->chips = chips_new();
	merging->first_part = 1;
	result = carry_inputs(merging);
	if (result == 0)
		result = identity_store_gaps(merging->inputs, merging->count, end_ns, merging->writer, error);
	if (result == 0)
		result = store_begin(merging);
	if (result == 0)
		result = totals_make(merging->writer, error);
	if (result == 0 && writer_finish(merging->writer, (uint64_t)end_ns, "clean", 0, error) != WRITE_DONE)
		result = -1;
	writer_close(merging->writer);
	words_free(merging->words);
	chips_free(merging->chips);
	return result;
}

int merge_recordings(const char *out, const char *const *paths, size_t count, const struct merge_options *options,
                     struct sql_error *error)
{
	struct merging merging = {.options = options, .count = count, .error = error};
	int result;

	merging.inputs = memory_get(count, sizeof(*merging.inputs));
	result = read_inputs(&merging, paths);
	if (result == 0)
		result = identity_check(merging.inputs, count, options, error);
	if (result == 0)
		result = clocks_place(merging.inputs, count, options->say, options->context, error);
	if (result == 0)
		result = new_file_make(out, options->force, fill, &merging, error);
	for (size_t i = 0; i < count; i++)
		input_clear(&merging.inputs[i]);
	free(merging.inputs);
	return result;
}

bool merge_is_part(const char *path, const char *job)
{
	struct sql_error ignored;
	struct recording *recording = recording_open(path, &ignored);
	struct input input = {.path = path};
	bool is_part = recording && input_read(&input, recording, &ignored) == 0 && input.parts[0].id == 0;

	if (is_part && job)
		is_part = input.parts[0].job && strcmp(input.parts[0].job, job) == 0;
	input_clear(&input);
	recording_close(recording);
	return is_part;
}
