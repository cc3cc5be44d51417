/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.c - the committing thread.
 */
#include "commit.h"
#include "sql/base/machine.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS 1000000000u
#define REBUILD_EVERY_NS 2000000000u
/* Longer windows would keep commits waiting; they are left for the end. */
#define REBUILD_MOST_EVENTS 1000000u
#define REBUILD_MOST_RUNS 200000u
/* A checkpoint beside commits, and one that commits wait for. */
#define CHECKPOINT_BESIDE_BYTES (16u << 20)
#define CHECKPOINT_HERE_BYTES (128u << 20)

struct committer {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows, up to the blank line */
	pthread_cond_t wake;
	struct chunk *first, *last; /* waiting; the first may be in work */
	struct chunk *done_first, *done_last;
	size_t pending;
	bool stopping, abandoned;
	enum write_result trouble;
	struct sql_error error;
	struct committer_file file;

	struct writer **writer; /* the thread's own from here on */
	const struct ingest_files *files;
	struct totals *totals;
	struct rowlog spans;
	int event_fd;
	uint64_t rebuild_after_ns, runs;
};

static void wait_until(struct committer *committer, uint64_t at_ns)
{
	struct timespec at = {.tv_sec = (time_t)(at_ns / 1000000000u), .tv_nsec = (long)(at_ns % 1000000000u)};

	pthread_cond_timedwait(&committer->wake, &committer->lock, &at);
}

/* The next chunk; NULL: it is time to end, or, with a timeout, to do something else. */
static struct chunk *next_chunk(struct committer *committer, uint64_t until_ns)
{
	struct chunk *chunk;

	pthread_mutex_lock(&committer->lock);
	while (!committer->first && !committer->stopping && !committer->abandoned && clock_monotonic_ns() < until_ns)
		wait_until(committer, until_ns);
	chunk = committer->abandoned ? NULL : committer->first;
	pthread_mutex_unlock(&committer->lock);
	return chunk;
}

static void set_trouble(struct committer *committer, enum write_result result, const struct sql_error *error)
{
	pthread_mutex_lock(&committer->lock);
	committer->trouble = result;
	if (result != WRITE_DONE)
		committer->error = *error;
	pthread_mutex_unlock(&committer->lock);
}

/* Waits before another try. False: there is to be none. */
static bool may_retry(struct committer *committer)
{
	uint64_t until_ns = clock_monotonic_ns() + RETRY_NS;
	bool abandoned;

	pthread_mutex_lock(&committer->lock);
	while (!committer->abandoned && clock_monotonic_ns() < until_ns)
		wait_until(committer, until_ns);
	abandoned = committer->abandoned;
	pthread_mutex_unlock(&committer->lock);
	return !abandoned;
}

static bool commit_chunk(struct committer *committer, struct chunk *chunk)
{
	struct write_rows rows = {
	    .freed = chunk->freed.rows,
	    .freed_count = chunk->freed.count,
	    .held = chunk->held.rows,
	    .held_count = chunk->held.count,
	    .unheld = chunk->unheld.rows,
	    .unheld_count = chunk->unheld.count,
	    .closed = chunk->closed.rows,
	    .closed_count = chunk->closed.count,
	    .runs = chunk->runs.rows,
	    .run_count = chunk->runs.count,
	    .logs = {&chunk->log, &committer->spans},
	    .end_ns = chunk->end_ns,
	};
	struct sql_error error;
	enum write_result result;

	/* Once, however often storing has to be tried. */
	rowlog_clear(&committer->spans);
	committer->runs += chunk->runs.count;
	totals_add(committer->totals, chunk->deltas.rows, chunk->deltas.count, &committer->spans);
	while ((result = writer_store(*committer->writer, &rows, &error)) != WRITE_DONE) {
		set_trouble(committer, result, &error);
		if (!may_retry(committer))
			return false;
	}
	set_trouble(committer, WRITE_DONE, NULL);
	return true;
}

/* ---- files ---- */

static void set_file(struct committer *committer, bool is_new)
{
	uint64_t bytes = (uint64_t)writer_file_bytes(*committer->writer);

	pthread_mutex_lock(&committer->lock);
	committer->file.bytes = bytes;
	if (is_new) {
		committer->file.begin_bytes = bytes;
		committer->file.number++;
	}
	pthread_mutex_unlock(&committer->lock);
}

static enum write_result try_next_file(struct committer *committer, const struct file_begin *begin,
                                       struct sql_error *error)
{
	const struct ingest_files *files = committer->files;
	enum write_result result;
	const char *path;

	if (files->next(files->context, &path, error) < 0)
		return WRITE_LATER;
	result = writer_next_file(committer->writer, path, begin, error);
	files->done(files->context, result == WRITE_DONE);
	return result;
}

/* Goes on in another file. What was live is in it, and its spans are made of that. */
static bool begin_next_file(struct committer *committer, const struct file_begin *begin)
{
	struct sql_error error;
	enum write_result result;

	totals_rebuild(committer->totals, *committer->writer, true, NULL, NULL, &error);
	while ((result = try_next_file(committer, begin, &error)) != WRITE_DONE) {
		set_trouble(committer, result, &error);
		if (!may_retry(committer))
			return false;
	}
	set_trouble(committer, WRITE_DONE, NULL);
	totals_begin_file(committer->totals);
	totals_rebuild(committer->totals, *committer->writer, true, NULL, NULL, &error);
	committer->runs = 0;
	set_file(committer, true);
	return true;
}

/* Whether it came about. */
static bool take_chunk(struct committer *committer, struct chunk *chunk)
{
	if (!commit_chunk(committer, chunk))
		return false;
	set_file(committer, false);
	return !chunk->ends_file || begin_next_file(committer, &chunk->next_begin);
}

