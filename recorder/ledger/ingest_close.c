/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest_close.c - ending a recording.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ingest_private.h"

#define READER_PATIENCE_MS 5000u
#define SPAN_TRIES 10
#define SPAN_PAUSE_MS 500u

struct closing {
	void (*progress)(double fraction, void *context);
	void *context;
	const volatile int *give_up;
};

static bool gave_up(const struct closing *closing)
{
	return closing->give_up && *closing->give_up;
}

static bool go_on(double fraction, void *context)
{
	const struct closing *closing = context;

	if (closing->progress)
		closing->progress(0.5 + 0.5 * fraction, closing->context);
	return !gave_up(closing);
}

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

/* Waits for the committing thread. False: something will stay uncommitted. */
static bool commit_all(struct ingest *ingest, const struct closing *closing, struct sql_error *error)
{
	bool hopeless = false;
	size_t all, left;

	if (ingest->ledger.chunk->opened_ns) {
		ingest_finish_chunk(ingest);
		committer_put(ingest->committer, ingest->ledger.chunk);
		ingest->ledger.chunk = NULL;
	}
	all = committer_pending(ingest->committer);
	while ((left = committer_pending(ingest->committer)) > 0 && !gave_up(closing) && !hopeless) {
		if (closing->progress)
			closing->progress(0.5 * (double)(all - left) / (double)all, closing->context);
		nap(2);
		committer_trouble(ingest->committer, error->text, sizeof(error->text), &hopeless);
	}
	if (committer_stop(ingest->committer, left > 0) == 0)
		return true;
	if (!error->text[0])
		snprintf(error->text, sizeof(error->text), "not all of it was committed");
	return false;
}

/* Spans that cannot be made now are not lost: the file says from when on they are missing, and readers go without. */
static void make_spans(struct ingest *ingest, struct closing *closing, struct sql_error *error)
{
	enum write_result result = WRITE_LATER;
	struct sql_error why = {{0}};

	for (int tries = 0; tries < SPAN_TRIES && result == WRITE_LATER && !gave_up(closing); tries++) {
		if (tries)
			nap(SPAN_PAUSE_MS);
		result = totals_rebuild(ingest->totals, ingest->writer, true, go_on, closing, &why);
	}
	if (result != WRITE_DONE)
		snprintf(error->text, sizeof(error->text),
		         "all events are recorded, but not all totals over time: %.400s",
		         why.text[0] ? why.text : "interrupted");
}

/* All events are in the file already: what fails here is worth a line, no more. */
static void finish_file(struct ingest *ingest, struct closing *closing, struct sql_error *error)
{
	uint64_t end_ns = ingest->now_ns > ingest->ledger.last_ns ? ingest->now_ns : ingest->ledger.last_ns;
	struct sql_error why;

	make_spans(ingest, closing, error);
	if (writer_finish(ingest->writer, end_ns, "clean", READER_PATIENCE_MS, &why) != WRITE_DONE)
		snprintf(error->text, sizeof(error->text), "%s", why.text);
}

int ingest_close(struct ingest *ingest, void (*progress)(double fraction, void *context), void *context,
                 const volatile int *give_up, struct sql_error *error)
{
	struct closing closing = {.progress = progress, .context = context, .give_up = give_up};
	bool all;

	error->text[0] = '\0';
	all = commit_all(ingest, &closing, error);
	if (all) {
		error->text[0] = '\0';
		finish_file(ingest, &closing, error);
	}
	ingest_free(ingest);
	return all ? 0 : -1;
}
