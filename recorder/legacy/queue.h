/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - from the thread that serves old clients to the one that takes events in: who came, what they reported,
 * who went. Bounded: when it is full, the clients' sockets are not read.
 *
 * Thread-safe: one thread puts, another takes.
 */
#ifndef RECORDER_POC_QUEUE_H
#define RECORDER_POC_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc/event.h"

enum poc_item_kind {
	POC_ITEM_JOINED, /* a process: payload is its executable and its command, each with its NUL */
	POC_ITEM_EVENTS, /* payload is COUNT events, then the table that they name entries of */
	POC_ITEM_LOSS,   /* what it reports from here on cannot be read */
	POC_ITEM_ENDED,
	POC_ITEM_NOTHING, /* wakes the taker */
};

struct poc_item {
	struct poc_item *next;
	enum poc_item_kind kind;
	uint32_t owner;      /* number of the process: 1, 2, 3, ... */
	uint64_t at_ns;      /* since the recording's start: when it arrived */
	uint32_t pid;        /* of JOINED */
	uint32_t count;      /* of EVENTS; of JOINED, 1: a hook is loaded into it */
	uint64_t start_time; /* of JOINED */
	size_t payload_bytes;
	_Alignas(8) uint8_t payload[];
};

struct poc_queue;

/* NULL: no memory, or no descriptor. */
struct poc_queue *poc_queue_new(void);
void poc_queue_free(struct poc_queue *queue);

/* A copy of ITEM's fields, with room for its payload. To be put, or freed. Without memory the program ends. */
struct poc_item *poc_item_new(const struct poc_item *item);

/* Takes ITEM over. */
void poc_queue_put(struct poc_queue *queue, struct poc_item *item);
bool poc_queue_is_full(const struct poc_queue *queue);

/* The oldest item, which is the caller's now; NULL: none. */
struct poc_item *poc_queue_take(struct poc_queue *queue);
bool poc_queue_is_empty(const struct poc_queue *queue);

/* Descriptors: readable when there is something to take, and when a full queue has room again. */
int poc_queue_filled_fd(const struct poc_queue *queue);
int poc_queue_drained_fd(const struct poc_queue *queue);
/* Makes the descriptor wait for the next time. */
void poc_queue_clear(int fd);

#endif
