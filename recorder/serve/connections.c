/* SPDX-License-Identifier: Apache-2.0
 *
 * connections.c - connections of hooks: who they are, what they say, what they are told.
 */
#include "connections.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "processes.h"
#include "refusals.h"
#include "sql/base/error.h"
#include "ttalloc/wire.h"

#define HELLO_WITHIN_NS (10ull * 1000000000u)
#define MAX_CONNECTIONS (MAX_PROCESSES + 256u)
#define MESSAGES_PER_TURN 16

static int grow(struct server *server)
{
	size_t capacity = server->connection_capacity ? server->connection_capacity * 2 : 64;
	struct connection **connections = realloc(server->connections, capacity * sizeof(struct connection *));

	if (!connections)
		return -1;
	server->connections = connections;
	server->connection_capacity = capacity;
	return 0;
}

static void add_connection(struct server *server, int fd, const struct ucred *credentials)
{
	struct connection *connection;

	if (server->connection_count >= MAX_CONNECTIONS ||
	    (server->connection_count == server->connection_capacity && grow(server) < 0) ||
	    !(connection = calloc(1, sizeof(*connection)))) {
		server_refuse_process(server, credentials->pid, "there are too many connections already");
		close(fd);
		return;
	}
	connection->source = (struct source){.kind = SOURCE_CONNECTION, .fd = fd};
	connection->credentials = *credentials;
	connection->since_ns = server_now_ns(server);
	server->connections[server->connection_count++] = connection;
	if (server_watch(server, &connection->source, EPOLLIN) < 0)
		connection_drop(server, connection);
}

void connections_accept(struct server *server)
{
	for (;;) {
		struct ucred credentials;
		struct sql_error stranger;
		int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			/* until the next second: the listener would be readable all the time */
			server_refuse(server, "connections: no descriptor is left; raise the recorder's ulimit -n");
			server_unwatch(server, &server->listener);
			server->listening = false;
		}
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			return;
		if (listener_check_user(fd, server->setup.users, &credentials, &stranger) < 0) {
			server_refuse_process(server, credentials.pid, stranger.text);
			close(fd);
			continue;
		}
		add_connection(server, fd, &credentials);
	}
}

/* A message that does not fit into the socket's buffer is not waited for: what it says is said again. */
static bool send_message(struct connection *connection, struct tta_message *message)
{
	message->magic = TTA_WIRE_MAGIC;
	message->version = TTA_WIRE_VERSION;
	return send(connection->source.fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*message);
}

void connection_refuse(struct server *server, struct connection *connection, const char *why)
{
	struct tta_message message = {.type = TTA_REFUSED};

	snprintf(message.refused.why, sizeof(message.refused.why), "%s", why);
	send_message(connection, &message);
	connection_drop(server, connection);
}

void connection_drop(struct server *server, struct connection *connection)
{
	if (connection->gone)
		return;
	server_unwatch(server, &connection->source);
	close(connection->source.fd);
	connection->source.fd = -1;
	if (connection->process)
		connection->process->connection = NULL;
	connection->process = NULL;
	connection->gone = true;
}

void connection_tell_committed(struct server *server, struct connection *connection)
{
	struct recorded *process = connection->process;
	struct tta_message message = {.type = TTA_COMMITTED};

	if (!process || recorded_committed(process) <= process->told_number)
		return;
	message.committed.committed_number = recorded_committed(process);
	if (send_message(connection, &message))
		process->told_number = recorded_committed(process);
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		connection_drop(server, connection);
}

static void bind_process(struct server *server, struct connection *connection, struct recorded *process)
{
	if (process->connection) /* it connected anew, and we have yet to read the end of the old connection */
		connection_drop(server, process->connection);
	process->connection = connection;
	connection->process = process;
}

static void welcome(struct server *server, struct connection *connection)
{
	struct tta_message message = {.type = TTA_WELCOME};

	memcpy(message.welcome.recording_id, server->setup.recording->id, TTA_ID_BYTES);
	message.welcome.committed_number = recorded_committed(connection->process);
	if (send_message(connection, &message))
		connection->process->told_number = message.welcome.committed_number;
	else
		connection_drop(server, connection);
}

static int check_hello(const struct tta_message *message, const struct connection *connection, struct sql_error *error)
{
	if (message->version != TTA_WIRE_VERSION)
		return sql_fail(
		    error,
		    "the recorder speaks version %u of the protocol, the program %u: install one version of both",
		    TTA_WIRE_VERSION, message->version);
	if (!memchr(message->hello.segment_path, '\0', sizeof(message->hello.segment_path)))
		return sql_fail(error, "its segment's path does not end");
	if ((pid_t)message->hello.pid != connection->credentials.pid)
		return sql_fail(
		    error,
		    "it calls itself process %u, and is %d here: another pid namespace; run the recorder inside it",
		    message->hello.pid, (int)connection->credentials.pid);
	return 0;
}

