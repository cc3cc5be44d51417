/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest.c - the recorder's back half as the front sees it: what comes in goes into a chunk, which is handed to the
 * committing thread and comes back.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "commit.h"
#include "ledger.h"
#include "resume.h"
#include "sql/base/machine.h"
#include "ttalloc.h"

#define CHUNK_OLD_NS 150000000u
#define CHUNKS 3u /* in all: one is filled, one is committed, one waits */
#define READER_PATIENCE_MS 5000u
#define SPAN_TRIES 10
#define SPAN_PAUSE_MS 500u

struct ingest {
	struct ledger ledger;
	struct writer *writer;
	struct totals *totals;
	struct committer *committer;
	struct chunk *vacant;
	uint32_t chunk_serial;
	int event_fd;
	bool urgent;
	uint64_t now_ns, committed_events;
	const struct ingest_files *files; /* NULL: there is one */
	uint32_t file_number;             /* that the chunk goes to */
	uint64_t file_since_ns;           /* CLOCK_MONOTONIC */
	uint64_t (*anchors)[2];
	size_t anchor_count, anchor_capacity;
	char trouble[512];
};

/* ---- chunks ---- */

/* To be called before something is put into the chunk: its age counts from there. */
static struct chunk *opened_chunk(struct ingest *ingest)
{
	if (!ingest->ledger.chunk->opened_ns)
		ingest->ledger.chunk->opened_ns = clock_monotonic_ns();
	return ingest->ledger.chunk;
}

static void take_note(struct ingest *ingest, const struct chunk_note *note)
{
	struct process *process = process_by_id(&ingest->ledger, note->process);

	process->news |= note->number > process->committed_number || note->ended;
	process->committed_number = note->number;
	process->ended_committed |= note->ended;
}

/* Takes committed chunks back. */
static void reap(struct ingest *ingest)
{
	struct chunk *chunk = committer_take_done(ingest->committer), *next;

	for (; chunk; chunk = next) {
		next = chunk->next;
		for (size_t i = 0; i < chunk->notes.count; i++)
			take_note(ingest, &chunk->notes.rows[i]);
		ingest->committed_events += chunk->events;
		chunk_clear(chunk, 0, 0);
		chunk->next = ingest->vacant;
		ingest->vacant = chunk;
	}
}

static void finish_chunk(struct ingest *ingest)
{
	struct ledger *ledger = &ingest->ledger;
	struct chunk *chunk = ledger->chunk;

	ledger_flush_batch(ledger);
	for (size_t i = 0; i < ledger->touched_count; i++) {
		struct process *process = process_by_id(ledger, ledger->touched[i]);

		if (process->holdings)
			ranges_log(ledger, process);
		process_log_state(ledger, process, &chunk->log);
		*CHUNK_ADD(&chunk->notes) =
		    (struct chunk_note){process->id, process->ended != NULL, process->taken_number};
	}
	ledger->touched_count = 0;
	chunk_drop_freed(chunk);
	chunk->end_ns = ingest->now_ns > ledger->last_ns ? ingest->now_ns : ledger->last_ns;
}

/* Whether the file has become too large or too old. Of one that begins with much the size counts from there. */
static bool is_file_full(struct ingest *ingest)
{
	const struct ingest_files *files = ingest->files;
	struct committer_file file = committer_file(ingest->committer);

	if (!files || !ingest->ledger.chunk->events || file.number != ingest->file_number)
		return false; /* the next one has not begun yet */
	if (files->most_ns && clock_monotonic_ns() - ingest->file_since_ns >= files->most_ns)
		return true;
	return files->most_bytes && file.bytes >= files->most_bytes && file.bytes >= 2 * file.begin_bytes;
}

/* The recording goes on in another file, behind the present chunk, which is finished. */
static void end_file(struct ingest *ingest)
{
	struct ledger *ledger = &ingest->ledger;
	const struct file_begin begin = {.at_ns = ledger->last_ns, .key = ledger->next_key - 1};

	ledger->chunk->ends_file = true;
	ledger->chunk->next_begin = begin;
	ledger->chunk->end_ns = ledger->last_ns;
	ledger_begin_file(ledger, &begin);
	ingest->file_number++;
	ingest->file_since_ns = clock_monotonic_ns();
}

