/* SPDX-License-Identifier: Apache-2.0
 *
 * connection.c - connections of old clients and monitors: what they send, and what they are answered.
 */
#include "private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "sql/base/memory.h"

#define OUT_OF_DESCRIPTORS_NS 500000000u
#define DRAFT_TEXT                                                                                                     \
	"it sends the messages of 14, 17 or 21 bytes of a draft, which name neither process nor address; it is not "   \
	"recorded"

static void drop_connection(struct legacy *legacy, struct legacy_connection *connection)
{
	if (connection->gone)
		return;
	legacy_report_gone(legacy, connection);
	close(connection->source.fd);
	free(connection->held);
	connection->held = NULL;
	connection->gone = true;
	legacy->asking_count -= connection->asks;
	legacy->gone_count++;
}

static void add_connection(struct legacy *legacy, int fd, pid_t pid)
{
	struct legacy_connection *connection;
	struct epoll_event event = {.events = EPOLLIN};

	if (legacy->connection_count >= LEGACY_CONNECTIONS_MAX) {
		legacy_refuse(legacy, pid, "there are too many connections already");
		close(fd);
		return;
	}
	connection = memory_zeroed(sizeof(*connection));
	connection->source = (struct legacy_source){.kind = LEGACY_SOURCE_CONNECTION, .fd = fd};
	connection->pid = pid;
	connection->framer.pid = (int32_t)pid;
	legacy->connections = memory_room(legacy->connections, legacy->connection_count, &legacy->connection_capacity,
	                                  sizeof(struct legacy_connection *));
	legacy->connections[legacy->connection_count++] = connection;
	event.data.ptr = &connection->source;
	if (epoll_ctl(legacy->asking_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		drop_connection(legacy, connection);
}

/* Until descriptors are there again: the listener would be readable all the time. */
static void rest(struct legacy *legacy)
{
	legacy_refuse(legacy, 0, "no descriptor is left for connections; raise the recorder's ulimit -n");
	epoll_ctl(legacy->asking_fd, EPOLL_CTL_DEL, legacy->listener.fd, NULL);
	legacy->listening = false;
	legacy->deaf_until_ns = legacy_now_ns(legacy) + OUT_OF_DESCRIPTORS_NS;
}

void legacy_connections_accept(struct legacy *legacy)
{
	for (;;) {
		static const struct users own = {0};
		struct ucred credentials;
		struct sql_error stranger;
		int fd = accept4(legacy->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
			rest(legacy);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			return;
		if (listener_check_user(fd, &own, &credentials, &stranger) < 0) {
			legacy_refuse(legacy, credentials.pid, stranger.text);
			close(fd);
			continue;
		}
		add_connection(legacy, fd, credentials.pid);
	}
}

void legacy_connections_sweep(struct legacy *legacy)
{
	size_t kept = 0;

	if (!legacy->gone_count)
		return;
	for (size_t i = 0; i < legacy->connection_count; i++) {
		if (legacy->connections[i]->gone)
			free(legacy->connections[i]);
		else
			legacy->connections[kept++] = legacy->connections[i];
	}
	legacy->connection_count = kept;
	legacy->gone_count = 0;
}

/* From now on it is read in turn with others of its kind. */
static void move_to_reporting(struct legacy *legacy, struct legacy_connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connection->source};

	if (connection->reports)
		return;
	connection->reports = true;
	epoll_ctl(legacy->asking_fd, EPOLL_CTL_DEL, connection->source.fd, NULL);
	epoll_ctl(legacy->reporting_fd, EPOLL_CTL_ADD, connection->source.fd, &event);
}

static void wait_for(struct legacy *legacy, struct legacy_connection *connection, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = &connection->source};

	epoll_ctl(connection->reports ? legacy->reporting_fd : legacy->asking_fd, EPOLL_CTL_MOD, connection->source.fd,
	          &event);
}

/* ---- answers ---- */

/* Chips that the driver shows. */
static uint32_t count_chips(void)
{
	DIR *directory = opendir("/dev/tenstorrent");
	struct dirent *entry;
	uint32_t count = 0;

	while (directory && (entry = readdir(directory)))
		count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
	if (directory)
		closedir(directory);
	return count;
}

/* Monitors ask before there is anything to see, and would look at no device if there were none. */
static uint32_t count_devices(const struct legacy *legacy)
{
	uint32_t chips = count_chips(), hooked = devices_end(legacy->setup.devices);
	uint32_t count = legacy->model.device_end > chips ? legacy->model.device_end : chips;

	count = hooked > count ? hooked : count;
	return count ? count : 1;
}

static void make_answer(const struct legacy *legacy, struct legacy_connection *connection,
                        const struct legacy_message *message)
{
	uint32_t bytes = legacy_framer_answer_bytes(&connection->framer);
	struct legacy_totals totals;
	struct legacy_device_facts about;
	bool known;

	if (message->type == LEGACY_QUERY) {
		legacy_model_totals(&legacy->model, message->device, &totals);
		devices_add_totals(legacy->setup.devices, (uint32_t)message->device, &totals);
		legacy_encode_totals(connection->answer, bytes, message->device, &totals);
	} else if (message->device == -1) {
		legacy_encode_device_count(connection->answer, bytes, count_devices(legacy));
	} else {
		known = devices_describe(legacy->setup.devices, (uint32_t)message->device, &about);
		legacy_encode_device(connection->answer, bytes, message->device, known ? &about : NULL);
	}
	connection->answer_bytes = bytes;
}

/* One answer is one send, whole or not at all: clients take what one receive gives them. False: not for now. */
static bool send_answer(struct legacy_connection *connection)
{
	ssize_t sent =
	    send(connection->source.fd, connection->answer, connection->answer_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
		return false;
	connection->answer_bytes =
	    0; /* or it is closed: nobody waits for the answer, but what it said before is to be read */
	return true;
}

static void note_asking(struct legacy *legacy, struct legacy_connection *connection)
{
	if (connection->asks)
		return;
	connection->asks = true;
	legacy->asking_count++;
}

/* ---- messages ---- */

/* True: go on with the next. */
static bool take_message(struct legacy *legacy, struct legacy_connection *connection,
                         const struct legacy_message *message)
{
	switch (message->type) {
	case LEGACY_QUERY:
	case LEGACY_DEVICE_INFO_QUERY:
		note_asking(legacy, connection);
		make_answer(legacy, connection, message);
		return send_answer(connection);
	case LEGACY_DUMP_REMAINING:
		legacy_dump_buffers(stdout, &legacy->owners);
		return true;
	case LEGACY_DUMP_KERNELS:
		legacy_dump_kernels(stdout, &legacy->owners, legacy->now_ns);
		return true;
	case LEGACY_ALLOC:
	case LEGACY_FREE:
	case LEGACY_CB_ALLOC:
	case LEGACY_CB_FREE:
	case LEGACY_KERNEL_LOAD:
	case LEGACY_KERNEL_UNLOAD:
		move_to_reporting(legacy, connection);
		legacy_report(legacy, connection, message);
		return true;
	case LEGACY_RESPONSE:
	case LEGACY_DEVICE_INFO_RESPONSE:
		return true;
	}
	return true;
}

/* Its connection stays open, and is read: a client whose connection is closed on it dies. */
static void stop_listening_to(struct legacy *legacy, struct legacy_connection *connection, bool draft)
{
	connection->deaf = true;
	move_to_reporting(legacy, connection);
	legacy_refuse(
	    legacy, connection->pid,
	    draft ? DRAFT_TEXT
	          : "it sends what is no message of the old protocol, or of no known size; it is not recorded any "
	            "further");
	legacy_report_loss(legacy, connection);
}

/* Takes the COUNT bytes at AT, which are all there is. */
static void take_bytes(struct legacy *legacy, struct legacy_connection *connection, const uint8_t *at, size_t count)
{
	bool draft = !connection->framer.size_bytes && legacy_is_draft(at, count);
	struct legacy_message message;
	enum legacy_step step;

	while ((step = legacy_framer_next(&connection->framer, &at, &count, &message)) == LEGACY_STEP_MESSAGE) {
		uint8_t *held;

		if (take_message(legacy, connection, &message))
			continue;
		held = memory_or_die(malloc(count + 1));
		memcpy(held, at, count);
		free(connection->held);
		connection->held = held;
		connection->held_bytes = count;
		wait_for(legacy, connection, EPOLLOUT);
		return;
	}
	if (step == LEGACY_STEP_BAD)
		stop_listening_to(legacy, connection, draft);
	else
		legacy_framer_keep(&connection->framer, at, count);
}

static void end_connection(struct legacy *legacy, struct legacy_connection *connection)
{
	const struct legacy_framer *framer = &connection->framer;

	if (!connection->deaf && !legacy_framer_is_whole(framer))
		legacy_refuse(legacy, connection->pid,
		              !framer->size_bytes && legacy_is_draft(framer->tail, framer->tail_bytes)
		                  ? DRAFT_TEXT
		                  : "its connection ended within a message of the old protocol");
	drop_connection(legacy, connection);
}

/* Receives, and notes who sent it: the kernel never joins what two processes sent. */
static ssize_t receive(struct legacy_connection *connection, uint8_t *place, size_t most_bytes)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iovec = {.iov_base = place, .iov_len = most_bytes};
	struct msghdr message = {
	    .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(connection->source.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct ucred credentials;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
		connection->pid = credentials.pid;
	}
	return got;
}

/* What is received lands behind the tail, so that a message lies in one piece. */
bool legacy_connection_read(struct legacy *legacy, struct legacy_connection *connection, size_t most_bytes)
{
	uint8_t *place = legacy->buffer + LEGACY_LARGE_BYTES;
	uint32_t tail_bytes = connection->framer.tail_bytes;
	ssize_t got;

	if (connection->gone || connection->held)
		return false;
	got = receive(connection, place, most_bytes);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	connection->behind = got == (ssize_t)most_bytes;
	if (got <= 0) {
		end_connection(legacy, connection);
		return true;
	}
	if (connection->deaf)
		return true;
	legacy->now_ns = legacy_now_ns(legacy);
	memcpy(place - tail_bytes, connection->framer.tail, tail_bytes);
	take_bytes(legacy, connection, place - tail_bytes, tail_bytes + (size_t)got);
	legacy_stage_flush(&legacy->stage, legacy->queue);
	if (legacy->setup.log_events)
		fflush(stdout);
	return true;
}

void legacy_connection_write(struct legacy *legacy, struct legacy_connection *connection)
{
	uint8_t *held = connection->held;

	if (connection->gone || !held || !send_answer(connection))
		return;
	wait_for(legacy, connection, EPOLLIN);
	connection->held = NULL;
	take_bytes(legacy, connection, held, connection->held_bytes);
	free(held);
	legacy_stage_flush(&legacy->stage, legacy->queue);
}
