/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - see report.h. Two threads, each with a connection, ask the questions; a third of the work is replaying
 * circular buffers, which one of them begins with.
 */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "page.h"
#include "panels.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/text.h"

/* With the front end, and with what escaping adds, the page stays below 3 MB. */
#define PAGE_MAX_BYTES 2700000
#define SMALLER_MOST 5
#define LANES 2

struct answer_text {
	char *text;
	size_t bytes;
};

/* One of the recordings, and what the threads that ask it share. */
struct asking {
	const struct report *report;
	const char *file;
	struct recording *recordings[LANES];
	struct panels panels;
	struct answer_text *answers; /* of each panel */
	atomic_bool *taken;          /* of each panel */
};

struct lane {
	const struct asking *asking;
	struct recording *recording;
	bool circular;
	pthread_t thread;
	bool started;
};

static void ask_panel(const struct lane *lane, size_t index)
{
	const struct asking *asking = lane->asking;
	const struct report *report = asking->report;
	struct answer_text *answer = &asking->answers[index];
	FILE *out = open_memstream(&answer->text, &answer->bytes);
	const struct asker asker = {.ask = report->ask,
	                            .context = report->context,
	                            .recording = lane->recording,
	                            .file = asking->file,
	                            .old_file = report->old_file};

	if (!out)
		memory_exhausted();
	answer_panel(&asker, &asking->panels.list[index], NULL, out);
	fclose(out);
}

static void *run_lane(void *context)
{
	const struct lane *lane = context;
	const struct asking *asking = lane->asking;
	const struct asker asker = {.recording = lane->recording};

	/* pictures belong to the connection that has drawn them; other questions to whoever comes first */
	answer_draw(&asker, &asking->panels, lane->circular, asking->panels.start, asking->panels.end);
	for (int pictures = 1; pictures >= 0; pictures--)
		for (size_t i = 0; i < asking->panels.count; i++) {
			const struct panel *panel = &asking->panels.list[i];
			bool mine = !panel->picture || panel->circular == lane->circular;

			if (panel->picture == pictures && mine && !atomic_exchange(&asking->taken[i], true))
				ask_panel(lane, i);
		}
	return NULL;
}

static int ask_all(struct asking *asking, struct sql_error *error)
{
	struct lane lanes[LANES] = {{.circular = true}, {.circular = false}};

	asking->answers = memory_get(asking->panels.count + 1, sizeof *asking->answers);
	asking->taken = memory_get(asking->panels.count + 1, sizeof *asking->taken);
	for (size_t i = 0; i < LANES; i++) {
		lanes[i].asking = asking;
		lanes[i].recording = asking->recordings[i];
		lanes[i].started = pthread_create(&lanes[i].thread, NULL, run_lane, &lanes[i]) == 0;
	}
	bool all = true;
	for (size_t i = 0; i < LANES; i++) {
		if (lanes[i].started)
			pthread_join(lanes[i].thread, NULL);
		all = all && lanes[i].started;
	}
	return all ? 0 : sql_fail(error, "cannot start a thread");
}

static void forget(struct asking *asking)
{
	for (size_t i = 0; asking->answers && i < asking->panels.count; i++)
		free(asking->answers[i].text);
	free(asking->answers);
	free(asking->taken);
	asking->answers = NULL;
	asking->taken = NULL;
	panels_clear(&asking->panels);
}

static size_t bytes_of(const struct asking *asking)
{
	size_t sum = 0;

	for (size_t i = 0; i < asking->panels.count; i++)
		sum += asking->answers[i].bytes;
	return sum;
}

/* What the page is of, and what it leaves out. */
static void put_about(FILE *out, const struct report *report, const struct panels *panels, const struct panels *old)
{
	char *text;
	size_t bytes;
	FILE *json = open_memstream(&text, &bytes);

	if (!json)
		memory_exhausted();
	fputs("{\"file\": ", json);
	text_json(json, report->file, strlen(report->file));
	if (report->old_file) {
		fputs(", \"old_file\": ", json);
		text_json(json, report->old_file, strlen(report->old_file));
	}
	fputs(", \"left_out\": ", json);
	text_json(json, panels->left_out, strlen(panels->left_out));
	if (panels->start[0] != '\0')
		fprintf(json, ", \"start\": %s, \"end\": %s", panels->start, panels->end);
	if (old && old->start[0] != '\0')
		fprintf(json, ", \"old_start\": %s, \"old_end\": %s", old->start, old->end);
	fputs(", \"live\": false}", json);
	fclose(json);
	page_block_begin(out, "about");
	page_json(out, text, bytes);
	page_block_end(out);
	free(text);
}

