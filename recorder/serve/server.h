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
#include "recorder/command.h"
#include "recorder/ledger/ingest.h"
#include "listener.h"
#include "recorder/options.h"
#include "recorder/legacy/legacy.h"
#include "recorder/base/say.h"

struct server;

struct server_setup {
	const struct recorder_options *options;
	const struct ingest_recording *recording;
	struct ingest *ingest;
	struct clock_map *clock;
	struct listener *listener;
	struct command *command; /* NULL: none */
	struct legacy *legacy;   /* serves old clients; NULL: they are not served */
	sigset_t signals;        /* blocked ones, to be read from a descriptor */
	bool until_all_ended;    /* without a command: end when no process is left, not only when told to */
};

/* What came of it. */
struct server_report {
	uint64_t processes; /* segments that were read */
	uint64_t refused;   /* turned away, or dropped as damaged */
	uint64_t living;    /* processes that were still running at the end */
	uint64_t unwritten; /* processes whose events are not all in the file: their segments stay */
	bool gave_up;       /* because a signal said not to wait for the disk */
};

/* NULL with ERROR filled. What SETUP points to has to outlive it. */
struct server *server_open(const struct server_setup *setup, struct front_error *error);

/* Takes in what processes of an earlier run of this recording left. 0; -1 with ERROR when it cannot go on. */
int server_resume(struct server *server, struct front_error *error);

/* Runs until the command has ended, or until told to stop; then until all that was reported is committed. */
void server_run(struct server *server, struct server_report *report);

void server_close(struct server *server);

/* The earliest anchor (CLOCK_MONOTONIC) of segments that wait for a recorder on SOCKET_PATH, or NOW_NS. */
uint64_t server_earliest_ns(const char *socket_path, uint64_t now_ns);

#endif
