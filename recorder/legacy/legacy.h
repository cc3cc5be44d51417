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

#include "recorder/ledger/devices.h"
#include "recorder/ledger/ingest.h"
#include "recorder/base/say.h"

#define LEGACY_DEFAULT_PATH "/tmp/tt_allocation_server.sock"

struct legacy;

struct legacy_setup {
	const char *path;
	bool log_events; /* print a line per event */
	uint64_t start_monotonic_ns;
	const struct devices *devices; /* what hooks report; outlives the server */
};

/* Listens on the socket, and serves it from now on. 0, or -1 with ERROR. */
int legacy_open(const struct legacy_setup *setup, struct legacy **legacy, struct front_error *error);

/* Readable when there is something to take in; legacy_take() then. */
int legacy_event_fd(const struct legacy *legacy);

/* Who else records a process. One that a hook reports is not recorded twice: its old client falls silent. */
struct legacy_others {
	bool (*record)(uint32_t pid, void *context);
	void *context;
	uint64_t now_ns; /* since the recording's start */
};

/* Takes in what clients reported, a fair share, while there is room. True: there is more. To be called now and then. */
bool legacy_take(struct legacy *legacy, struct ingest *ingest, const struct legacy_others *others);

/* Accepts nobody any more, reads what has been sent, and leaves the connections to a process that outlives this one:
 * old clients do not survive that a connection is closed on them. */
void legacy_finish(struct legacy *legacy);

/* After legacy_finish(): whether all has been read and taken in. */
bool legacy_is_finished(const struct legacy *legacy);

/* Clients that were turned away, or whose messages could not be read. */
uint64_t legacy_refused(const struct legacy *legacy);

/* NULL is allowed. */
void legacy_close(struct legacy *legacy);

#endif