/* Gives the chunk to the committing thread and begins another, if there is one. */
static bool hand_over(struct ingest *ingest)
{
	struct chunk *next = ingest->vacant;

	if (!next)
		return false;
	bool is_last = is_file_full(ingest);

	finish_chunk(ingest);
	if (is_last)
		end_file(ingest);
	committer_put(ingest->committer, ingest->ledger.chunk);
	ingest->vacant = next->next;
	chunk_clear(next, ++ingest->chunk_serial, ingest->ledger.next_key);
	ingest->ledger.chunk = next;
	ingest->urgent = false;
	return true;
}

static bool is_full(const struct ingest *ingest)
{
	return ingest->ledger.chunk->events > CHUNK_FULL_EVENTS;
}

bool ingest_has_room(struct ingest *ingest)
{
	reap(ingest);
	return !is_full(ingest) || ingest->vacant;
}

int ingest_event_fd(struct ingest *ingest)
{
	return ingest->event_fd;
}

void ingest_tick(struct ingest *ingest, uint64_t now_ns, bool urgent)
{
	const struct chunk *chunk = ingest->ledger.chunk;

	if (now_ns > ingest->now_ns)
		ingest->now_ns = now_ns;
	reap(ingest);
	ingest->urgent |= urgent;
	if (!chunk->opened_ns) {
		ingest->urgent = false;
		return;
	}
	if (is_full(ingest)) {
		hand_over(ingest);
		return;
	}
	/* While the thread is at work, the chunk may as well go on filling. */
	if (committer_pending(ingest->committer) == 0 &&
	    (ingest->urgent || clock_monotonic_ns() - chunk->opened_ns >= CHUNK_OLD_NS))
		hand_over(ingest);
}