/* It has made a file that is not here. */
static void explain_missing(const char *path, struct sql_error *error)
{
	const char *slash = strrchr(path, '/');

	if (slash && access(path, F_OK) < 0 && errno == ENOENT)
		sql_fail(
		    error,
		    "its %.*s is not the recorder's (a container?): set TTALLOC_SEGMENT_DIR to a directory of both",
		    (int)(slash - path < 40 ? slash - path : 40), path);
}

/* Finds the process that a hello asks for, and takes one if there is none. */
static struct recorded *process_for(struct server *server, const struct connection *connection,
                                    const struct tta_message *message, struct sql_error *error)
{
	struct recorded *process = processes_find(server, message->hello.segment_id);

	if (!process &&
	    !(process = processes_take(server, message->hello.segment_path, connection->credentials.uid, error))) {
		explain_missing(message->hello.segment_path, error);
		return NULL;
	}
	processes_settle(server, process);
	if (memcmp(recorded_header(process)->id, message->hello.segment_id, TTA_ID_BYTES) == 0 &&
	    (pid_t)recorded_header(process)->pid == connection->credentials.pid)
		return process;
	sql_fail(error, "its segment is of another process");
	return NULL;
}

static void turn_away(struct server *server, struct connection *connection, const struct sql_error *error)
{
	server_refuse_process(server, connection->credentials.pid, error->text);
	connection_refuse(server, connection, error->text);
}

static void take_hello(struct server *server, struct connection *connection, const struct tta_message *message)
{
	struct sql_error error;
	struct recorded *process;

	if (server->finishing) {
		connection_refuse(server, connection, "the recording is ending");
		return;
	}
	if (check_hello(message, connection, &error) < 0 ||
	    !(process = process_for(server, connection, message, &error))) {
		turn_away(server, connection, &error);
		return;
	}
	if (recorded_is_dead(process)) { /* the hello of a process that has ended since */
		connection_drop(server, connection);
		return;
	}
	bind_process(server, connection, process);
	welcome(server, connection);
	recorded_look(&server->shared, process);
}

static void take_sealed(struct server *server, struct connection *connection, const struct tta_message *message)
{
	struct recorded *process = connection->process;

	if (server->finishing)
		return; /* what comes now is after the end */
	if (!recorded_sealed(process, message->sealed.outbox_sealed)) {
		server_refuse_process(server, connection->credentials.pid, "it announced what cannot be");
		connection_drop(server, connection);
		return;
	}
	process->urgent |= message->sealed.urgent != 0;
}

/* One message of a client that may say anything. */
static void take_message(struct server *server, struct connection *connection, const struct tta_message *message,
                         ssize_t bytes)
{
	if (bytes == sizeof(*message) && message->magic == TTA_WIRE_MAGIC) {
		if (message->type == TTA_HELLO && !connection->process) {
			take_hello(server, connection, message);
			return;
		}
		if (message->type == TTA_SEALED && connection->process && message->version == TTA_WIRE_VERSION) {
			take_sealed(server, connection, message);
			return;
		}
	}
	server_refuse_process(server, connection->credentials.pid,
	                      "its connection does not speak the protocol; is its ttalloc of another version?");
	connection_drop(server, connection);
}

void connection_receive(struct server *server, struct connection *connection)
{
	for (int i = 0; i < MESSAGES_PER_TURN && !connection->gone; i++) {
		struct tta_message message;
		ssize_t bytes = recv(connection->source.fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);

		if (bytes > 0)
			take_message(server, connection, &message, bytes);
		else if (bytes == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			connection_drop(server, connection); /* detached: only its pidfd tells whether it is dead */
		else
			return;
	}
}

void connections_hear(struct server *server)
{
	connections_accept(server);
	for (size_t i = 0; i < server->connection_count; i++)
		if (!server->connections[i]->gone && !server->connections[i]->process)
			connection_receive(server, server->connections[i]);
}

void connections_expire(struct server *server)
{
	uint64_t now_ns = server_now_ns(server);

	for (size_t i = 0; i < server->connection_count; i++) {
		struct connection *connection = server->connections[i];

		if (!connection->gone && !connection->process && now_ns - connection->since_ns > HELLO_WITHIN_NS)
			connection_drop(server, connection);
	}
}

void connections_sweep(struct server *server)
{
	size_t kept = 0;

	for (size_t i = 0; i < server->connection_count; i++) {
		if (server->connections[i]->gone)
			free(server->connections[i]);
		else
			server->connections[kept++] = server->connections[i];
	}
	server->connection_count = kept;
}
