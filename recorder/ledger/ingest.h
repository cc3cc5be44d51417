/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest.h - the recorder's back half: decoded events in, a committed SQLite file out.
 *
 * The front half (clients, segments, clocks) calls these from one thread, which keeps the ledger. A second one, owned
 * by this module, commits. Between them is a bounded queue: when it is full, ingest_has_room() is false and the front
 * leaves batches where they are, in their segments.
 */
#ifndef RECORDER_INGEST_H
#define RECORDER_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc.h"
#include "sql/base/error.h"
#include "ttalloc/event.h"
#include "ttalloc/segment.h"

struct ingest;

/* Somebody who is told of devices and of what is held there, as it is taken in: on the thread that takes it in. */
struct ingest_observer {
	/* DEVICE was opened. ARCH is not NUL-terminated. */
	void (*opened)(void *context, uint32_t device, const struct ttalloc_bank_layout *layout, const char *arch,
	               uint32_t arch_bytes);
	/* What is held of REGION on DEVICE has changed by BYTES. */
	void (*changed)(void *context, uint32_t device, uint32_t region, int64_t bytes);
	void *context;
};

/* Where a recording goes on that has become too large or too long for its file, or that is to stay below a size. Called
 * on the committing thread. */
struct ingest_files {
	uint64_t most_bytes, most_ns; /* of a file, or somewhat more; 0: however large, however long */
	/* Names the next file, which does not exist. 0, or -1 with ERROR: there can be none now. */
	int (*next)(void *context, const char **path, struct sql_error *error);
	/* Whether the recording goes on in it. */
	void (*done)(void *context, bool begun);
	void *context;
};

struct ingest_options {
	const char *path;                       /* of the database */
	bool append;                            /* go on with an existing recording; else the file must not exist */
	const char *devices;                    /* numbers with commas, that alone are recorded; NULL: all */
	const char *command;                    /* of wrap mode, or NULL */
	const char *socket;                     /* on which hooks report */
	const char *job;                        /* that it is a part of, or "" */
	int64_t rank;                           /* in the job; -1: not known */
	int64_t ranks;                          /* that the job has; 0: not known */
	uint64_t start_monotonic_ns;            /* time 0, when not appending */
	const struct ingest_observer *observer; /* NULL: nobody. Outlives the ingest */
	const struct ingest_files *files;       /* NULL: there is one. Outlives the ingest */
};

/* What the recording itself knows, after opening. */
struct ingest_recording {
	uint8_t id[TTA_ID_BYTES];
	uint64_t start_monotonic_ns;
	char socket[112];
	char boot_id[40];
	bool clean; /* appending: the recording had ended */
};

/* Opens or makes the database and starts the committing thread. 0, or -1 with ERROR filled. */
int ingest_open(const struct ingest_options *options, struct ingest **ingest, struct ingest_recording *recording,
                struct sql_error *error);

/* Commits all there is, makes the spans that are missing, stores how the recording ENDED ("clean"), and leaves one file
 * in rollback mode. PROGRESS (may be NULL) is called now and then with a fraction. While the disk is full it keeps
 * trying until *GIVE_UP (may be NULL) is set by a signal handler. 0: all events are in the file; ERROR is empty, or a
 * line to show, such as that another program reads the file and so keeps it from being a single one. -1 with ERROR:
 * something is not in the file (it is still in the segments: do not unlink them). The ingest is freed either way. */
int ingest_close(struct ingest *ingest, const char *ended, void (*progress)(double fraction, void *context),
                 void *context, const volatile int *give_up, struct sql_error *error);

/* True when a further batch will be taken without waiting. */
bool ingest_has_room(struct ingest *ingest);

/* An eventfd that becomes readable when something was committed, or when ingest_has_room() turned true. */
int ingest_event_fd(struct ingest *ingest);

struct ingest_process {
	uint8_t segment_id[TTA_ID_BYTES];
	uint8_t parent_id[TTA_ID_BYTES]; /* zeros: none */
	const char *segment_path, *producer, *executable, *command;
	uint32_t pid;
	bool has_user;
	uint32_t uid;          /* if HAS_USER */
	const char *user_name; /* NULL: it has none */
	uint64_t start_time;
	uint64_t joined_ns; /* relative to the recording's start; earlier is 0 */
	uint64_t fork_ns;   /* when it was forked, when parent_id is set */
	bool unobserved;    /* the observer is not told of its changes, since it knows them */
};

/* Introduces a process, or finds it again by its segment_id after a restart. Returns its id (> 0), and in
 * *COMMITTED_NUMBER the number up to which its events are in the file already. */