static void put_answers(FILE *out, const struct asking *asking)
{
	for (size_t i = 0; i < asking->panels.count; i++) {
		page_block_begin(out, asking->panels.list[i].id);
		page_json(out, asking->answers[i].text, asking->answers[i].bytes);
		page_block_end(out);
	}
}

/* The recording, and an older one, or NULL. */
struct sides {
	struct asking *new, *old;
};

static void put_page(FILE *out, const struct sides *sides)
{
	page_begin(out, false);
	put_about(out, sides->new->report, &sides->new->panels, sides->old ? &sides->old->panels : NULL);
	put_answers(out, sides->new);
	if (sides->old)
		put_answers(out, sides->old);
	page_end(out);
}

/* A file of its own, moved to its place when it is whole. */
static int write_file(const struct sides *sides, const char *path, bool force, struct sql_error *error)
{
	char *temporary = memory_get(strlen(path) + 16, 1);
	int result = -1;

	sprintf(temporary, "%s.XXXXXX", path);
	int fd = !force && access(path, F_OK) == 0 ? -1 : mkostemp(temporary, O_CLOEXEC);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!force && access(path, F_OK) == 0) {
		sql_fail(error, "%s exists; --force replaces it", path);
	} else if (!out) {
		sql_fail(error, "cannot write %s: %s", path, strerror(errno));
	} else {
		put_page(out, sides);
		bool failed = ferror(out);
		failed = fclose(out) != 0 || failed;
		if (failed || (force ? rename(temporary, path) : link(temporary, path)) != 0)
			sql_fail(error, "cannot write %s: %s", path, strerror(errno));
		else
			result = 0;
		if (result < 0 || !force)
			unlink(temporary);
	}
	free(temporary);
	return result;
}

static int write_out(const struct sides *sides, struct sql_error *error)
{
	const struct report *report = sides->new->report;

	if (strcmp(report->out, "-") != 0)
		return write_file(sides, report->out, report->force, error);
	put_page(stdout, sides);
	return fflush(stdout) == 0 || errno == EPIPE
	           ? 0
	           : sql_fail(error, "cannot write standard output: %s", strerror(errno));
}

static int choose_and_ask(struct asking *asking, const struct panels_wish *wish, struct sql_error *error)
{
	forget(asking);
	return panels_choose(&asking->panels, asking->recordings[0], wish, error) < 0 ? -1 : ask_all(asking, error);
}

/* Asks, and where the page is too large asks for less. */
static int make(const struct report *report, const struct sides *sides, struct sql_error *error)
{
	for (unsigned smaller = 0;; smaller++) {
		struct panels_wish wish = {.device = report->device,
		                           .whole = report->whole,
		                           .two_files = sides->old,
		                           .smaller = smaller + !!sides->old};
		size_t bytes;

		if (choose_and_ask(sides->new, &wish, error) < 0)
			return -1;
		bytes = bytes_of(sides->new);
		wish.old = true;
		if (sides->old && choose_and_ask(sides->old, &wish, error) < 0)
			return -1;
		bytes += sides->old ? bytes_of(sides->old) : 0;
		if (bytes < PAGE_MAX_BYTES || smaller == SMALLER_MOST)
			return write_out(sides, error);
	}
}

static int open_all(struct asking *asking, const char *attached, struct sql_error *error)
{
	for (size_t i = 0; i < LANES; i++) {
		asking->recordings[i] = recording_open(asking->file, error);
		if (!asking->recordings[i] ||
		    (attached && recording_attach_old(asking->recordings[i], attached, error) < 0))
			return -1;
	}
	return 0;
}

static void close_all(struct asking *asking)
{
	for (size_t i = 0; i < LANES; i++)
		recording_close(asking->recordings[i]);
	forget(asking);
}

int report_write(const struct report *report, struct sql_error *error)
{
	struct asking new = {.report = report, .file = report->file},
	              old = {.report = report, .file = report->old_file};
	const struct sides sides = {&new, report->old_file ? &old : NULL};
	int result = open_all(&new, report->old_file, error);

	if (result == 0 && sides.old)
		result = open_all(&old, NULL, error);
	if (result == 0)
		result = make(report, &sides, error);
	close_all(&new);
	close_all(&old);
	return result;
}
