/* SPDX-License-Identifier: Apache-2.0
 *
 * peers.c - connections of hooks: who they are, what they say, what they are told.
 */
#include "server_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define HELLO_WITHIN_NS (10ull * 1000000000u)
#define MESSAGES_PER_TURN 16

static int grow(struct server *server)
{
	size_t capacity = server->peer_capacity ? server->peer_capacity * 2 : 64;
	struct peer **peers = realloc(server->peers, capacity * sizeof(struct peer *));

	if (!peers)
		return -1;
	server->peers = peers;
	server->peer_capacity = capacity;
	return 0;
}

static void add_peer(struct server *server, int fd, const struct ucred *credentials)
{
	struct peer *peer;

	if (server->peer_count >= MAX_PEERS || (server->peer_count == server->peer_capacity && grow(server) < 0) ||
	    !(peer = calloc(1, sizeof(*peer)))) {
		server_refusal(server, "a connection: there are too many already");
		close(fd);
		return;
	}
	peer->source = (struct source){.kind = SOURCE_PEER, .fd = fd};
	peer->credentials = *credentials;
	peer->since_ns = server_now_ns(server);
	server->peers[server->peer_count++] = peer;
	if (server_watch(server, &peer->source, EPOLLIN) < 0)
		peer_drop(server, peer);
}

void peers_accept(struct server *server)
{
	for (;;) {
		struct ucred credentials;
		struct front_error stranger;
		int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			/* until the next second: the listener would be readable all the time */
			server_refusal(server, "connections: no descriptor is left (ulimit -n)");
			server_unwatch(server, &server->listener);
			server->listening = false;
		}
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			return;
		if (listener_check_user(fd, &credentials, &stranger) < 0) {
			server_refusal(server, stranger.text);
			close(fd);
			continue;
		}
		add_peer(server, fd, &credentials);
	}
}

/* A message that does not fit into the socket's buffer is not waited for: what it says is said again. */
static bool send_message(struct peer *peer, struct tta_message *message)
{
	message->magic = TTA_WIRE_MAGIC;
	message->version = TTA_WIRE_VERSION;
	return send(peer->source.fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*message);
}

void peer_refuse(struct server *server, struct peer *peer, const char *why)
{
	struct tta_message message = {.type = TTA_REFUSED};

	snprintf(message.refused.why, sizeof(message.refused.why), "%s", why);
	send_message(peer, &message);
	peer_drop(server, peer);
}

void peer_drop(struct server *server, struct peer *peer)
{
	if (peer->gone)
		return;
	server_unwatch(server, &peer->source);
	close(peer->source.fd);
	peer->source.fd = -1;
	if (peer->seat)
		peer->seat->peer = NULL;
	peer->seat = NULL;
	peer->gone = true;
}

void peer_tell_committed(struct server *server, struct peer *peer)
{
	struct seat *seat = peer->seat;
	struct tta_message message = {.type = TTA_COMMITTED};

	if (!seat || client_committed(seat->client) <= seat->told_number)
		return;
	message.committed.committed_number = client_committed(seat->client);
	if (send_message(peer, &message))
		seat->told_number = client_committed(seat->client);
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		peer_drop(server, peer);
}

static void bind_seat(struct server *server, struct peer *peer, struct seat *seat)
{
	if (seat->peer) /* it connected anew, and we have yet to read the end of the old connection */
		peer_drop(server, seat->peer);
	seat->peer = peer;
	peer->seat = seat;
}

static void welcome(struct server *server, struct peer *peer)
{
	struct tta_message message = {.type = TTA_WELCOME};

	memcpy(message.welcome.recording_id, server->setup.recording->id, TTA_ID_BYTES);
	message.welcome.committed_number = client_committed(peer->seat->client);
	if (send_message(peer, &message))
		peer->seat->told_number = message.welcome.committed_number;
	else
		peer_drop(server, peer);
}

