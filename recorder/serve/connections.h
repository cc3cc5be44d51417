/* SPDX-License-Identifier: Apache-2.0
 *
 * connections.h - connections of hooks: let in, heard, told, dropped.
 */
#ifndef RECORDER_CONNECTIONS_H
#define RECORDER_CONNECTIONS_H

#include <sys/socket.h>
#include <sys/types.h>

#include "loop.h"

struct connection {
	struct source source;
	struct ucred credentials;
	struct recorded *process; /* NULL: before its hello */
	uint64_t since_ns;
	bool gone;
};

void connections_accept(struct server *server);
void connection_receive(struct server *server, struct connection *connection);
void connection_tell_committed(struct server *server, struct connection *connection);
void connection_refuse(struct server *server, struct connection *connection, const char *why);
void connection_drop(struct server *server, struct connection *connection);
/* Lets in who has said hello by now, also if it has ended since: it belongs to the recording, or is turned away. */
void connections_hear(struct server *server);
/* Drops those that never said hello. */
void connections_expire(struct server *server);
void connections_sweep(struct server *server);

#endif
