/* SPDX-License-Identifier: Apache-2.0
 *
 * recorded.c - one recorded process: its segment, from the first frame to the last ring.
 */
#include "recorded.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drain.h"
#include "fault.h"
#include "liveness.h"
#include "users.h"
#include "sql/base/machine.h"
#include "sql/base/error.h"
#include "sql/base/say.h"

int recorded_shared_open(struct recorded_shared *shared, struct clock_map *clock)
{
	*shared = (struct recorded_shared){.clock = clock};
	machine_boot_id(shared->boot_id, sizeof(shared->boot_id));
	shared->pid_namespace = liveness_pid_namespace();
	shared->scratch = segment_scratch_new();
	shared->at_ns = calloc(TTA_BATCH_MAX_EVENTS, sizeof(*shared->at_ns));
	shared->drained = calloc(TTA_BATCH_MAX_EVENTS, sizeof(*shared->drained));
	shared->drained_thread_entries = calloc(TTA_BATCH_MAX_EVENTS, sizeof(*shared->drained_thread_entries));
	if (shared->scratch && shared->at_ns && shared->drained && shared->drained_thread_entries)
		return 0;
	recorded_shared_close(shared);
	return -1;
}

void recorded_shared_close(struct recorded_shared *shared)
{
	segment_scratch_free(shared->scratch);
	free(shared->at_ns);
	free(shared->drained);
	free(shared->drained_thread_entries);
	*shared = (struct recorded_shared){0};
}

/* 0, or as recorded_open(). */
static int check_machine(const struct recorded_shared *shared, const struct segment *segment, struct sql_error *error)
{
	const struct tta_segment_header *header = segment_header(segment);

	if (!header->boot_id[0] && shared->boot_id[0])
		return sql_fail(error, "%s: its process has no /proc: mount it in its container",
		                segment_path(segment));
	if (header->boot_id[0] && !shared->boot_id[0])
		return sql_fail(error, "%s: the recorder has no /proc: mount it in its container",
		                segment_path(segment));
	if (strcmp(header->boot_id, shared->boot_id) != 0) {
		sql_fail(error, "%s: is from another machine, or from before the last boot", segment_path(segment));
		return 1;
	}
	if (header->clock == TTA_CLOCK_TSC && !clock_has_ticks())
		return sql_fail(error, "%s: has a clock that this machine does not", segment_path(segment));
	/* its pid is somebody else's here, or nobody's: whether it lives cannot be told */
	if (header->pid_namespace && shared->pid_namespace && header->pid_namespace != shared->pid_namespace)
		return sql_fail(error, "%s: its process %u is in another pid namespace; run the recorder inside it",
		                segment_path(segment), header->pid);
	return 0;
}

static void introduce(struct recorded_shared *shared, struct recorded *process)
{
	char user_name[USERS_NAME_BYTES];
	static const uint8_t nobody[TTA_ID_BYTES];
	const struct tta_segment_header *header = segment_header(process->segment);
	struct ingest_process about = {
	    .segment_path = segment_path(process->segment),
	    .producer = header->producer,
	    .executable = header->executable,
	    .command = header->command,
	    .pid = header->pid,
	    .has_user = true,
	    .uid = header->uid,
	    .user_name = users_name(header->uid, user_name),
	    .start_time = header->start_time,
	    .joined_ns = clock_map_relative(shared->clock, process->origin.anchor.monotonic_ns),
	};

	memcpy(about.segment_id, header->id, TTA_ID_BYTES);
	memcpy(about.parent_id, header->parent_id, TTA_ID_BYTES);
	if (memcmp(header->parent_id, nobody, TTA_ID_BYTES) != 0)
		about.fork_ns = clock_map_convert(shared->clock, &process->origin, header->fork_ticks);
	process->ledger_id = ingest_process(shared->ingest, &about, &process->committed_number);
	if (FAULT("no-commit-number")) {
		process->renumber = process->committed_number;
		process->committed_number = 0;
	}
	process->last_number = process->committed_number;
}

/* A process in a time namespace of its own has other clocks than this one. */
static void set_clocks(struct recorded *process)
{
	const struct tta_segment_header *header = segment_header(process->segment);
	struct liveness_shift shift;

	process->start_time = header->start_time;
	process->origin = (struct clock_origin){
	    .clock = (enum tta_clock)header->clock,
	    .anchor = {.ticks = header->anchor_ticks, .monotonic_ns = header->anchor_monotonic_ns},
	};
	if (liveness_clock_shift((pid_t)header->pid, &shift))
		process->start_time = liveness_start_time((pid_t)header->pid);
	process->origin.shift_ns = liveness_segment_shift(header);
	process->origin.anchor.monotonic_ns -= (uint64_t)process->origin.shift_ns;
}

