/* SPDX-License-Identifier: Apache-2.0
 *
 * recorded.h - one recorded process (more exactly: one image of it, up to its exec): its segment, read as it fills, and
 * drained once it is dead.
 *
 * Not thread-safe: all of it belongs to the server's thread.
 */
#ifndef RECORDER_RECORDED_H
#define RECORDER_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "recorder/ledger/ingest.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "segment.h"
#include "source.h"

/* What all recorded processes share. */
struct recorded_shared {
	struct ingest *ingest;
	struct clock_map *clock;
	struct segment_scratch *scratch;
	uint64_t *at_ns;                  /* TTA_BATCH_MAX_EVENTS: times of the batch in the scratch */
	struct tta_event *drained;        /* TTA_BATCH_MAX_EVENTS */
	uint32_t *drained_thread_entries; /* TTA_BATCH_MAX_EVENTS */
	char boot_id[40];
	uint64_t pid_namespace; /* in which pids are what they are here; 0: not known */
	bool saw_ticks;         /* some process's clock is the TSC: the map is worth keeping */
	uint64_t refused;       /* who was turned away or dropped */
};

/* 0 or -1: no memory. */
int recorded_shared_open(struct recorded_shared *shared, struct clock_map *clock);
void recorded_shared_close(struct recorded_shared *shared);

enum recorded_state {
	RECORDED_LIVES,
	RECORDED_DEAD,     /* its frames are being taken */
	RECORDED_DRAINING, /* its rings are being taken */
	RECORDED_ENDED,    /* its end was handed on */
};

struct recorded {
	/* Of the loop, which finds and watches it (processes.c, connections.c) */
	struct source source;          /* pidfd */
	struct connection *connection; /* NULL: not connected */
	uint64_t told_number;          /* committed number that the hook knows */
	bool urgent;                   /* somebody waits for the commit of what has been sealed */
	bool gone;                     /* to be freed when no event can name it any more */

	/* Of recorded.c alone: what is read of it */
	struct segment *segment;
	enum recorded_state state;
	bool broken;         /* nothing further is read from its segment */
	uint32_t ledger_id;  /* its number in the recording */
	uint64_t start_time; /* as /proc has it here; in another time namespace it is not what the header says */
	uint64_t committed_number;
	uint64_t sealed;
	uint64_t last_number; /* handed on */
	uint64_t renumber;    /* 0 but with the fault of its name */
	uint64_t last_ns;
	uint64_t end_ns;
	const char *how; /* it ended */
	struct clock_origin origin;
	struct drain *drain;
};

/* Opens the segment at PATH and introduces its process to the recording. 0, or with ERROR -1, or 1: it is from before
 * the last boot, or of another machine, and no recorder can read it here. */
int recorded_open(struct recorded_shared *shared, const char *path, uid_t owner, struct recorded **process,
                  struct sql_error *error);

/* Forgets the process; its segment's file stays. */
void recorded_close(struct recorded *process);

/* Tells that frames up to SEALED can be read. False: the claim cannot be. */
bool recorded_sealed(struct recorded *process, uint64_t sealed);

/* Reads from the segment itself how far it is sealed. */
void recorded_look(struct recorded_shared *shared, struct recorded *process);

/* Tells that the process is dead since END_NS (0: its last event is the best guess), or, with HOW "exec", that another
 * image took its place. What its segment still holds is drained by recorded_pump(). */
void recorded_die(struct recorded_shared *shared, struct recorded *process, const char *how, uint64_t end_ns);

/* Takes in the next batch, or does the next thing towards the end. False: there is nothing to do for now. To be called
 * while ingest_has_room(). */
bool recorded_pump(struct recorded_shared *shared, struct recorded *process);

/* Whether all sealed frames have been taken. */
bool recorded_is_idle(const struct recorded *process);
/* Whether all that was taken is committed, and there is nothing more to take. */
bool recorded_is_settled(const struct recorded *process);
/* Whether the process is known to be dead, or replaced. */
bool recorded_is_dead(const struct recorded *process);
/* Whether all that the dead process left has been handed on. */
bool recorded_has_ended(const struct recorded *process);

uint32_t recorded_ledger_id(const struct recorded *process);
const struct tta_segment_header *recorded_header(const struct recorded *process);
const char *recorded_path(const struct recorded *process);

/* When its segment was made, by CLOCK_MONOTONIC of this machine. */
uint64_t recorded_made_ns(const struct recorded *process);

/* Number up to which its events are committed. */
uint64_t recorded_committed(const struct recorded *process);
void recorded_set_committed(struct recorded *process, uint64_t number);

/* All of it is committed, its end included: the file goes. */
void recorded_unlink(struct recorded *process);

#endif
