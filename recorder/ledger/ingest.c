/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest.c - the recorder's back half as the front sees it: what comes in goes into a chunk, which is handed to the
 * committing thread and comes back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ingest_private.h"
#include "sql/base/machine.h"

#define CHUNK_OLD_NS 150000000u

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

void ingest_finish_chunk(struct ingest *ingest)
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

/* Gives the chunk to the committing thread and begins another, if there is one. */
static bool hand_over(struct ingest *ingest)
{
	struct chunk *next = ingest->vacant;

	if (!next)
		return false;
	ingest_finish_chunk(ingest);
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
