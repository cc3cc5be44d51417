/* SPDX-License-Identifier: Apache-2.0
 *
 * refusals.c - whom the server turns away: it is counted, said unless it happens all the time, and a loss of the
 * recording, since what was turned away is not in it.
 */
#include "refusals.h"

#include <stdio.h>
#include <string.h>

#include "liveness.h"
#include "loop.h"
#include "sql/base/say.h"

#define REFUSALS_SHOWN 10
#define REFUSALS_STORED 256

static bool count(struct server *server, const char *why)
{
	server->shared.refused++;
	if (++server->refusals_said <= REFUSALS_SHOWN)
		say("refused: %s%s", why,
		    server->refusals_said == REFUSALS_SHOWN ? " (no more of these are shown)" : "");
	return server->refusals_said <= REFUSALS_STORED;
}

void server_refuse(struct server *server, const char *why)
{
	if (count(server, why))
		ingest_turned_away(server->setup.ingest, NULL, server_now_ns(server), why);
}

/* Its segment, if it has one, may be anybody's: it is known by what the kernel says. */
void refusals_store(struct ingest *ingest, pid_t pid, uint64_t now_ns, const char *why)
{
	char line[sizeof(((struct sql_error *)0)->text) + 16], executable[512], command[1024];
	struct ingest_process about = {
	    .segment_path = "",
	    .producer = "",
	    .executable = executable,
	    .command = command,
	    .pid = (uint32_t)pid,
	    .start_time = liveness_start_time(pid),
	    .joined_ns = now_ns,
	};

	liveness_describe(pid, executable, sizeof(executable), command, sizeof(command));
	memcpy(about.segment_id, "away", 4);
	memcpy(about.segment_id + 4, &about.pid, sizeof(about.pid));
	memcpy(about.segment_id + 8, &about.start_time, sizeof(about.start_time));
	snprintf(line, sizeof(line), "turned away: %s", why);
	ingest_turned_away(ingest, &about, now_ns, line);
}

void server_refuse_process(struct server *server, pid_t pid, const char *why)
{
	char line[sizeof(((struct sql_error *)0)->text) + 32];

	snprintf(line, sizeof(line), "process %d: %s", (int)pid, why);
	if (count(server, line))
		refusals_store(server->setup.ingest, pid, server_now_ns(server), why);
}
