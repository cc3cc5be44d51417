/* SPDX-License-Identifier: Apache-2.0
 *
 * private.h - what legacy.c (the thread and its loop), peer.c (connections) and report.c (what they report)
 * share. All of it belongs to the thread but for the atomic words and the queue.
 */
#ifndef RECORDER_POC_PRIVATE_H
#define RECORDER_POC_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "recorder/serve/listener.h"
#include "legacy.h"
#include "frame.h"
#include "owner.h"
#include "stage.h"
#include "take.h"

#define POC_RECEIVE_BYTES 65536u
#define POC_PEERS_MAX 15000u     /* connections at once */
#define POC_PEER_OWNERS_MAX 256u /* processes that share one connection by fork */

/* A connection. */
struct poc_peer {
	struct poc_source source;
	pid_t pid; /* who sent the bytes at hand, as the kernel has it; 0: of another namespace, not known here */
	struct poc_framer framer;
	struct poc_owner *owner; /* of the last report */
	pid_t owner_pid;         /* pid, and the one said, by which it was found */
	int32_t owner_said;
	struct poc_owner **owners; /* all of them */
	uint32_t owner_count;
	uint8_t answer[POC_LARGE_BYTES]; /* that could not be sent yet */
	uint32_t answer_bytes;
	uint8_t *held; /* what came after that question */
	size_t held_bytes;
	bool reports; /* it is watched among those that report, which wait for those that ask */
	bool asks;
	bool behind; /* there was more than could be read at once */
	bool deaf;   /* it does not speak the old protocol: read, and forgotten */
	bool gone;   /* to be freed when no event can name it any more */
};

struct poc {
	struct poc_setup setup;
	struct poc_queue *queue;
	struct poc_taker taker; /* of the other thread */
	pthread_t thread;
	bool started;
	atomic_bool finishing; /* told to */
	atomic_bool finished;  /* and has */
	atomic_bool stopping;
	atomic_ulong refused;

	int asking_fd;    /* epoll: newcomers, monitors, and all that is not a connection */
	int reporting_fd; /* epoll: connections that report */
	struct poc_source listener_source, wake;
	struct listener listener;
	bool listening;
	uint64_t deaf_until_ns; /* no descriptor was left: not listening up to then */
	struct poc_peer **peers;
	size_t peer_count, peer_capacity, gone_count;
	size_t asking_count; /* of peers that ask */
	struct poc_owners owners;
	struct poc_model model;
	struct poc_stage stage;
	uint64_t now_ns; /* when the bytes at hand were received */
	unsigned lines_said;
	bool said_odd, said_pid;
	uint8_t buffer[POC_LARGE_BYTES + POC_RECEIVE_BYTES]; /* a tail, and what was received */
};

/* legacy.c */
uint64_t poc_now_ns(const struct poc *poc); /* since the recording's start */
/* A client that is turned away: counted, and said, unless many are. */
void poc_refuse(struct poc *poc, const char *why);

/* peer.c */
void poc_peers_accept(struct poc *poc);
/* Reads once, up to MOST_BYTES (POC_RECEIVE_BYTES). False: there was nothing. */
bool poc_peer_read(struct poc *poc, struct poc_peer *peer, size_t most_bytes);
/* What could not be sent can be now. */
void poc_peer_write(struct poc *poc, struct poc_peer *peer);
void poc_peer_drop(struct poc *poc, struct poc_peer *peer);
/* Frees those that were dropped. */
void poc_peers_sweep(struct poc *poc);

/* report.c */
/* Takes a message that reports something. */
void poc_report(struct poc *poc, struct poc_peer *peer, const struct poc_message *message);
/* Nothing further can be known of what PEER's processes do. */
void poc_report_loss(struct poc *poc, struct poc_peer *peer);
/* PEER is gone: processes without a connection have ended. */
void poc_report_gone(struct poc *poc, struct poc_peer *peer);
/* The kernel says that OWNER is dead. */
void poc_report_dead(struct poc *poc, struct poc_owner *owner);
/* Ends dead processes all of whose messages have been read. */
void poc_report_settle(struct poc *poc);

#endif
