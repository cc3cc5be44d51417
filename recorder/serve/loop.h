/* SPDX-License-Identifier: Apache-2.0
 *
 * server_private.h - what server.c (the loop), processes.c (recorded processes) and connections.c (connections) share.
 */
#ifndef RECORDER_SERVER_PRIVATE_H
#define RECORDER_SERVER_PRIVATE_H

#include <sys/socket.h>
#include <sys/types.h>

#include "recorded.h"
#include "server.h"
#include "ttalloc/wire.h"

#define MAX_PROCESSES 4096u
#define MAX_CONNECTIONS (MAX_PROCESSES + 256u)

/* A connection. */
struct connection {
	struct source source;
	struct ucred credentials;
	struct recorded *process; /* NULL: before its hello */
	uint64_t since_ns;
	bool gone;
};

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

/* server.c */
uint64_t server_now_ns(const struct server *server); /* since the recording's start */
int server_watch(struct server *server, struct source *source, uint32_t events);
void server_unwatch(struct server *server, struct source *source);

/* refusals.c: WHY says what to do about it */
void server_refuse(struct server *server, const char *why); /* nobody knows whom */
void server_refuse_process(struct server *server, pid_t pid, const char *why);

/* processes.c */
struct recorded *processes_find(struct server *server, const uint8_t *segment_id);
/* Opens the segment of USER at PATH, unless it is open already. NULL with ERROR. Whether its process lives is yet to be
 * asked: processes_settle(). */
struct recorded *processes_take(struct server *server, const char *path, uid_t user, struct sql_error *error);
/* Finds out whether the process lives, and begins to watch it; else its segment is drained. */
void processes_settle(struct server *server, struct recorded *process);
void processes_died(struct server *server, struct recorded *process);
/* Looks for segments of this socket that nobody has announced. */
void processes_scan(struct server *server);
/* Asks after the processes that the kernel gives no descriptor for, or after ALL. */
void processes_poll(struct server *server, bool all);
/* Passes on what was committed, and removes what is done with. */
void processes_committed(struct server *server);
/* Takes batches in, a fair share from each. True: there is more. */
bool processes_pump(struct server *server);
void processes_sweep(struct server *server);
/* Tells processes that go on living that the recording has ended, and removes their segments. */
void processes_dismiss(struct server *server);

/* connections.c */
void connections_accept(struct server *server);
void connection_receive(struct server *server, struct connection *connection);
void connection_tell_committed(struct server *server, struct connection *connection);
void connection_refuse(struct server *server, struct connection *connection, const char *why);
void connection_drop(struct server *server, struct connection *connection);
/* Lets in who has said hello by now, also if it has ended since: it belongs to the recording, or is turned away. */
void connections_hear(struct server *server);
/* Drops those that never said hello. */
void connections_expire(struct server *server);
void connections_sweep(struct server *server);

#endif
