/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.c - see identity.h.
 */
#include "identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/index.h"
#include "sql/base/memory.h"
#include "sql/store/writer.h"

#define RANK_MOST 1000000000

/* ---- do they belong together? ---- */

/* The part NUMBER of all inputs, and its INPUT; NULL: there are no more. */
static const struct part *part_at(const struct input *inputs, size_t count, size_t number, const struct input **input)
{
	for (size_t i = 0; i < count; number -= inputs[i++].part_count) {
		if (number >= inputs[i].part_count)
			continue;
		*input = &inputs[i];
		return &inputs[i].parts[number];
	}
	return NULL;
}

static int check_jobs(const struct input *inputs, size_t count, struct sql_error *error)
{
	const struct part *first = NULL, *part;
	const struct input *first_input = NULL, *input;

	for (size_t i = 0; (part = part_at(inputs, count, i, &input)); i++) {
		if (!part->job)
			continue;
		if (first && strcmp(first->job, part->job) != 0)
			return sql_fail(error,
			                "%.150s is of job '%.80s', but %.150s of job '%.80s'; --force puts them "
			                "together all the same",
			                first_input->path, first->job, input->path, part->job);
		if (!first) {
			first = part;
			first_input = input;
		}
	}
	return 0;
}

struct named_part {
	const struct part *part;
	const char *path;
};

static int by_uuid(const void *a, const void *b)
{
	return strcmp(((const struct named_part *)a)->part->uuid, ((const struct named_part *)b)->part->uuid);
}

static int by_rank(const void *a, const void *b)
{
	int64_t left = ((const struct named_part *)a)->part->rank, right = ((const struct named_part *)b)->part->rank;

	return (left > right) - (left < right);
}

static int check_twice(struct named_part *parts, size_t count, struct sql_error *error)
{
	qsort(parts, count, sizeof(*parts), by_uuid);
	for (size_t i = 1; i < count; i++)
		if (strcmp(parts[i].part->uuid, parts[i - 1].part->uuid) == 0)
			return sql_fail(error, "%.250s and %.250s are of the same recording: one of them is enough",
			                parts[i - 1].path, parts[i].path);
	return 0;
}

/* Ranks that nothing is there of, as "2, 4-7". */
struct missing {
	char text[200];
	size_t used;
	bool several;
};

/* Those from FIRST up to, but not, END. */
static void add_missing(struct missing *missing, int64_t first, int64_t end)
{
	char range[64];
	int bytes = snprintf(range, sizeof(range), end - first > 1 ? "%s%" PRId64 "-%" PRId64 : "%s%" PRId64,
	                     missing->used ? ", " : "", first, end - 1);

	if (first >= end)
		return;
	missing->several |= missing->used || end - first > 1;
	if (missing->used + (size_t)bytes + sizeof(", ...") > sizeof(missing->text)) {
		if (missing->text[missing->used - 1] != '.')
			missing->used += (size_t)sprintf(missing->text + missing->used, ", ...");
		return;
	}
	memcpy(missing->text + missing->used, range, (size_t)bytes + 1);
	missing->used += (size_t)bytes;
}

/* Of a job whose ranks are known: those below RANKS, or where it is not known how many it has, below the highest one.
 */
static void say_missing(struct named_part *parts, size_t count, int64_t ranks, const struct merge_options *options)
{
	struct missing missing = {.used = 0};
	const char *job = NULL;
	int64_t next = 0;
	char said[320];

	qsort(parts, count, sizeof(*parts), by_rank);
	for (size_t i = 0; i < count; i++) {
		const struct part *part = parts[i].part;

		if (part->rank < next || part->rank > RANK_MOST || !part->job)
			continue;
		job = part->job;
		add_missing(&missing, next, part->rank);
		next = part->rank + 1;
	}
	if (!job)
		return;
	add_missing(&missing, next, ranks);
	if (!missing.used)
		return;
	snprintf(said, sizeof(said), "of job '%.60s' rank%s %s %s missing", job, missing.several ? "s" : "",
	         missing.text, missing.several ? "are" : "is");
	options->say(options->context, said);
}

