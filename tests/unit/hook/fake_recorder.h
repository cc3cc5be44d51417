/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_recorder.h - the recorder's side of the socket, for tests that play the recorder to a child.
 */
#ifndef TEST_FAKE_RECORDER_H
#define TEST_FAKE_RECORDER_H

#include "tests/unit/hook/segment_reader.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ttalloc/wire.h"

#define PATIENCE_MS 60000

static inline int start_listening(const struct place *place)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	unlink(place->socket);
	memcpy(address.sun_path, place->socket, strlen(place->socket) + 1);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	return listener;
}

static inline void wait_readable(int fd)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&wanted, 1, PATIENCE_MS), 1);
}

static inline int accept_client(int listener)
{
	wait_readable(listener);
	return accept(listener, NULL, NULL);
}

static inline struct tta_message hear(int client, uint16_t type)
{
	struct tta_message message;

	wait_readable(client);
	assert_int_equal(recv(client, &message, sizeof(message), 0), sizeof(message));
	assert_int_equal(message.magic, TTA_WIRE_MAGIC);
	assert_int_equal(message.version, TTA_WIRE_VERSION);
	assert_int_equal(message.type, type);
	return message;
}

/* False when the client has gone meanwhile. */
static inline bool try_to_say(int client, uint16_t type, uint64_t number)
{
	struct tta_message message = {.magic = TTA_WIRE_MAGIC, .version = TTA_WIRE_VERSION, .type = type};

	if (type == TTA_WELCOME)
		message.welcome.committed_number = number;
	else
		message.committed.committed_number = number;
	return send(client, &message, sizeof(message), MSG_NOSIGNAL) == (ssize_t)sizeof(message);
}

static inline void say(int client, uint16_t type, uint64_t number)
{
	assert_true(try_to_say(client, type, number));
}

/* Commits whatever is sealed, until the client goes. */
static inline void commit_everything_of(int client)
{
	struct tta_message message;

	while (recv(client, &message, sizeof(message), 0) == (ssize_t)sizeof(message))
		if (message.type == TTA_HELLO)
			try_to_say(client, TTA_WELCOME, 0);
		else
			try_to_say(client, TTA_COMMITTED, message.sealed.sealed_number);
}

/* Accepts, and welcomes as a recorder does that has committed up to NUMBER. */
static inline int welcome_client(int listener, uint64_t number, struct tta_message *hello)
{
	int client = accept_client(listener);

	*hello = hear(client, TTA_HELLO);
	say(client, TTA_WELCOME, number);
	return client;
}

/* Hears until all up to NUMBER is sealed. */
static inline struct tta_message hear_sealed(int client, uint64_t number)
{
	struct tta_message message;

	do
		message = hear(client, TTA_SEALED);
	while (message.sealed.sealed_number < number);
	return message;
}

#endif
