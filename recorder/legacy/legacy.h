/* SPDX-License-Identifier: Apache-2.0
 *
 * legacy.h - the server for old clients: programs that report to the socket of the recorder's predecessor, and monitors
 * that ask it for totals. Their messages are read, counted and answered on a thread of its own, since a client whose
 * socket is not read stands still, and a monitor waits for its answer; the events go to the caller's thread by a queue.
 *
 * Its clients have no segment: what they sent and what is not committed is lost with a recorder that is killed.
 */
#ifndef RECORDER_LEGACY_H
#define RECORDER_LEGACY_H

#include <stdbool.h>
#include <stdint.h>

#include "devices.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "recorder/serve/guest.h"

#define LEGACY_DEFAULT_PATH "/tmp/tt_allocation_server.sock"

struct legacy;

struct legacy_setup {
	const char *path;
	bool log_events; /* print a line per event */
	uint64_t start_monotonic_ns;
	const struct devices *devices; /* what hooks report; outlives the server */
};

/* Listens on the socket, and serves it from now on. 0, or -1 with ERROR. */
int legacy_open(const struct legacy_setup *setup, struct legacy **legacy, struct sql_error *error);

/* How the server's loop takes part in it: what clients reported, a fair share at a time; and the end, when nobody is
 * accepted any more, what was sent is read, and the connections are left to a process that outlives this one, since old
 * clients do not survive that a connection is closed on them. */
const struct guest *legacy_guest(const struct legacy *legacy);

/* NULL is allowed. */
void legacy_close(struct legacy *legacy);

#endif