void ingest_take_committed(struct ingest *ingest,
                           void (*committed)(uint32_t process, uint64_t number, bool ended, void *context),
                           void *context)
{
	uint64_t ignored;

	if (read(ingest->event_fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
		return;
	reap(ingest);
	for (size_t i = 0; i < ingest->ledger.process_count; i++) {
		struct process *process = ingest->ledger.processes[i];

		if (!process->news)
			continue;
		process->news = false;
		committed(process->id, process->committed_number, process->ended_committed, context);
	}
}

const char *ingest_trouble(struct ingest *ingest)
{
	bool hopeless;

	return committer_trouble(ingest->committer, ingest->trouble, sizeof(ingest->trouble), &hopeless)
	           ? ingest->trouble
	           : NULL;
}

bool ingest_is_hopeless(struct ingest *ingest)
{
	char text[sizeof(ingest->trouble)];
	bool hopeless;

	return committer_trouble(ingest->committer, text, sizeof(text), &hopeless) && hopeless;
}

/* ---- what comes in ---- */

static uint32_t id_of_segment(const struct ingest *ingest, const uint8_t *segment_id)
{
	static const uint8_t none[TTA_ID_BYTES];
	const struct process *process =
	    memcmp(segment_id, none, sizeof(none)) != 0 ? process_find(&ingest->ledger, segment_id) : NULL;

	return process ? process->id : 0;
}

/* A child may say hello before its parent does. */
static void adopt_children(struct ingest *ingest, const struct process *parent)
{
	struct rowlog *log = &ingest->ledger.chunk->log;

	for (size_t i = 0; i < ingest->ledger.process_count; i++) {
		struct process *child = ingest->ledger.processes[i];

		if (child->parent || !child->forked || memcmp(child->parent_id, parent->segment_id, TTA_ID_BYTES) != 0)
			continue;
		child->parent = parent->id;
		rowlog_process_parent(log, &(struct process_parent_row){.id = child->id, .parent = parent->id});
	}
}

static void log_process(struct ingest *ingest, const struct process *process, const struct ingest_process *about)
{
	struct rowlog *log = &ingest->ledger.chunk->log;
	char segment_id[2 * TTA_ID_BYTES + 1];

	segment_id_format(process->segment_id, segment_id);
	rowlog_process(log, &(struct process_row){.id = process->id,
	                                          .pid = about->pid,
	                                          .start_time = about->start_time,
	                                          .parent = process->parent,
	                                          .segment_id = row_string(segment_id),
	                                          .segment_path = row_string(process->segment_path),
	                                          .producer = row_string(about->producer ? about->producer : ""),
	                                          .executable = row_string(about->executable ? about->executable : ""),
	                                          .command = row_string(about->command ? about->command : ""),
	                                          .joined_ns = about->joined_ns});
	if (about->has_user)
		rowlog_process_user(
		    log, &(struct process_user_row){.process = process->id,
		                                    .uid = about->uid,
		                                    .name = row_string(about->user_name ? about->user_name : "")});
}

uint32_t ingest_process(struct ingest *ingest, const struct ingest_process *about, uint64_t *committed_number)
{
	static const uint8_t none[TTA_ID_BYTES];
	struct process *process;

	reap(ingest);
	process = process_find(&ingest->ledger, about->segment_id);
	if (process) {
		*committed_number = process->committed_number;
		return process->id;
	}
	opened_chunk(ingest);
	process = process_new(&ingest->ledger, about->segment_id);
	memcpy(process->parent_id, about->parent_id, TTA_ID_BYTES);
	process->unobserved = about->unobserved;
	if (about->producer)
		process_note_producer(process, about->producer, strlen(about->producer));
	process->forked = memcmp(about->parent_id, none, sizeof(none)) != 0;
	process->parent = id_of_segment(ingest, about->parent_id);
	process->segment_path = memory_or_die(strdup(about->segment_path ? about->segment_path : ""));
	process->last_ns = about->joined_ns;
	log_process(ingest, process, about);
	process_touch(&ingest->ledger, process);
	adopt_children(ingest, process);
	*committed_number = 0;
	return process->id;
}

bool ingest_is_hooked(const struct ingest *ingest, uint32_t process)
{
	return process_by_id(&ingest->ledger, process)->hooked;
}

bool ingest_has_all(const struct ingest *ingest, uint32_t process)
{
	return process_by_id(&ingest->ledger, process)->ended_committed;
}

/* What lies between the last number taken and FIRST_NUMBER is nowhere. */
static void note_gap(struct ingest *ingest, struct process *process, const struct ingest_batch *batch)
{
	struct ingest_loss loss = {
	    .from_ns = process->last_ns,
	    .to_ns = batch->at_ns[0],
	    .from_number = process->taken_number + 1,
	    .to_number = batch->first_number - 1,
	    .count = batch->first_number - 1 - process->taken_number,
	    .why = "missing from the segment",
	};

	ledger_loss(&ingest->ledger, process, 0, &loss);
}

void ingest_batch(struct ingest *ingest, uint32_t id, const struct ingest_batch *batch)
{
	struct process *process = process_by_id(&ingest->ledger, id);
	uint32_t skip = 0;

	if (!process || !process->holdings || !batch->count)
		return;
	if (is_full(ingest)) {
		reap(ingest);
		hand_over(ingest);
	}
	if (!process->first_number) {
		process->first_number = batch->first_number;
		process->taken_number = batch->first_number - 1;
	}
	if (batch->first_number <= process->taken_number) {
		if (batch->first_number + batch->count - 1 <= process->taken_number)
			return;
		skip = (uint32_t)(process->taken_number + 1 - batch->first_number);
	}
	opened_chunk(ingest)->events += batch->count - skip;
	process_touch(&ingest->ledger, process);
	if (batch->first_number > process->taken_number + 1)
		note_gap(ingest, process, batch);
	events_apply(&ingest->ledger, process, batch, skip);
	process->taken_number = batch->first_number + batch->count - 1;
	ingest->ledger.totals.taken_events += batch->count - skip;
	if (is_full(ingest))
		hand_over(ingest);
}

void ingest_loss(struct ingest *ingest, uint32_t id, const struct ingest_loss *loss, struct ingest_table table)
{
	struct process *process = process_by_id(&ingest->ledger, id);
	uint32_t thread = 0;

	if (!process)
		return;
	opened_chunk(ingest);
	process_touch(&ingest->ledger, process);
	if (loss->thread_entry)
		thread = attribution_thread(&ingest->ledger, process, &table, loss->thread_entry);
	ledger_loss(&ingest->ledger, process, thread, loss);
	if (loss->from_number && !process->first_number)
		process->first_number = loss->from_number;
	if (loss->to_number > process->taken_number)
		process->taken_number = loss->to_number;
}

void ingest_turned_away(struct ingest *ingest, const struct ingest_process *about, uint64_t at_ns, const char *why)
{
	struct ingest_loss loss = {.from_ns = at_ns, .to_ns = at_ns, .why = why};
	struct process *process = NULL;
	uint64_t ignored;

	opened_chunk(ingest);
	if (about) {
		process = process_by_id(&ingest->ledger, ingest_process(ingest, about, &ignored));
		if (process->turned_away)
			return;
		process->turned_away = true;
		process_touch(&ingest->ledger, process);
	}
	ledger_loss(&ingest->ledger, process, 0, &loss);
}

/* What it held leaves the totals of all processes; its own keep what it held to the end. */
static void release_holdings(struct ledger *ledger, const struct process *process)
{
	struct holdings *holdings = process->holdings;
	struct usage_change change = {.at_ns = process->ended_ns, .key = INT64_MAX, .process = process->id};

	for (size_t i = 0; i < holdings->region_total_count; i++) {
		const struct region_total *total = &holdings->region_totals[i];

		change.bytes = -total->live_bytes;
		change.bank_bytes = -total->live_bank_bytes;
		change.blocks = -total->live_blocks;
		if (change.bytes || change.bank_bytes || change.blocks)
			ledger_change(ledger, total->ledger_region, &change);
	}
}

void ingest_process_ended(struct ingest *ingest, uint32_t id, uint64_t at_ns, const char *how)
{
	struct process *process = process_by_id(&ingest->ledger, id);

	if (!process || process->ended)
		return;
	opened_chunk(ingest);
	process_touch(&ingest->ledger, process);
	process->ended = strcmp(how, "exec") == 0 ? "exec" : "process exit";
	/* later than its last event, so that what it held at that moment can be seen */
	process->ended_ns = at_ns > process->last_ns ? at_ns : process->last_ns + 1;
	if (process->ended_ns > ingest->ledger.last_ns)
		ingest->ledger.last_ns = process->ended_ns;
	release_holdings(&ingest->ledger, process);
	ranges_log(&ingest->ledger, process);
	process_log_state(&ingest->ledger, process, &ingest->ledger.chunk->log);
	process_drop_holdings(process);
	free(process->segment_path);
	process->segment_path = NULL;
}

void ingest_clock_anchor(struct ingest *ingest, uint64_t ticks, uint64_t monotonic_ns)
{
	struct rowlog *log = &opened_chunk(ingest)->log;

	rowlog_clock(log, &(struct clock_row){.ticks = ticks, .at_monotonic_ns = monotonic_ns});
}

/* ---- what is asked ---- */

size_t ingest_clock_anchors(struct ingest *ingest, uint64_t (*anchors)[2], size_t capacity)
{
	/* If there is not room for all, the latest are of more use. */
	size_t skip = ingest->anchor_count > capacity ? ingest->anchor_count - capacity : 0;

	if (ingest->anchor_count > skip)
		memcpy(anchors, ingest->anchors + skip, (ingest->anchor_count - skip) * sizeof(*anchors));
	return ingest->anchor_count - skip;
}

uint64_t ingest_file_bytes(struct ingest *ingest)
{
	return committer_file(ingest->committer).bytes;
}

void ingest_totals(struct ingest *ingest, struct ingest_totals *totals)
{
	reap(ingest);
	*totals = ingest->ledger.totals;
	totals->processes = ingest->ledger.process_count;
	totals->committed_events = ingest->committed_events;
	totals->lost = 0;
	for (size_t i = 0; i < ingest->ledger.process_count; i++) {
		const struct process *process = ingest->ledger.processes[i];

		totals->events += process->events;
		totals->failures += process->failures;
		totals->lost += process->lost;
		totals->unmatched_frees += process->unmatched_frees;
		totals->replaced += process->replaced;
		if (process->holdings)
			totals->live_blocks += blocks_count(&process->holdings->blocks);
	}
}

void ingest_open_processes(struct ingest *ingest,
                           void (*each)(uint32_t process, const char *segment_path, uint64_t committed_number,
                                        void *context),
                           void *context)
{
	for (size_t i = 0; i < ingest->ledger.process_count; i++) {
		const struct process *process = ingest->ledger.processes[i];

		if (!process->ended && process->segment_path)
			each(process->id, process->segment_path, process->committed_number, context);
	}
}

/* ---- making a recording, or going on with one ---- */

static void describe_recording(const struct ingest_options *options, struct writer_identity *identity)
{
	const struct passwd *user = getpwuid(getuid());
	uint8_t id[TTA_ID_BYTES];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		memcpy(id, (uint64_t[]){(uint64_t)clock_ns(CLOCK_REALTIME), (uint64_t)getpid()}, sizeof(id));
	segment_id_format(id, identity->uuid);
	identity->version = TTALLOC_VERSION;
	identity->start_monotonic_ns = (int64_t)options->start_monotonic_ns;
	identity->start_realtime_ns =
	    clock_ns(CLOCK_REALTIME) - (monotonic_ns() - (int64_t)options->start_monotonic_ns);
	machine_boot_id(identity->boot_id, sizeof(identity->boot_id));
	if (gethostname(identity->host, sizeof(identity->host) - 1) != 0)
		identity->host[0] = '\0';
	if (user)
		snprintf(identity->user, sizeof(identity->user), "%s", user->pw_name);
	else
		snprintf(identity->user, sizeof(identity->user), "%u", (unsigned)getuid());
	if (!getcwd(identity->directory, sizeof(identity->directory)))
		identity->directory[0] = '\0';
	snprintf(identity->socket, sizeof(identity->socket), "%s", options->socket ? options->socket : "");
	identity->command = options->command;
	identity->job = options->job;
	identity->rank = options->rank;
	if (options->devices)
		snprintf(identity->devices, sizeof(identity->devices), "[%s]", options->devices);
	identity->ranks = options->ranks;
}

static bool load_anchor(void *context, const void *untyped)
{
	const struct clock_row *row = untyped;
	struct ingest *ingest = context;

	ingest->anchors =
	    memory_room(ingest->anchors, ingest->anchor_count, &ingest->anchor_capacity, sizeof(*ingest->anchors));
	ingest->anchors[ingest->anchor_count][0] = (uint64_t)row->ticks;
	ingest->anchors[ingest->anchor_count++][1] = (uint64_t)row->at_monotonic_ns;
	return true;
}

static int open_writer(struct ingest *ingest, const struct ingest_options *options, struct writer_identity *identity,
                       struct sql_error *error)
{
	if (!options->append) {
		describe_recording(options, identity);
		return writer_create(options->path, identity, &ingest->writer, error);
	}
	if (writer_reopen(options->path, &ingest->writer, identity, error) != 0 ||
	    resume(&ingest->ledger, ingest->totals, ingest->writer, error) != 0)
		return -1;
	ingest->ledger.chunk->first_key = ingest->ledger.next_key;
	return writer_load(ingest->writer, LOAD_CLOCKS, load_anchor, ingest, error);
}

static struct ingest *ingest_new(void)
{
	struct ingest *ingest = memory_zeroed(sizeof(*ingest));

	ingest->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ingest->totals = totals_new();
	ingest->ledger.dictionary = dictionary_new();
	ingest->ledger.range_words = range_words_new();
	ingest->ledger.next_key = 1;
	ingest->ledger.chunk = chunk_new();
	chunk_clear(ingest->ledger.chunk, ++ingest->chunk_serial, 1);
	for (unsigned i = 1; i < CHUNKS; i++) {
		struct chunk *chunk = chunk_new();

		chunk->next = ingest->vacant;
		ingest->vacant = chunk;
	}
	return ingest;
}

static void free_ingest(struct ingest *ingest)
{
	struct ledger *ledger = &ingest->ledger;

	for (size_t i = 0; i < ledger->process_count; i++) {
		process_drop_holdings(ledger->processes[i]);
		free(ledger->processes[i]->segment_path);
		free(ledger->processes[i]);
	}
	free(ledger->processes);
	index_free(&ledger->process_index);
	free(ledger->regions);
	index_free(&ledger->region_index);
	free(ledger->touched);
	chips_free(ledger);
	dictionary_free(ledger->dictionary);
	range_words_free(ledger->range_words);
	chunk_free(ledger->chunk);
	for (struct chunk *chunk = ingest->vacant, *next; chunk; chunk = next) {
		next = chunk->next;
		chunk_free(chunk);
	}
	totals_free(ingest->totals);
	writer_close(ingest->writer);
	free(ingest->anchors);
	close(ingest->event_fd);
	free(ingest);
}

int ingest_open(const struct ingest_options *options, struct ingest **made, struct ingest_recording *recording,
                struct sql_error *error)
{
	struct ingest *ingest = ingest_new();
	struct writer_identity identity = {0};
	struct sql_error why = {{0}};

	ingest->ledger.observer = options->observer;
	ingest->files = options->files;
	ingest->file_number = 1;
	ingest->file_since_ns = clock_monotonic_ns();
	if (open_writer(ingest, options, &identity, &why) != 0)
		goto failed;
	chips_choose(&ingest->ledger, identity.devices);
	ingest->committer = committer_start(&ingest->writer, ingest->totals, options->files, ingest->event_fd);
	if (!ingest->committer) {
		snprintf(why.text, sizeof(why.text), "no thread could be started: %s", strerror(errno));
		goto failed;
	}
	*recording = (struct ingest_recording){
	    .start_monotonic_ns = (uint64_t)identity.start_monotonic_ns,
	    .clean = identity.clean,
	};
	segment_id_parse(identity.uuid, strlen(identity.uuid), recording->id);
	memcpy(recording->socket, identity.socket, sizeof(recording->socket));
	memcpy(recording->boot_id, identity.boot_id, sizeof(recording->boot_id));
	*made = ingest;
	return 0;
failed:
	snprintf(error->text, sizeof(error->text), "%s", why.text);
	free_ingest(ingest);
	return -1;
}

/* ---- ending it ---- */

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
		finish_chunk(ingest);
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
static void finish_file(struct ingest *ingest, const char *ended, struct closing *closing, struct sql_error *error)
{
	uint64_t end_ns = ingest->now_ns > ingest->ledger.last_ns ? ingest->now_ns : ingest->ledger.last_ns;
	struct sql_error why;

	make_spans(ingest, closing, error);
	if (writer_finish(ingest->writer, end_ns, ended, READER_PATIENCE_MS, &why) != WRITE_DONE)
		snprintf(error->text, sizeof(error->text), "%s", why.text);
}

int ingest_close(struct ingest *ingest, const char *ended, void (*progress)(double fraction, void *context),
                 void *context, const volatile int *give_up, struct sql_error *error)
{
	struct closing closing = {.progress = progress, .context = context, .give_up = give_up};
	bool all;

	error->text[0] = '\0';
	all = commit_all(ingest, &closing, error);
	if (all) {
		error->text[0] = '\0';
		finish_file(ingest, ended, &closing, error);
	}
	free_ingest(ingest);
	return all ? 0 : -1;
}
