/* SPDX-License-Identifier: Apache-2.0
 *
 * peer.c - connections of old clients and monitors: what they send, and what they are answered.
 */
#include "private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

#define OUT_OF_DESCRIPTORS_NS 500000000u

static void add_peer(struct poc *poc, int fd, pid_t pid)
{
	struct poc_peer *peer;
	struct epoll_event event = {.events = EPOLLIN};

	if (poc->peer_count >= POC_PEERS_MAX) {
		poc_refuse(poc, "a connection: there are too many already");
		close(fd);
		return;
	}
	peer = memory_zeroed(sizeof(*peer));
	peer->source = (struct poc_source){.kind = POC_SOURCE_PEER, .fd = fd};
	peer->pid = pid;
	peer->framer.pid = (int32_t)pid;
	poc->peers = memory_room(poc->peers, poc->peer_count, &poc->peer_capacity, sizeof(struct poc_peer *));
	poc->peers[poc->peer_count++] = peer;
	event.data.ptr = &peer->source;
	if (epoll_ctl(poc->asking_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		poc_peer_drop(poc, peer);
}

/* Until descriptors are there again: the listener would be readable all the time. */
static void rest(struct poc *poc)
{
	poc_refuse(poc, "connections: no descriptor is left (ulimit -n)");
	epoll_ctl(poc->asking_fd, EPOLL_CTL_DEL, poc->listener.fd, NULL);
	poc->listening = false;
	poc->deaf_until_ns = poc_now_ns(poc) + OUT_OF_DESCRIPTORS_NS;
}

void poc_peers_accept(struct poc *poc)
{
	for (;;) {
		struct ucred credentials;
		struct front_error stranger;
		int fd = accept4(poc->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
			rest(poc);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			return;
		if (listener_check_user(fd, &credentials, &stranger) < 0) {
			poc_refuse(poc, stranger.text);
			close(fd);
			continue;
		}
		add_peer(poc, fd, credentials.pid);
	}
}

void poc_peer_drop(struct poc *poc, struct poc_peer *peer)
{
	if (peer->gone)
		return;
	poc_report_gone(poc, peer);
	close(peer->source.fd);
	free(peer->held);
	peer->held = NULL;
	peer->gone = true;
	poc->asking_count -= peer->asks;
	poc->gone_count++;
}

void poc_peers_sweep(struct poc *poc)
{
	size_t kept = 0;

	if (!poc->gone_count)
		return;
	for (size_t i = 0; i < poc->peer_count; i++) {
		if (poc->peers[i]->gone)
			free(poc->peers[i]);
		else
			poc->peers[kept++] = poc->peers[i];
	}
	poc->peer_count = kept;
	poc->gone_count = 0;
}

/* From now on it is read in turn with others of its kind. */
static void move_to_reporting(struct poc *poc, struct poc_peer *peer)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peer->source};

	if (peer->reports)
		return;
	peer->reports = true;
	epoll_ctl(poc->asking_fd, EPOLL_CTL_DEL, peer->source.fd, NULL);
	epoll_ctl(poc->reporting_fd, EPOLL_CTL_ADD, peer->source.fd, &event);
}

static void wait_for(struct poc *poc, struct poc_peer *peer, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = &peer->source};

	epoll_ctl(peer->reports ? poc->reporting_fd : poc->asking_fd, EPOLL_CTL_MOD, peer->source.fd, &event);
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
static uint32_t count_devices(const struct poc *poc)
{
	uint32_t chips = count_chips(), hooked = devices_end(poc->setup.devices);
	uint32_t count = poc->model.device_end > chips ? poc->model.device_end : chips;

	count = hooked > count ? hooked : count;
	return count ? count : 1;
}

static void make_answer(const struct poc *poc, struct poc_peer *peer, const struct poc_message *message)
{
	uint32_t bytes = poc_framer_answer_bytes(&peer->framer);
	struct poc_totals totals;
	struct poc_device_facts about;
	bool known;

	if (message->type == POC_QUERY) {
		poc_model_totals(&poc->model, message->device, &totals);
		devices_add_totals(poc->setup.devices, (uint32_t)message->device, &totals);
		poc_encode_totals(peer->answer, bytes, message->device, &totals);
	} else if (message->device == -1) {
		poc_encode_device_count(peer->answer, bytes, count_devices(poc));
	} else {
		known = devices_describe(poc->setup.devices, (uint32_t)message->device, &about);
		poc_encode_device(peer->answer, bytes, message->device, known ? &about : NULL);
	}
	peer->answer_bytes = bytes;
}

/* One answer is one send, whole or not at all: clients take what one receive gives them. False: not for now. */
static bool send_answer(struct poc_peer *peer)
{
	ssize_t sent = send(peer->source.fd, peer->answer, peer->answer_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
		return false;
	peer->answer_bytes =
	    0; /* or it is closed: nobody waits for the answer, but what it said before is to be read */
	return true;
}

static void note_asking(struct poc *poc, struct poc_peer *peer)
{
	if (peer->asks)
		return;
	peer->asks = true;
	poc->asking_count++;
}

/* ---- messages ---- */

/* True: go on with the next. */
static bool take_message(struct poc *poc, struct poc_peer *peer, const struct poc_message *message)
{
	switch (message->type) {
	case POC_QUERY:
	case POC_DEVICE_INFO_QUERY:
		note_asking(poc, peer);
		make_answer(poc, peer, message);
		return send_answer(peer);
	case POC_DUMP_REMAINING:
		poc_dump_buffers(stdout, &poc->owners);
		return true;
	case POC_DUMP_KERNELS:
		poc_dump_kernels(stdout, &poc->owners, poc->now_ns);
		return true;
	case POC_ALLOC:
	case POC_FREE:
	case POC_CB_ALLOC:
	case POC_CB_FREE:
	case POC_KERNEL_LOAD:
	case POC_KERNEL_UNLOAD:
		move_to_reporting(poc, peer);
		poc_report(poc, peer, message);
		return true;
	case POC_RESPONSE:
	case POC_DEVICE_INFO_RESPONSE:
		return true;
	}
	return true;
}

/* Its connection stays open, and is read: a client whose connection is closed on it dies. */
static void stop_listening_to(struct poc *poc, struct poc_peer *peer)
{
	char why[160];

	peer->deaf = true;
	move_to_reporting(poc, peer);
	snprintf(why, sizeof(why),
	         "process %d: it sends what is no message of the old protocol, or of no known size; "
	         "it is not recorded any further",
	         (int)peer->pid);
	poc_refuse(poc, why);
	poc_report_loss(poc, peer);
}

/* Takes the COUNT bytes at AT, which are all there is. */
static void take_bytes(struct poc *poc, struct poc_peer *peer, const uint8_t *at, size_t count)
{
	struct poc_message message;
	enum poc_step step;

	while ((step = poc_framer_next(&peer->framer, &at, &count, &message)) == POC_STEP_MESSAGE) {
		uint8_t *held;

		if (take_message(poc, peer, &message))
			continue;
		held = memory_or_die(malloc(count + 1));
		memcpy(held, at, count);
		free(peer->held);
		peer->held = held;
		peer->held_bytes = count;
		wait_for(poc, peer, EPOLLOUT);
		return;
	}
	if (step == POC_STEP_BAD)
		stop_listening_to(poc, peer);
	else
		poc_framer_keep(&peer->framer, at, count);
}

static void end_peer(struct poc *poc, struct poc_peer *peer)
{
	if (!peer->deaf && !poc_framer_is_whole(&peer->framer)) {
		char why[120];

		snprintf(why, sizeof(why), "process %d: its connection ended within a message of the old protocol",
		         (int)peer->pid);
		poc_refuse(poc, why);
	}
	poc_peer_drop(poc, peer);
}

/* Receives, and notes who sent it: the kernel never joins what two processes sent. */
static ssize_t receive(struct poc_peer *peer, uint8_t *place, size_t most_bytes)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iovec = {.iov_base = place, .iov_len = most_bytes};
	struct msghdr message = {
	    .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(peer->source.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct ucred credentials;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
		peer->pid = credentials.pid;
	}
	return got;
}

/* What is received lands behind the tail, so that a message lies in one piece. */
bool poc_peer_read(struct poc *poc, struct poc_peer *peer, size_t most_bytes)
{
	uint8_t *place = poc->buffer + POC_LARGE_BYTES;
	uint32_t tail_bytes = peer->framer.tail_bytes;
	ssize_t got;

	if (peer->gone || peer->held)
		return false;
	got = receive(peer, place, most_bytes);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	peer->behind = got == (ssize_t)most_bytes;
	if (got <= 0) {
		end_peer(poc, peer);
		return true;
	}
	if (peer->deaf)
		return true;
	poc->now_ns = poc_now_ns(poc);
	memcpy(place - tail_bytes, peer->framer.tail, tail_bytes);
	take_bytes(poc, peer, place - tail_bytes, tail_bytes + (size_t)got);
	poc_stage_flush(&poc->stage, poc->queue);
	if (poc->setup.log_events)
		fflush(stdout);
	return true;
}

void poc_peer_write(struct poc *poc, struct poc_peer *peer)
{
	uint8_t *held = peer->held;

	if (peer->gone || !held || !send_answer(peer))
		return;
	wait_for(poc, peer, EPOLLIN);
	peer->held = NULL;
	take_bytes(poc, peer, held, peer->held_bytes);
	free(held);
	poc_stage_flush(&poc->stage, poc->queue);
}