int recorded_open(struct recorded_shared *shared, const char *path, uid_t owner, struct recorded **result,
                  struct sql_error *error)
{
	struct recorded *process = calloc(1, sizeof(*process));
	int failed;

	*result = NULL;
	if (!process)
		return sql_fail(error, "no memory");
	process->source = (struct source){.kind = SOURCE_PROCESS, .fd = -1};
	failed = segment_open(path, owner, &process->segment, error);
	if (!failed)
		failed = check_machine(shared, process->segment, error);
	if (failed) {
		recorded_close(process);
		return failed;
	}
	process->sealed = segment_cursor(process->segment);
	set_clocks(process);
	shared->saw_ticks |= process->origin.clock == TTA_CLOCK_TSC;
	clock_map_advance(shared->clock, clock_read());
	introduce(shared, process);
	*result = process;
	return 0;
}

void recorded_close(struct recorded *process)
{
	if (!process)
		return;
	drain_free(process->drain);
	segment_close(process->segment);
	free(process);
}

bool recorded_sealed(struct recorded *process, uint64_t sealed)
{
	uint64_t cursor = segment_cursor(process->segment);

	if (sealed <= cursor)
		return true; /* known already */
	if (sealed % 8 || sealed - cursor > segment_header(process->segment)->outbox_capacity)
		return false;
	if (sealed > process->sealed)
		process->sealed = sealed;
	return true;
}

/* What the process reported from here on is not known. */
static void give_up_on(struct recorded_shared *shared, struct recorded *process, const char *why)
{
	struct ingest_loss loss = {.from_ns = process->last_ns, .to_ns = process->last_ns, .why = why};

	if (process->broken)
		return;
	process->broken = true;
	shared->refused++;
	say("process %" PRIu32 ": %s: it is not read any further", segment_header(process->segment)->pid, why);
	ingest_loss(shared->ingest, process->ledger_id, &loss, segment_table(process->segment, 0));
}

void recorded_look(struct recorded_shared *shared, struct recorded *process)
{
	if (process->broken)
		return;
	if (segment_refresh(process->segment) < 0 ||
	    !recorded_sealed(process, segment_header(process->segment)->outbox_sealed))
		give_up_on(shared, process, "its segment is damaged");
}

void recorded_die(struct recorded_shared *shared, struct recorded *process, const char *how, uint64_t end_ns)
{
	if (process->state != RECORDED_LIVES)
		return;
	recorded_look(shared, process);
	process->state = RECORDED_DEAD;
	process->how = how;
	process->end_ns = end_ns;
}

/* Fills in the times of a batch. A stamp older than its predecessor's belongs to a thread that was preempted between
 * taking it and publishing the event: it is lifted, so that the order of numbers is the order of times. */
static void convert_times(struct recorded_shared *shared, struct recorded *process, struct tta_event *events,
                          uint32_t count)
{
	clock_map_advance(shared->clock, clock_read());
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at_ns = clock_map_convert(shared->clock, &process->origin, events[i].ticks);

		if (at_ns > process->last_ns)
			process->last_ns = at_ns;
		shared->at_ns[i] = process->last_ns;
		if (events[i].kind == TTA_LOSS) /* which names the time of the first loss */
			events[i].loss.first_ticks =
			    clock_map_convert(shared->clock, &process->origin, events[i].loss.first_ticks);
	}
}

static void hand_on(struct recorded_shared *shared, struct recorded *process, const struct segment_batch *batch,
                    bool final)
{
	convert_times(shared, process, batch->events, batch->count);
	process->last_number = batch->first_number + batch->count - 1;
	ingest_batch(shared->ingest, process->ledger_id,
	             &(struct ingest_batch){
	                 .first_number = batch->first_number + process->renumber,
	                 .count = batch->count,
	                 .events = batch->events,
	                 .at_ns = shared->at_ns,
	                 .thread_entries = batch->thread_entries,
	                 .table = segment_table(process->segment, batch->table_bytes),
	                 .final = final,
	             });
}

static void hand_on_unreadable(struct recorded_shared *shared, struct recorded *process,
                               const struct segment_batch *batch)
{
	struct ingest_loss loss = {
	    .from_ns = process->last_ns,
	    .from_number = batch->first_number,
	    .to_number = batch->first_number + batch->count - 1,
	    .count = batch->count,
	    .why = "a batch could not be read",
	};

	convert_times(shared, process, &(struct tta_event){.ticks = batch->last_ticks}, 1);
	loss.to_ns = process->last_ns;
	process->last_number = loss.to_number;
	ingest_loss(shared->ingest, process->ledger_id, &loss, segment_table(process->segment, batch->table_bytes));
}

