/* SPDX-License-Identifier: Apache-2.0
 *
 * server.h - the loop that serves hooks: takes what they sealed, tells them what is committed, notices who dies and
 * drains what the dead left.
 *
 * One thread. What it takes in goes to the committing thread through ingest.h; while that one is behind, events stay in
 * their segments, and sockets are served all the same.
 */
#ifndef RECORDER_SERVER_H
#define RECORDER_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "guest.h"
#include "recorder/ledger/ingest.h"
#include "listener.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "users.h"

struct server;

/* Who is told of processes. Called on the server's thread. */
struct server_watcher {
	void (*joined)(void *context, pid_t pid);
	void (*waiting)(void *context); /* now and then, while none has joined */
	void *context;
};

struct server_setup {
	unsigned commit_ms; /* commit at least that often */
	bool verbose;       /* say who joins and who leaves */
	const struct ingest_recording *recording;
	struct ingest *ingest;
	struct clock_map *clock;
	struct listener *listener;
	const struct users *users; /* whose processes are taken in */
	pid_t command;             /* runs until it ends, and passes signals on to it; 0: runs until told to stop */
	const struct server_watcher *watcher; /* NULL: nobody */
	const struct guest *guest;            /* NULL: none */
	sigset_t signals;                     /* blocked ones, to be read from a descriptor */
	/* Why the recording is over, whatever the command or the processes do; NULL: it is not. May be NULL itself. */
	const char *(*is_enough)(void *context);
	void *enough_context;
	bool until_all_ended; /* without a command: end when no process is left, not only when told to */
	bool await_first;     /* and not before there was one */
};

/* What came of it. */
struct server_report {
	uint64_t processes; /* segments that were read */
	uint64_t refused;   /* turned away, or dropped as damaged */
	uint64_t living;    /* processes that were still running at the end */
	uint64_t unwritten; /* processes whose events are not all in the file: their segments stay */
	bool gave_up;       /* because a signal said not to wait for the disk */
	int wait_status;    /* of the command */
	bool command_runs;  /* it has not ended */
	const char *enough; /* why the recording ended before what it records; NULL: it did not */
};

/* NULL with ERROR filled. What SETUP points to has to outlive it. */
struct server *server_open(const struct server_setup *setup, struct sql_error *error);

/* Takes in what processes of an earlier run of this recording left. 0; -1 with ERROR when it cannot go on. */
int server_resume(struct server *server, struct sql_error *error);

/* Runs until the command has ended, or until told to stop; then until all that was reported is committed. */
void server_run(struct server *server, struct server_report *report);

void server_close(struct server *server);

#endif
