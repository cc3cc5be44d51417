/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - what is behind struct server: the state of its loop, for those who have a part in it.
 */
#ifndef RECORDER_LOOP_H
#define RECORDER_LOOP_H

#include <sys/types.h>

#include "recorded.h"
#include "server.h"
#include "source.h"

struct connection;

struct server {
	struct server_setup setup;
	struct recorded_shared shared;
	int epoll_fd;
	struct source listener, signals, timer, ingest_events, guest_events;
	struct recorded **processes;
	size_t process_count, process_capacity, next_process;
	struct connection **connections;
	size_t connection_count, connection_capacity;
	ino_t *ignored; /* segments that could not be opened: not tried again and again */
	size_t ignored_count, ignored_capacity;
	struct server_report report;
	unsigned refusals_said;
	bool urgent;    /* a commit was asked for that may be yet to begin */
	bool listening; /* the listener is in the loop */
	bool finishing; /* nothing new is taken on; what is there is brought to an end */
	bool command_ended;
	bool stop_wanted; /* by a signal */
	bool give_up;     /* by a further one */
	uint64_t command_ended_ns, finishing_since_ns, last_commit_ns, last_second_ns;
	uint64_t progress_ns, progress_events; /* when something was committed last, as far as it is looked at */
	bool waiting_said, progress_shown;
	char trouble[512];
};

uint64_t server_now_ns(const struct server *server); /* since the recording's start */
int server_watch(struct server *server, struct source *source, uint32_t events);
void server_unwatch(struct server *server, struct source *source);

#endif
