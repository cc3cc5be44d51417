/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.c - see follow.h.
 */
#include "follow.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clickhouse.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/store/file_of.h"

#define LONGEST_WAIT_MS 60000 /* after a failure; each waits twice as long as the one before */

struct following {
	struct sink *sink;
	char *path;
	struct file_of of; /* what PATH is */
	struct clickhouse_progress progress;
	int64_t refresh_ms, wait_ms;
	bool is_refused; /* what the server said last, which is said once */
	char refusal[sizeof(((struct sql_error *)0)->text)];
};

/* ---- files ---- */

/* NAME in the directory of PATH. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	size_t bytes = slash ? (size_t)(slash - path) + 1 : 0;
	char *other = memory_get(bytes + strlen(name) + 1, 1);

	memcpy(other, path, bytes);
	strcpy(other + bytes, name);
	return other;
}

/* The file of the recording with the lowest number above that of PATH, in the directory of PATH; NULL: there is none.
 */
static char *next_file(const struct following *following, struct file_of *found)
{
	char *directory = beside(following->path, "."), *next = NULL;
	DIR *entries = opendir(directory);

	for (const struct dirent *entry; entries && (entry = readdir(entries));) {
		struct sql_error nothing;
		struct file_of of;
		char *path;

		if (entry->d_name[0] == '.' || (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN))
			continue;
		path = beside(following->path, entry->d_name);
		if (file_of(path, &of, &nothing) == 0 && strcmp(of.uuid, following->of.uuid) == 0 &&
		    of.number > following->of.number && (!next || of.number < found->number)) {
			free(next);
			next = path;
			*found = of;
		} else {
			free(path);
		}
	}
	if (entries)
		closedir(entries);
	free(directory);
	return next;
}

/* Goes on with the next file, if there is one. */
static bool go_on(struct following *following)
{
	struct file_of of;
	char *next = next_file(following, &of);

	if (!next)
		return false;
	free(following->path);
	following->path = next;
	following->of = of;
	following->progress = (struct clickhouse_progress){.key = 0};
	return true;
}

/* ---- one time ---- */

static void tell(struct following *following, const struct sql_error *error)
{
	if (following->is_refused && strcmp(following->refusal, error->text) == 0)
		return;
	following->is_refused = true;
	snprintf(following->refusal, sizeof(following->refusal), "%s", error->text);
	say("%s; tried again until it goes over", error->text);
}

/* Sends what there is of the present file. 0, or -1 with ERROR; *LACKS_FILE: it is not there any more. */
static int send_present(struct following *following, bool *lacks_file, struct sql_error *error)
{
	struct recording *recording;
	int result;

	do {
		recording = recording_open(following->path, error);
		*lacks_file = !recording;
		result = recording ? clickhouse_follow(recording, following->sink, &following->progress, error) : -1;
		recording_close(recording);
	} while (result == 0 && following->progress.is_behind);
	return result;
}

/* Sends all there is, in as many files as it is. 0; 1: and the recording has ended; -1 with ERROR. */
static int send_all(struct following *following, struct sql_error *error)
{
	bool lacks_file;

	for (;;) {
		if (send_present(following, &lacks_file, error) < 0) {
			if (!lacks_file || !go_on(following))
				return -1;
			say("%s; it is gone, and not all of it went over", error->text);
		} else if (!following->progress.has_all) {
			return 0;
		} else if (!go_on(following)) {
			return following->progress.goes_on ? 0 : 1; /* the next one is yet to come */
		}
	}
}

/* ---- until the end ---- */

/* Whether a signal came before WAIT_MS were over. */
static bool is_told_to_end(const sigset_t *signals, int64_t wait_ms)
{
	const struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};

	return sigtimedwait(signals, NULL, &wait) > 0;
}

static enum status run(struct following *following, const sigset_t *signals)
{
	struct sql_error error;
	bool is_last = false;

	for (;;) {
		int result = send_all(following, &error);

		if (result >= 0 && following->is_refused)
			say("the server takes it again");
		following->is_refused &= result < 0;
		if (result == 1 || (is_last && result == 0))
			return STATUS_ANSWERED;
		if (is_last) {
			say("%s; what the server lacks of %s: ttalloc-analyze export --to clickhouse --url URL %s",
			    error.text, following->path, following->path);
			return STATUS_TROUBLE;
		}
		if (result < 0)
			tell(following, &error);
		following->wait_ms = result == 0 ? following->refresh_ms : 2 * following->wait_ms;
		if (following->wait_ms > LONGEST_WAIT_MS && result < 0)
			following->wait_ms = LONGEST_WAIT_MS;
		is_last = is_told_to_end(signals, following->wait_ms);
	}
}

enum status follow_run(const char *url, const char *file, int64_t refresh_ms)
{
	struct following following = {.refresh_ms = refresh_ms, .wait_ms = refresh_ms};
	struct sql_error error;
	enum status status;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	following.sink = sink_server(url, &error);
	if (!following.sink || file_of(file, &following.of, &error) < 0) {
		say("%s", error.text);
		status = STATUS_TROUBLE;
	} else {
		puts("ready"); /* whoever started us goes on then */
		fflush(stdout);
		following.path = memory_text(file);
		status = run(&following, &signals);
	}
	if (following.sink)
		sink_close(following.sink, 0, &error);
	free(following.path);
	return status;
}