/* How many ranks the job has, as far as any input says. */
static int64_t most_ranks(const struct input *inputs, size_t count)
{
	int64_t ranks = 0;

	for (size_t i = 0; i < count; i++)
		if (inputs[i].ranks > ranks && inputs[i].ranks <= RANK_MOST)
			ranks = inputs[i].ranks;
	return ranks;
}

int identity_check(const struct input *inputs, size_t count, const struct merge_options *options,
                   struct sql_error *error)
{
	struct named_part *parts = NULL;
	const struct input *input;
	const struct part *part;
	size_t part_count = 0;
	int result;

	while ((part = part_at(inputs, count, part_count, &input))) {
		parts = memory_append(parts, part_count, sizeof(*parts));
		parts[part_count++] = (struct named_part){part, input->path};
	}
	result = check_twice(parts, part_count, error);
	if (result == 0 && !options->force)
		result = check_jobs(inputs, count, error);
	if (result == 0)
		say_missing(parts, part_count, most_ranks(inputs, count), options);
	free(parts);
	return result;
}

/* ---- what it says of itself ---- */

/* Which text of a part. */
typedef const char *part_text(const struct part *part);

static const char *boot_of(const struct part *part)
{
	return part->boot_id;
}

static const char *host_of(const struct part *part)
{
	return part->host;
}

static const char *user_of(const struct part *part)
{
	return part->user;
}

static const char *directory_of(const struct part *part)
{
	return part->directory;
}

static const char *command_of(const struct part *part)
{
	return part->command ? part->command : "";
}

static const char *job_of(const struct part *part)
{
	return part->job ? part->job : "";
}

static bool is_said_before(const struct input *inputs, size_t count, size_t number, part_text *of)
{
	const struct input *ignored;
	const char *text = of(part_at(inputs, count, number, &ignored));

	for (size_t i = 0; i < number; i++)
		if (strcmp(of(part_at(inputs, count, i, &ignored)), text) == 0)
			return true;
	return false;
}

/* What all say, or all that is said with commas between, as far as there is room. */
static void join(char *text, size_t bytes, const struct input *inputs, size_t count, part_text *of)
{
	const struct input *ignored;
	const struct part *part;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; (part = part_at(inputs, count, i, &ignored)) && used + 8 < bytes; i++) {
		if (!*of(part) || is_said_before(inputs, count, i, of))
			continue;
		used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? ", " : "", of(part));
	}
	if (used >= bytes)
		memcpy(text + bytes - 4, "...", 4);
}

/* The same file again has the same name. Of one recording it is its own. */
static void make_uuid(char uuid[33], const struct input *inputs, size_t count)
{
	const struct input *ignored;
	const struct part *part = part_at(inputs, count, 0, &ignored);
	uint64_t halves[2] = {0x6d65726765, 1};
	size_t parts = 0;

	snprintf(uuid, 33, "%s", part->uuid);
	for (; (part = part_at(inputs, count, parts, &ignored)); parts++)
		for (int half = 0; half < 2; half++)
			halves[half] = hash_bytes(part->uuid, strlen(part->uuid), halves[half]);
	if (parts > 1)
		snprintf(uuid, 33, "%016" PRIx64 "%016" PRIx64, halves[0], halves[1]);
}

static bool has_text(const struct input *inputs, size_t count, part_text *of, const char *joined)
{
	const struct input *ignored;

	return strcmp(of(part_at(inputs, count, 0, &ignored)), joined) == 0;
}

