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

/* What the threads share. */
struct asking {
	const struct report *report;
	const struct panels *panels;
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
	                            .file = report->file,
	                            .old_file = report->old_file};

	if (!out)
		memory_exhausted();
	answer_panel(&asker, &asking->panels->list[index], NULL, out);
	fclose(out);
}

static void *run_lane(void *context)
{
	const struct lane *lane = context;
	const struct asking *asking = lane->asking;
	const struct asker asker = {.recording = lane->recording};

	/* pictures belong to the connection that has drawn them; other questions to whoever comes first */
	answer_draw(&asker, asking->panels, lane->circular, asking->panels->start, asking->panels->end);
	for (int pictures = 1; pictures >= 0; pictures--)
		for (size_t i = 0; i < asking->panels->count; i++) {
			const struct panel *panel = &asking->panels->list[i];
			bool mine = !panel->picture || panel->circular == lane->circular;

			if (panel->picture == pictures && mine && !atomic_exchange(&asking->taken[i], true))
				ask_panel(lane, i);
		}
	return NULL;
}

static int ask_all(struct asking *asking, struct recording **recordings, struct sql_error *error)
{
	struct lane lanes[LANES] = {{.circular = true}, {.circular = false}};

	asking->answers = memory_get(asking->panels->count + 1, sizeof *asking->answers);
	asking->taken = memory_get(asking->panels->count + 1, sizeof *asking->taken);
	for (size_t i = 0; i < LANES; i++) {
		lanes[i].asking = asking;
		lanes[i].recording = recordings[i];
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

static void free_answers(struct asking *asking)
{
	for (size_t i = 0; asking->answers && i < asking->panels->count; i++)
		free(asking->answers[i].text);
	free(asking->answers);
	free(asking->taken);
}

static size_t bytes_of(const struct asking *asking)
{
	size_t sum = 0;

	for (size_t i = 0; i < asking->panels->count; i++)
		sum += asking->answers[i].bytes;
	return sum;
}

/* What the page is of, and what it leaves out. */
static void put_about(FILE *out, const struct report *report, const struct panels *panels)
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
	fputs(", \"live\": false}", json);
	fclose(json);
	page_block_begin(out, "about");
	page_json(out, text, bytes);
	page_block_end(out);
	free(text);
}

static void put_page(FILE *out, const struct asking *asking)
{
	page_begin(out, false);
	put_about(out, asking->report, asking->panels);
	for (size_t i = 0; i < asking->panels->count; i++) {
		page_block_begin(out, asking->panels->list[i].id);
		page_json(out, asking->answers[i].text, asking->answers[i].bytes);
		page_block_end(out);
	}
	page_end(out);
}

/* A file of its own, moved to its place when it is whole. */
static int write_file(const struct asking *asking, const char *path, bool force, struct sql_error *error)
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
		put_page(out, asking);
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

static int write_out(const struct asking *asking, struct sql_error *error)
{
	const struct report *report = asking->report;

	if (strcmp(report->out, "-") != 0)
		return write_file(asking, report->out, report->force, error);
	put_page(stdout, asking);
	return fflush(stdout) == 0 || errno == EPIPE
	           ? 0
	           : sql_fail(error, "cannot write standard output: %s", strerror(errno));
}

/* Asks, and where the page is too large asks for less. */
static int make(const struct report *report, struct recording **recordings, struct sql_error *error)
{
	struct panels_wish wish = {.device = report->device, .whole = report->whole, .two_files = report->old_file};
	int result = -1;

	for (;; wish.smaller++) {
		struct panels panels;
		struct asking asking = {.report = report, .panels = &panels};

		if (panels_choose(&panels, recordings[0], &wish, error) == 0 &&
		    ask_all(&asking, recordings, error) == 0) {
			if (bytes_of(&asking) < PAGE_MAX_BYTES || wish.smaller == SMALLER_MOST)
				result = write_out(&asking, error);
			else
				result = 1; /* once more */
		}
		free_answers(&asking);
		panels_clear(&panels);
		if (result <= 0)
			return result;
	}
}

int report_write(const struct report *report, struct sql_error *error)
{
	struct recording *recordings[LANES] = {NULL};
	int result = 0;

	for (size_t i = 0; result == 0 && i < LANES; i++) {
		recordings[i] = recording_open(report->file, error);
		if (!recordings[i] ||
		    (report->old_file && recording_attach_old(recordings[i], report->old_file, error) < 0))
			result = -1;
	}
	if (result == 0)
		result = make(report, recordings, error);
	for (size_t i = 0; i < LANES; i++)
		recording_close(recordings[i]);
	return result;
}