static int check_hello(const struct tta_message *message, const struct peer *peer, struct front_error *error)
{
	if (message->version != TTA_WIRE_VERSION)
		return front_fail(error, "the recorder speaks version %u of the protocol, the program %u",
		                  TTA_WIRE_VERSION, message->version);
	if (!memchr(message->hello.segment_path, '\0', sizeof(message->hello.segment_path)))
		return front_fail(error, "its segment's path does not end");
	if ((pid_t)message->hello.pid != peer->credentials.pid)
		return front_fail(error, "it calls itself process %u, and is %d here: another pid namespace",
		                  message->hello.pid, (int)peer->credentials.pid);
	return 0;
}

/* Finds the seat that a hello asks for, and takes one if there is none. */
static struct seat *seat_for(struct server *server, const struct peer *peer, const struct tta_message *message,
                             struct front_error *error)
{
	struct seat *seat = seat_find(server, message->hello.segment_id);

	if (!seat && !(seat = seat_take(server, message->hello.segment_path, error)))
		return NULL;
	seat_settle(server, seat);
	if (memcmp(client_header(seat->client)->id, message->hello.segment_id, TTA_ID_BYTES) == 0 &&
	    (pid_t)client_header(seat->client)->pid == peer->credentials.pid)
		return seat;
	front_fail(error, "its segment is of another process");
	return NULL;
}

static void turn_away(struct server *server, struct peer *peer, const struct front_error *error)
{
	char line[sizeof(error->text) + 32];

	snprintf(line, sizeof(line), "process %d: %s", (int)peer->credentials.pid, error->text);
	server_refusal(server, line);
	peer_refuse(server, peer, error->text);
}

static void take_hello(struct server *server, struct peer *peer, const struct tta_message *message)
{
	struct front_error error;
	struct seat *seat;

	if (server->finishing) {
		peer_refuse(server, peer, "the recording is ending");
		return;
	}
	if (check_hello(message, peer, &error) < 0 || !(seat = seat_for(server, peer, message, &error))) {
		turn_away(server, peer, &error);
		return;
	}
	if (client_is_dead(seat->client)) { /* the hello of a process that has ended since */
		peer_drop(server, peer);
		return;
	}
	bind_seat(server, peer, seat);
	welcome(server, peer);
	client_look(&server->world, seat->client);
}

static void take_sealed(struct server *server, struct peer *peer, const struct tta_message *message)
{
	struct seat *seat = peer->seat;

	if (server->finishing)
		return; /* what comes now is after the end */
	if (!client_sealed(seat->client, message->sealed.outbox_sealed)) {
		server_refusal(server, "a process that announced what cannot be");
		peer_drop(server, peer);
		return;
	}
	seat->urgent |= message->sealed.urgent != 0;
}

/* One message of a client that may say anything. */
static void take_message(struct server *server, struct peer *peer, const struct tta_message *message, ssize_t bytes)
{
	if (bytes == sizeof(*message) && message->magic == TTA_WIRE_MAGIC) {
		if (message->type == TTA_HELLO && !peer->seat) {
			take_hello(server, peer, message);
			return;
		}
		if (message->type == TTA_SEALED && peer->seat && message->version == TTA_WIRE_VERSION) {
			take_sealed(server, peer, message);
			return;
		}
	}
	server_refusal(server, "a connection that does not speak the protocol");
	peer_drop(server, peer);
}

void peer_receive(struct server *server, struct peer *peer)
{
	for (int i = 0; i < MESSAGES_PER_TURN && !peer->gone; i++) {
		struct tta_message message;
		ssize_t bytes = recv(peer->source.fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);

		if (bytes > 0)
			take_message(server, peer, &message, bytes);
		else if (bytes == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			peer_drop(server, peer); /* detached: only its pidfd tells whether it is dead */
		else
			return;
	}
}

void peers_expire(struct server *server)
{
	uint64_t now_ns = server_now_ns(server);

	for (size_t i = 0; i < server->peer_count; i++) {
		struct peer *peer = server->peers[i];

		if (!peer->gone && !peer->seat && now_ns - peer->since_ns > HELLO_WITHIN_NS)
			peer_drop(server, peer);
	}
}

void peers_sweep(struct server *server)
{
	size_t kept = 0;

	for (size_t i = 0; i < server->peer_count; i++) {
		if (server->peers[i]->gone)
			free(server->peers[i]);
		else
			server->peers[kept++] = server->peers[i];
	}
	server->peer_count = kept;
}