/* Takes one frame. False: there is none. */
static bool pump_frame(struct recorded_shared *shared, struct recorded *process)
{
	struct segment_batch batch;

	if (process->broken)
		return false;
	switch (segment_next(process->segment, process->sealed, process->committed_number, shared->scratch, &batch)) {
	case SEGMENT_NOTHING:
		return false;
	case SEGMENT_BATCH:
		hand_on(shared, process, &batch, false);
		return true;
	case SEGMENT_UNREADABLE:
		hand_on_unreadable(shared, process, &batch);
		return true;
	case SEGMENT_BROKEN:
		give_up_on(shared, process, "its segment is damaged");
		return true;
	}
	return false;
}

/* After the last frame: numbers go on where the frames end, whatever has been committed of the rings before. */
static void start_drain(struct recorded_shared *shared, struct recorded *process)
{
	process->state = RECORDED_DRAINING;
	if (process->broken || FAULT("no-ring-drain"))
		return;
	process->last_number = segment_last_number(process->segment);
	if (!process->last_number)
		process->last_number = segment_header(process->segment)->sealed_number;
	process->drain = drain_new(process->segment);
	if (!process->drain)
		give_up_on(shared, process, "no memory to drain it");
}

static void hand_on_losses(struct recorded_shared *shared, struct recorded *process)
{
	struct ingest_table table = segment_table(process->segment, segment_header(process->segment)->table_bytes);
	struct drain_loss lost;

	while (drain_next_loss(process->drain, &lost)) {
		struct ingest_loss loss = {.thread_entry = lost.thread_entry, .count = lost.count, .why = lost.why};

		loss.from_ns = clock_map_convert(shared->clock, &process->origin, lost.from_ticks);
		loss.to_ns = lost.to_ticks ? clock_map_convert(shared->clock, &process->origin, lost.to_ticks)
		                           : process->last_ns;
		ingest_loss(shared->ingest, process->ledger_id, &loss, table);
	}
}

static void finish(struct recorded_shared *shared, struct recorded *process)
{
	if (process->drain)
		hand_on_losses(shared, process);
	drain_free(process->drain);
	process->drain = NULL;
	if (process->end_ns < process->last_ns)
		process->end_ns = process->last_ns;
	ingest_process_ended(shared->ingest, process->ledger_id, process->end_ns, process->how);
	process->state = RECORDED_ENDED;
}

/* Takes one batch out of the rings, or ends. */
static void pump_rings(struct recorded_shared *shared, struct recorded *process)
{
	struct segment_batch batch = {
	    .first_number = process->last_number + 1,
	    .table_bytes = segment_header(process->segment)->table_bytes,
	    .events = shared->drained,
	    .thread_entries = shared->drained_thread_entries,
	};

	if (process->drain)
		batch.count = drain_next(process->drain, batch.events, batch.thread_entries, TTA_BATCH_MAX_EVENTS);
	if (batch.count)
		hand_on(shared, process, &batch, true);
	else
		finish(shared, process);
}

bool recorded_pump(struct recorded_shared *shared, struct recorded *process)
{
	if (process->state == RECORDED_ENDED)
		return false;
	if (process->state == RECORDED_DRAINING) {
		pump_rings(shared, process);
		return true;
	}
	if (pump_frame(shared, process))
		return true;
	if (process->state == RECORDED_LIVES)
		return false;
	start_drain(shared, process);
	return true;
}

bool recorded_is_idle(const struct recorded *process)
{
	return process->broken || segment_cursor(process->segment) == process->sealed;
}

bool recorded_is_settled(const struct recorded *process)
{
	return recorded_is_idle(process) && process->committed_number >= process->last_number;
}

bool recorded_is_dead(const struct recorded *process)
{
	return process->state != RECORDED_LIVES;
}

bool recorded_has_ended(const struct recorded *process)
{
	return process->state == RECORDED_ENDED;
}

uint32_t recorded_ledger_id(const struct recorded *process)
{
	return process->ledger_id;
}

const struct tta_segment_header *recorded_header(const struct recorded *process)
{
	return segment_header(process->segment);
}

const char *recorded_path(const struct recorded *process)
{
	return segment_path(process->segment);
}

uint64_t recorded_made_ns(const struct recorded *process)
{
	return process->origin.anchor.monotonic_ns;
}

uint64_t recorded_committed(const struct recorded *process)
{
	return process->committed_number;
}

void recorded_set_committed(struct recorded *process, uint64_t number)
{
	process->committed_number = number;
}

void recorded_unlink(struct recorded *process)
{
	segment_unlink(process->segment);
}
