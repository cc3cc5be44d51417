/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - from the thread that serves old clients to the one that takes events in: who came, what they reported,
 * who went. Bounded: when it is full, the clients' sockets are not read.
 *
 * Thread-safe: one thread puts, another takes.
 */
#ifndef RECORDER_LEGACY_QUEUE_H
#define RECORDER_LEGACY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc/event.h"

enum legacy_item_kind {
	LEGACY_ITEM_JOINED,     /* a process: payload is its executable and its command, each with its NUL */
	LEGACY_ITEM_EVENTS,     /* payload is COUNT events, then the table that they name entries of */
	LEGACY_ITEM_LOSS,       /* what it reports from here on cannot be read */
	LEGACY_ITEM_IMPOSSIBLE, /* COUNT reports were turned away: of no device that can be, or too large */
	LEGACY_ITEM_REFUSED,    /* PID (0: not known) was turned away altogether; payload is why */
	LEGACY_ITEM_ENDED,
	LEGACY_ITEM_NOTHING, /* wakes the forwarder */
};

struct legacy_item {
	struct legacy_item *next;
	enum legacy_item_kind kind;
	uint32_t owner;      /* number of the process: 1, 2, 3, ... */
	uint64_t at_ns;      /* since the recording's start: when it arrived */
	uint32_t pid;        /* of JOINED and REFUSED */
	uint32_t count;      /* of EVENTS; of JOINED, 1: a hook is loaded into it */
	uint64_t start_time; /* of JOINED */
	size_t payload_bytes;
	_Alignas(8) uint8_t payload[];
};

struct legacy_queue;

/* NULL: no memory, or no descriptor. */
struct legacy_queue *legacy_queue_new(void);
void legacy_queue_free(struct legacy_queue *queue);

/* A copy of ITEM's fields, with room for its payload. To be put, or freed. Without memory the program ends. */
struct legacy_item *legacy_item_new(const struct legacy_item *item);

/* Takes ITEM over. */
void legacy_queue_put(struct legacy_queue *queue, struct legacy_item *item);
bool legacy_queue_is_full(const struct legacy_queue *queue);

/* The oldest item, which is the caller's now; NULL: none. */
struct legacy_item *legacy_queue_take(struct legacy_queue *queue);
bool legacy_queue_is_empty(const struct legacy_queue *queue);

/* Descriptors: readable when there is something to take, and when a full queue has room again. */
int legacy_queue_filled_fd(const struct legacy_queue *queue);
int legacy_queue_drained_fd(const struct legacy_queue *queue);
/* Makes the descriptor wait for the next time. */
void legacy_queue_clear(int fd);

#endif
