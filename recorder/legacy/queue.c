/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.c - from the thread that serves old clients to the one that takes events in.
 */
#include "queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sql/base/memory.h"

#define FULL_BYTES (32u << 20) /* 600,000 events */

struct legacy_queue {
	pthread_mutex_t lock;
	struct legacy_item *first, **last;
	_Atomic size_t bytes; /* of all items; written under the lock */
	int filled_fd, drained_fd;
	bool was_full;
};

static size_t item_bytes(const struct legacy_item *item)
{
	return sizeof(*item) + item->payload_bytes;
}

struct legacy_queue *legacy_queue_new(void)
{
	struct legacy_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	pthread_mutex_init(&queue->lock, NULL);
	queue->last = &queue->first;
	queue->filled_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->drained_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->filled_fd >= 0 && queue->drained_fd >= 0)
		return queue;
	legacy_queue_free(queue);
	return NULL;
}

void legacy_queue_free(struct legacy_queue *queue)
{
	struct legacy_item *item;

	if (!queue)
		return;
	while ((item = legacy_queue_take(queue)))
		free(item);
	if (queue->filled_fd >= 0)
		close(queue->filled_fd);
	if (queue->drained_fd >= 0)
		close(queue->drained_fd);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

struct legacy_item *legacy_item_new(const struct legacy_item *item)
{
	struct legacy_item *copy = memory_or_die(malloc(item_bytes(item)));

	memcpy(copy, item, sizeof(*item));
	return copy;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void legacy_queue_put(struct legacy_queue *queue, struct legacy_item *item)
{
	bool was_empty;

	item->next = NULL;
	pthread_mutex_lock(&queue->lock);
	was_empty = !queue->first;
	*queue->last = item;
	queue->last = &item->next;
	queue->bytes += item_bytes(item);
	queue->was_full |= queue->bytes >= FULL_BYTES;
	pthread_mutex_unlock(&queue->lock);
	if (was_empty)
		signal_fd(queue->filled_fd);
}

bool legacy_queue_is_full(const struct legacy_queue *queue)
{
	return queue->bytes >= FULL_BYTES;
}

struct legacy_item *legacy_queue_take(struct legacy_queue *queue)
{
	struct legacy_item *item;
	bool has_room = false;

	pthread_mutex_lock(&queue->lock);
	item = queue->first;
	if (item) {
		queue->first = item->next;
		if (!queue->first)
			queue->last = &queue->first;
		queue->bytes -= item_bytes(item);
		has_room = queue->was_full && queue->bytes < FULL_BYTES / 2;
		queue->was_full &= !has_room;
	}
	pthread_mutex_unlock(&queue->lock);
	if (has_room)
		signal_fd(queue->drained_fd);
	return item;
}

bool legacy_queue_is_empty(const struct legacy_queue *queue)
{
	return !queue->bytes;
}

int legacy_queue_filled_fd(const struct legacy_queue *queue)
{
	return queue->filled_fd;
}

int legacy_queue_drained_fd(const struct legacy_queue *queue)
{
	return queue->drained_fd;
}

void legacy_queue_clear(int fd)
{
	uint64_t ignored;

	if (read(fd, &ignored, sizeof(ignored)) < 0)
		return; /* it was clear */
}
