/* SPDX-License-Identifier: Apache-2.0
 *
 * private.h - what legacy.c (the thread and its loop), connection.c (connections) and report.c (what they report)
 * share. All of it belongs to the thread but for the atomic words and the queue.
 */
#ifndef RECORDER_LEGACY_PRIVATE_H
#define RECORDER_LEGACY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "recorder/serve/listener.h"
#include "legacy.h"
#include "frame.h"
#include "owner.h"
#include "stage.h"
#include "forward.h"

#define LEGACY_RECEIVE_BYTES 65536u
#define LEGACY_CONNECTIONS_MAX 15000u /* connections at once */
#define LEGACY_OWNERS_MAX 65536u      /* processes that share one connection by fork */

/* A connection. */
struct legacy_connection {
	struct legacy_source source;
	pid_t pid; /* who sent the bytes at hand, as the kernel has it; 0: of another namespace, not known here */
	struct legacy_framer framer;
	struct legacy_owner *owner; /* of the last report */
	pid_t owner_pid;            /* pid, and the one said, by which it was found */
	int32_t owner_said;
	struct legacy_owner **owners; /* all of them */
	uint32_t owner_count;
	uint8_t answer[LEGACY_LARGE_BYTES]; /* that could not be sent yet */
	uint32_t answer_bytes;
	uint8_t *held; /* what came after that question */
	size_t held_bytes;
	bool reports; /* it is watched among those that report, which wait for those that ask */
	bool asks;
	bool behind; /* there was more than could be read at once */
	bool deaf;   /* it does not speak the old protocol: read, and forgotten */
	bool gone;   /* to be freed when no event can name it any more */
};

struct legacy {
	struct legacy_setup setup;
	struct guest guest;
	struct legacy_queue *queue;
	struct legacy_forwarder forwarder; /* of the other thread */
	pthread_t thread;
	bool started;
	atomic_bool finishing; /* told to */
	atomic_bool finished;  /* and has */
	atomic_bool stopping;
	atomic_ulong refused;

	int asking_fd;    /* epoll: newcomers, monitors, and all that is not a connection */
	int reporting_fd; /* epoll: connections that report */
	struct legacy_source listener_source, wake;
	struct listener listener;
	bool listening;
	uint64_t deaf_until_ns; /* no descriptor was left: not listening up to then */
	struct legacy_connection **connections;
	size_t connection_count, connection_capacity, gone_count;
	size_t asking_count; /* of connections that ask */
	struct legacy_owners owners;
	struct legacy_model model;
	struct legacy_stage stage;
	uint64_t now_ns; /* when the bytes at hand were received */
	unsigned lines_said;
	bool said_odd, said_pid, said_impossible;
	uint8_t buffer[LEGACY_LARGE_BYTES + LEGACY_RECEIVE_BYTES]; /* a tail, and what was received */
};

/* legacy.c */
uint64_t legacy_now_ns(const struct legacy *legacy); /* since the recording's start */
/* PID (0: nobody knows whom) is turned away: counted, a loss, and said, unless many are. */
void legacy_refuse(struct legacy *legacy, pid_t pid, const char *why);

/* connection.c */
void legacy_connections_accept(struct legacy *legacy);
/* Reads once, up to MOST_BYTES (LEGACY_RECEIVE_BYTES). False: there was nothing. */
bool legacy_connection_read(struct legacy *legacy, struct legacy_connection *connection, size_t most_bytes);
/* What could not be sent can be now. */
void legacy_connection_write(struct legacy *legacy, struct legacy_connection *connection);
/* Frees those that were dropped. */
void legacy_connections_sweep(struct legacy *legacy);

/* report.c */
/* Takes a message that reports something. */
void legacy_report(struct legacy *legacy, struct legacy_connection *connection, const struct legacy_message *message);
/* Nothing further can be known of what CONNECTION's processes do. */
void legacy_report_loss(struct legacy *legacy, struct legacy_connection *connection);
/* CONNECTION is gone: processes without a connection have ended. */
void legacy_report_gone(struct legacy *legacy, struct legacy_connection *connection);
/* The kernel says that OWNER is dead. */
void legacy_report_dead(struct legacy *legacy, struct legacy_owner *owner);
/* The recording ends: says what was turned away of processes that live on. */
void legacy_report_finish(struct legacy *legacy);
/* Ends dead processes all of whose messages have been read. */
void legacy_report_settle(struct legacy *legacy);

#endif