struct committer_file committer_file(struct committer *committer)
{
	struct committer_file file;

	pthread_mutex_lock(&committer->lock);
	file = committer->file;
	pthread_mutex_unlock(&committer->lock);
	return file;
}

/* ---- the thread ---- */

static void give_back(struct committer *committer, struct chunk *chunk)
{
	pthread_mutex_lock(&committer->lock);
	committer->first = chunk->next;
	chunk->next = NULL;
	if (committer->done_last)
		committer->done_last->next = chunk;
	else
		committer->done_first = chunk;
	committer->done_last = chunk;
	committer->pending--;
	pthread_mutex_unlock(&committer->lock);
	if (write(committer->event_fd, &(uint64_t){1}, sizeof(uint64_t)) < 0)
		return; /* the counter is full: it is readable as it is */
}

/* Makes dirty spans anew from time to time, so that questions to a recording in progress need not do it each time. */
static void tidy_spans(struct committer *committer)
{
	uint64_t started_ns = clock_monotonic_ns(), dirty_ns, took_ns;
	bool with_cbs = committer->runs <= REBUILD_MOST_RUNS;
	struct sql_error error;

	if (started_ns < committer->rebuild_after_ns)
		return;
	dirty_ns = totals_dirty_ns(committer->totals, with_cbs);
	if (dirty_ns != DELTA_NO_DISORDER && writer_events_since(*committer->writer, dirty_ns) <= REBUILD_MOST_EVENTS)
		totals_rebuild(committer->totals, *committer->writer, with_cbs, NULL, NULL, &error);
	took_ns = clock_monotonic_ns() - started_ns;
	committer->rebuild_after_ns =
	    started_ns + took_ns + (4 * took_ns > REBUILD_EVERY_NS ? 4 * took_ns : REBUILD_EVERY_NS);
}

static void *run(void *context)
{
	struct committer *committer = context;

	pthread_setname_np(pthread_self(), "commit");
	for (;;) {
		struct chunk *chunk = next_chunk(committer, clock_monotonic_ns() + REBUILD_EVERY_NS);
		bool idle;

		if (chunk) {
			if (!take_chunk(committer, chunk))
				return NULL;
			give_back(committer, chunk);
		}
		pthread_mutex_lock(&committer->lock);
		idle = !committer->first;
		if (committer->abandoned || (idle && committer->stopping)) {
			pthread_mutex_unlock(&committer->lock);
			return NULL;
		}
		pthread_mutex_unlock(&committer->lock);
		writer_checkpoint(*committer->writer, CHECKPOINT_BESIDE_BYTES, CHECKPOINT_HERE_BYTES);
		tidy_spans(committer);
	}
}

/* Signals are the front's: none may be taken by this thread. */
static int start_thread(struct committer *committer)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	code = pthread_create(&committer->thread, NULL, run, committer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

struct committer *committer_start(struct writer **writer, struct totals *totals, const struct ingest_files *files,
                                  int event_fd)
{
	struct committer *committer = memory_zeroed(sizeof(*committer));
	pthread_condattr_t monotonic;

	committer->writer = writer;
	committer->totals = totals;
	committer->files = files;
	committer->file.number = 1;
	committer->event_fd = event_fd;
	committer->rebuild_after_ns = clock_monotonic_ns() + REBUILD_EVERY_NS;
	pthread_mutex_init(&committer->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&committer->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (start_thread(committer) == 0)
		return committer;
	free(committer);
	return NULL;
}

void committer_put(struct committer *committer, struct chunk *chunk)
{
	chunk->next = NULL;
	pthread_mutex_lock(&committer->lock);
	if (committer->first)
		committer->last->next = chunk;
	else
		committer->first = chunk;
	committer->last = chunk;
	committer->pending++;
	pthread_cond_signal(&committer->wake);
	pthread_mutex_unlock(&committer->lock);
}

struct chunk *committer_take_done(struct committer *committer)
{
	struct chunk *done;

	pthread_mutex_lock(&committer->lock);
	done = committer->done_first;
	committer->done_first = committer->done_last = NULL;
	pthread_mutex_unlock(&committer->lock);
	return done;
}

size_t committer_pending(struct committer *committer)
{
	size_t pending;

	pthread_mutex_lock(&committer->lock);
	pending = committer->pending;
	pthread_mutex_unlock(&committer->lock);
	return pending;
}

bool committer_trouble(struct committer *committer, char *text, size_t bytes, bool *hopeless)
{
	bool trouble;

	pthread_mutex_lock(&committer->lock);
	trouble = committer->trouble != WRITE_DONE;
	*hopeless = committer->trouble == WRITE_NEVER;
	if (trouble)
		snprintf(text, bytes, "%s", committer->error.text);
	pthread_mutex_unlock(&committer->lock);
	return trouble;
}

static size_t free_list(struct chunk *chunk)
{
	size_t count = 0;

	for (struct chunk *next; chunk; chunk = next, count++) {
		next = chunk->next;
		chunk_free(chunk);
	}
	return count;
}

size_t committer_stop(struct committer *committer, bool abandon)
{
	size_t left;

	pthread_mutex_lock(&committer->lock);
	committer->stopping = true;
	committer->abandoned = abandon;
	pthread_cond_signal(&committer->wake);
	pthread_mutex_unlock(&committer->lock);
	pthread_join(committer->thread, NULL);
	left = free_list(committer->first);
	free_list(committer->done_first);
	rowlog_free(&committer->spans);
	pthread_cond_destroy(&committer->wake);
	pthread_mutex_destroy(&committer->lock);
	free(committer);
	return left;
}
