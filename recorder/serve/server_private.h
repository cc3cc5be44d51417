/* SPDX-License-Identifier: Apache-2.0
 *
 * server_private.h - what server.c (the loop), seats.c (recorded processes) and peers.c (connections) share.
 */
#ifndef RECORDER_SERVER_PRIVATE_H
#define RECORDER_SERVER_PRIVATE_H

#include <sys/socket.h>
#include <sys/types.h>

#include "client.h"
#include "server.h"
#include "ttalloc/wire.h"

#define MAX_SEATS 4096u
#define MAX_PEERS (MAX_SEATS + 256u)

/* What an epoll event is about. First member of whatever has a descriptor in the loop. */
enum source_kind { SOURCE_LISTENER, SOURCE_SIGNALS, SOURCE_TIMER, SOURCE_INGEST, SOURCE_PEER, SOURCE_SEAT, SOURCE_POC };
struct source {
	enum source_kind kind;
	int fd; /* -1: none */
};

/* A recorded process image: its client, and who watches it. */
struct seat {
	struct source source; /* pidfd */
	struct client *client;
	struct peer *peer;    /* NULL: not connected */
	uint64_t told_number; /* committed number that the hook knows */
	bool urgent;          /* somebody waits for the commit of what has been sealed */
	bool gone;            /* to be freed when no event can name it any more */
};

/* A connection. */
struct peer {
	struct source source;
	struct ucred credentials;
	struct seat *seat; /* NULL: before its hello */
	uint64_t since_ns;
	bool gone;
};

struct server {
	struct server_setup setup;
	struct client_world world;
	int epoll_fd;
	struct source listener, signals, timer, ingest_events, poc_events;
	struct seat **seats;
	size_t seat_count, seat_capacity, next_seat;
	struct peer **peers;
	size_t peer_count, peer_capacity;
	ino_t *ignored; /* segments that could not be opened: not tried again and again */
	size_t ignored_count, ignored_capacity;
	struct server_report report;
	unsigned refusals_said;
	bool urgent;      /* a commit was asked for that may be yet to begin */
	bool listening;   /* the listener is in the loop */
	bool finishing;   /* nothing new is taken on; what is there is brought to an end */
	bool stop_wanted; /* by a signal */
	bool give_up;     /* by a further one */
	uint64_t command_ended_ns, finishing_since_ns, last_commit_ns, last_second_ns;
	bool waiting_said, progress_shown;
	char trouble[512];
};

/* server.c */
uint64_t server_now_ns(const struct server *server); /* since the recording's start */
int server_watch(struct server *server, struct source *source, uint32_t events);
void server_unwatch(struct server *server, struct source *source);
void server_refusal(struct server *server, const char *why);

/* seats.c */
struct seat *seat_find(struct server *server, const uint8_t *segment_id);
/* Opens the segment at PATH and finds it a seat. NULL with ERROR. Whether its process lives is yet to be asked:
 * seat_settle(). */
struct seat *seat_take(struct server *server, const char *path, struct front_error *error);
/* Finds out whether the process lives, and begins to watch it; else its segment is drained. */
void seat_settle(struct server *server, struct seat *seat);
void seat_died(struct server *server, struct seat *seat);
/* Looks for segments of this socket that nobody has announced. */
void seats_scan(struct server *server);
/* Asks after the processes that the kernel gives no descriptor for, or after ALL. */
void seats_poll(struct server *server, bool all);
/* Passes on what was committed, and removes what is done with. */
void seats_committed(struct server *server);
/* Takes batches in, a fair share from each. True: there is more. */
bool seats_pump(struct server *server);
void seats_sweep(struct server *server);
/* Tells processes that go on living that the recording has ended, and removes their segments. */
void seats_dismiss(struct server *server);

/* peers.c */
void peers_accept(struct server *server);
void peer_receive(struct server *server, struct peer *peer);
void peer_tell_committed(struct server *server, struct peer *peer);
void peer_refuse(struct server *server, struct peer *peer, const char *why);
void peer_drop(struct server *server, struct peer *peer);
/* Drops those that never said hello. */
void peers_expire(struct server *server);
void peers_sweep(struct server *server);

#endif
