/* SPDX-License-Identifier: Apache-2.0
 *
 * refusals.h - who was turned away is in the recording all the same, as a process that lost an unknown number of
 * events.
 */
#ifndef RECORDER_REFUSALS_H
#define RECORDER_REFUSALS_H

#include <sys/types.h>

#include "recorder/ledger/ingest.h"

struct server;

/* Stores that process PID was turned away at NOW_NS, once for each process. WHY says what to do about it. */
void refusals_store(struct ingest *ingest, pid_t pid, uint64_t now_ns, const char *why);

/* Turns away: somebody whom nobody knows, or process PID. WHY says what to do about it. */
void server_refuse(struct server *server, const char *why);
void server_refuse_process(struct server *server, pid_t pid, const char *why);

#endif