void identity_make(struct identity *identity, const struct input *inputs, size_t count, const char *version)
{
	const struct input *ignored;
	const struct part *first = part_at(inputs, count, 0, &ignored);
	struct writer_identity *of_writer = &identity->of_writer;
	bool alone = count == 1 && inputs[0].part_count == 1;
	const char *devices = count == 1 ? inputs[0].devices : NULL;

	*identity = (struct identity){.of_writer = {.version = alone ? first->version : version,
	                                            .start_realtime_ns = first->start_realtime_ns - first->offset_ns,
	                                            .start_monotonic_ns = first->start_monotonic_ns - first->offset_ns,
	                                            .rank = alone ? first->rank : -1}};
	make_uuid(of_writer->uuid, inputs, count);
	join(of_writer->boot_id, sizeof(of_writer->boot_id), inputs, count, boot_of);
	if (!has_text(inputs, count, boot_of, of_writer->boot_id)) /* its time is no boot's */
		of_writer->boot_id[0] = '\0';
	join(of_writer->host, sizeof(of_writer->host), inputs, count, host_of);
	join(of_writer->user, sizeof(of_writer->user), inputs, count, user_of);
	join(of_writer->directory, sizeof(of_writer->directory), inputs, count, directory_of);
	join(identity->command, sizeof(identity->command), inputs, count, command_of);
	join(identity->job, sizeof(identity->job), inputs, count, job_of);
	of_writer->command = identity->command[0] ? identity->command : NULL;
	of_writer->job = identity->job;
	if (devices) /* of more than one they would be numbers of each: notes */
		snprintf(of_writer->devices, sizeof(of_writer->devices), "%s", devices);
}

/* ---- its parts ---- */

static const char *const clock_words[] = {"monotonic", "steps", "wall"};

static int store(struct writer *writer, struct rowlog *log, struct sql_error *error)
{
	int result = 0;

	if (write_log(writer, log) != SQLITE_OK) {
		write_failed(writer, error);
		result = -1;
	}
	rowlog_free(log);
	return result;
}

static void log_part(const struct part *part, uint32_t id, int64_t start_ns, struct rowlog *log)
{
	rowlog_part(log,
	            &(struct part_row){.id = id,
	                               .uuid = row_string(part->uuid),
	                               .version = row_string(part->version),
	                               .boot_id = row_string(part->boot_id),
	                               .host = row_string(part->host),
	                               .user = row_string(part->user),
	                               .command = row_string(part->command),
	                               .directory = row_string(part->directory),
	                               .job = row_string(part->job),
	                               .rank = part->rank,
	                               .start_realtime_ns = part->start_realtime_ns,
	                               .start_monotonic_ns = part->start_monotonic_ns,
	                               .offset_ns = part->offset_ns,
	                               .clock = row_string(clock_words[part->clock]),
	                               .error_ns = part->error_ns,
	                               .shared_steps = part->shared,
	                               .end_ns = part->id ? part->end_ns + start_ns : part->end_ns + part->offset_ns,
	                               .ended = row_string(part->ended)});
}

/* The place among the parts of INPUT that has the id OLD there. */
static uint32_t place_of(const struct input *input, uint32_t old)
{
	for (uint32_t i = 0; i < input->part_count; i++)
		if (input->parts[i].id == old)
			return i;
	return 0;
}

int identity_store_parts(const struct input *input, uint32_t first, struct recording *from, const struct words *words,
                         struct writer *writer, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(
	    from, "SELECT p.id, (SELECT part FROM process_part WHERE process = p.id) FROM main.process_info p", error);
	struct rowlog log = {0};
	int state = -1;

	for (uint32_t i = 0; i < input->part_count; i++)
		log_part(&input->parts[i], first + i, input->start_ns, &log);
	while (rows && (state = recording_step(from, rows, error)) == 1)
		rowlog_process_part(&log,
		                    &(struct process_part_row){
		                        .process = words_find(words, WORD_PROCESS, sqlite3_column_int64(rows, 0)),
		                        .part = first + place_of(input, (uint32_t)sqlite3_column_int64(rows, 1))});
	sqlite3_finalize(rows);
	if (state == 0)
		return store(writer, &log, error);
	rowlog_free(&log);
	return -1;
}

int identity_store_gaps(const struct input *inputs, size_t count, int64_t end_ns, struct writer *writer,
                        struct sql_error *error)
{
	struct rowlog log = {0};
	const struct input *input;
	const struct part *part;

	for (size_t i = 0; (part = part_at(inputs, count, i, &input)); i++) {
		if (part->ended)
			continue;
		rowlog_loss(&log, &(struct loss_row){
		                      .from_ns = input->start_ns + input->end_ns,
		                      .to_ns = end_ns,
		                      .why = row_string(
		                          "a recording had no clean end when it was put together with others: it was "
		                          "in progress, or its recorder had been killed")});
	}
	return store(writer, &log, error);
}
