/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - see metrics.h. The file is opened for each reading and let go, so that the recorder can bring it to its
 * end; readings of one second are one.
 */
#include "metrics.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exposition.h"
#include "analyze/http/http.h"
#include "sql/base/error.h"
#include "sql/base/machine.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/store/open.h"

#define AGE_NS INT64_C(1000000000)
#define REFRESH_LEAST_MS 100

struct metrics {
	const struct metrics_options *options;
	const char *file;
	pthread_mutex_t lock; /* the server's thread reads, and so does the one that writes the file */
	struct live live;
	int64_t read_ns; /* 0: never */
};

static int read_live(struct metrics *metrics, struct sql_error *error)
{
	int64_t now_ns = monotonic_ns();
	struct recording *recording;
	int result;

	if (metrics->read_ns && now_ns - metrics->read_ns < AGE_NS)
		return 0;
	recording = recording_open(metrics->file, error);
	if (!recording)
		return -1;
	result = live_read(&metrics->live, recording, error);
	if (result == 0)
		result = live_read_space(&metrics->live, recording, error);
	recording_close(recording);
	metrics->read_ns = result == 0 ? now_ns : 0;
	if (result < 0) /* half a state is none */
		live_clear(&metrics->live);
	return result;
}

/* The metrics as a new text; NULL with ERROR filled. */
static char *make_text(struct metrics *metrics, enum exposition format, size_t *bytes, struct sql_error *error)
{
	char *text = NULL;
	FILE *out;

	pthread_mutex_lock(&metrics->lock);
	if (read_live(metrics, error) == 0) {
		out = open_memstream(&text, bytes);
		if (out) {
			exposition_write(out, &metrics->live, format);
			fclose(out);
		}
		if (!text)
			sql_fail(error, "out of memory");
	}
	pthread_mutex_unlock(&metrics->lock);
	return text;
}

static void answer(void *context, const struct http_request *request, struct http_reply *reply)
{
	const char *accepted = http_header(request, "Accept"), *path = http_path(request);
	bool openmetrics = accepted && strstr(accepted, "application/openmetrics-text");
	struct sql_error error;

	if (strcmp(path, "/") == 0) {
		http_say(reply, 200, "ttalloc: the metrics are at /metrics\n");
		return;
	}
	if (strcmp(path, "/metrics") != 0) {
		http_say(reply, 404, "there is /metrics\n");
		return;
	}
	reply->text =
	    make_text(context, openmetrics ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS, &reply->bytes, &error);
	reply->type = openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	                          : "text/plain; version=0.0.4; charset=utf-8";
	reply->status = 200;
	if (!reply->text)
		http_say(reply, 503, error.text);
}

/* Whole, or not at all: node_exporter reads when it likes. */
static int write_file(const char *path, const char *text, size_t bytes, struct sql_error *error)
{
	char *beside = memory_get(strlen(path) + 32, 1);
	FILE *out;
	int result = 0;

	sprintf(beside, "%s.%ld.new", path, (long)getpid());
	out = fopen(beside, "wxe");
	if (!out || fwrite(text, 1, bytes, out) != bytes || fflush(out) != 0 || rename(beside, path) < 0)
		result = sql_fail(error, "%s cannot be written: %s", path, strerror(errno));
	if (out && fclose(out) != 0 && result == 0)
		result = sql_fail(error, "%s cannot be written: %s", path, strerror(errno));
	if (out && result < 0)
		unlink(beside);
	free(beside);
	return result;
}

static enum status fail(const struct sql_error *error)
{
	say("%s", error->text);
	return STATUS_TROUBLE;
}

/* One line is said of a trouble that lasts: a service's log is read by people. */
static void refresh_file(struct metrics *metrics, bool *is_troubled)
{
	struct sql_error error;
	size_t bytes;
	char *text = make_text(metrics, EXPOSITION_PROMETHEUS, &bytes, &error);
	int result = text ? write_file(metrics->options->output, text, bytes, &error) : -1;

	free(text);
	if (result < 0 && !*is_troubled)
		say("%s", error.text);
	*is_troubled = result < 0;
}

static enum status run_on(struct metrics *metrics, const sigset_t *signals)
{
	const struct timespec interval = {metrics->options->refresh_ms / 1000,
	                                  metrics->options->refresh_ms % 1000 * 1000000};
	bool is_troubled = false;

	for (;;) {
		if (metrics->options->output)
			refresh_file(metrics, &is_troubled);
		if (!metrics->options->listen && metrics->live.ended)
			return STATUS_ANSWERED;
		if (sigtimedwait(signals, NULL, &interval) > 0)
			break;
	}
	pthread_mutex_lock(&metrics->lock);
	metrics->read_ns = 0; /* the last state is wanted, however young the one before */
	pthread_mutex_unlock(&metrics->lock);
	if (metrics->options->output)
		refresh_file(metrics, &is_troubled);
	return is_troubled ? STATUS_TROUBLE : STATUS_ANSWERED;
}

static enum status print_once(struct metrics *metrics)
{
	struct sql_error error;
	size_t bytes;
	char *text = make_text(metrics, EXPOSITION_PROMETHEUS, &bytes, &error);

	if (!text)
		return fail(&error);
	errno = 0;
	if ((fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0) && errno != EPIPE)
		sql_fail(&error, "cannot write standard output: %s", strerror(errno));
	else
		error.text[0] = '\0';
	free(text);
	return error.text[0] ? fail(&error) : STATUS_ANSWERED;
}

/* Whoever started us reads the address, or that there is none, before it goes on. */
static void say_ready(const char *url)
{
	puts(url);
	fflush(stdout);
}

static enum status serve(struct metrics *metrics)
{
	char url[HTTP_URL_MAX + sizeof "/metrics"] = "ready";
	struct http *http = NULL;
	struct sql_error error;
	enum status status;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads */
	if (metrics->options->listen) {
		http = http_open(metrics->options->listen, answer, metrics, url, &error);
		if (!http)
			return fail(&error);
		strcat(url, "/metrics");
	}
	say_ready(url);
	status = run_on(metrics, &signals);
	http_close(http);
	return status;
}

enum status metrics_run(const struct metrics_options *options, const char *file)
{
	struct metrics metrics = {.options = options, .file = file, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct sql_error error;
	enum status status;

	if (options->refresh_ms < REFRESH_LEAST_MS) {
		sql_fail(&error, "--refresh takes %d milliseconds or more", REFRESH_LEAST_MS);
		return fail(&error);
	}
	status = options->listen || options->output ? serve(&metrics) : print_once(&metrics);
	live_clear(&metrics.live);
	return status;
}