uint32_t ingest_process(struct ingest *ingest, const struct ingest_process *process, uint64_t *committed_number);

/* Whether all of it is in the file, its end included: its recorder was killed before it could remove the segment. */
bool ingest_has_all(const struct ingest *ingest, uint32_t process);

/* Entries of a process's table (segment.h), as far as its events may name them. Lives until the process has ended. */
struct ingest_table {
	const uint8_t *bytes;
	uint64_t size_bytes;
	uint64_t most_bytes; /* it may become larger than what is read of it; 0: it may not */
};

struct ingest_batch {
	uint64_t first_number;
	uint32_t count;
	const struct tta_event *events; /* ticks are NOT used; of a LOSS mark, address is a time like those of at_ns */
	const uint64_t *at_ns;          /* times relative to the recording's start, rising */
	const uint32_t *thread_entries; /* table entry of the thread of each event */
	struct ingest_table table;
	bool final; /* drained from a dead process: the last of it */
};

/* Whether a hook of TT-Metal has said that it reports the process. That of the host's malloc does not see the
 * accelerator, and who calls the API (for a label or a step) says no more than is wanted. */
bool ingest_is_hooked(const struct ingest *ingest, uint32_t process);

/* Somebody was turned away, and so what it does is lost: a row of loss, and one of process unless ABOUT is NULL, which
 * is when nobody knows who it was. Once for each process. WHY: with what to do about it. */
void ingest_turned_away(struct ingest *ingest, const struct ingest_process *about, uint64_t at_ns, const char *why);

/* Takes a batch in, without ever waiting; copies what it needs. Batches of one process come in order. Numbers at or
 * below the committed ones are skipped (a resend), a gap before first_number becomes a loss row. Names of table entries
 * that do not exist are taken as none: nothing in a batch is trusted. */
void ingest_batch(struct ingest *ingest, uint32_t process, const struct ingest_batch *batch);

struct ingest_loss {
	uint32_t thread_entry; /* 0: not one thread's */
	uint64_t from_ns, to_ns;
	uint64_t from_number, to_number; /* 0: the lost events had no numbers */
	uint64_t count;                  /* 0: not known */
	const char *why;
	bool events_are_there; /* in the recording, and lack what WHY says */
};
void ingest_loss(struct ingest *ingest, uint32_t process, const struct ingest_loss *loss, struct ingest_table table);

/* The process is gone and its last batch was taken: what it held ends. HOW: "process exit" or "exec". */
void ingest_process_ended(struct ingest *ingest, uint32_t process, uint64_t at_ns, const char *how);

/* Time has passed: hands what has been taken to the committing thread when it is old enough (or when URGENT). To be
 * called at least every 100 ms. NOW_NS: relative to the recording's start. */
void ingest_tick(struct ingest *ingest, uint64_t now_ns, bool urgent);

/* Calls COMMITTED for every process whose committed number has risen since the last call. ENDED: all of it is in the
 * file, its end included, and its segment may be unlinked. */
void ingest_take_committed(struct ingest *ingest,
                           void (*committed)(uint32_t process, uint64_t number, bool ended, void *context),
                           void *context);

/* How large the file is that is being written. */
uint64_t ingest_file_bytes(struct ingest *ingest);

/* Remembers how ticks map to time (clock_anchor), with the next commit. */
void ingest_clock_anchor(struct ingest *ingest, uint64_t ticks, uint64_t monotonic_ns);

/* The anchors of the recording that was opened, oldest first; returns how many were stored in ANCHORS (pairs). */
size_t ingest_clock_anchors(struct ingest *ingest, uint64_t (*anchors)[2], size_t capacity);

/* Trouble of the committing thread to show: NULL, or a line such as "disk full: ...". */
const char *ingest_trouble(struct ingest *ingest);

/* Whether that trouble is of a kind that waiting does not end, such as a damaged file. */
bool ingest_is_hopeless(struct ingest *ingest);

/* Totals for the closing summary and the progress line; cheap. */
struct ingest_totals {
	uint64_t processes, events, failures, lost, unmatched_frees, replaced;
	uint64_t taken_events, committed_events;
	uint64_t live_blocks;
};
void ingest_totals(struct ingest *ingest, struct ingest_totals *totals);

/* Processes that are in the file, not ended there: their segments are to be drained after a restart. Calls EACH for
 * every one; one without a segment has an empty path. */
void ingest_open_processes(struct ingest *ingest,
                           void (*each)(uint32_t process, const char *segment_path, uint64_t committed_number,
                                        void *context),
                           void *context);

#endif
