/* SPDX-License-Identifier: Apache-2.0
 *
 * refusals.h - who was turned away is in the recording all the same, as a process that lost an unknown number of
 * events.
 */
#ifndef RECORDER_REFUSALS_H
#define RECORDER_REFUSALS_H

#include <sys/types.h>

#include "recorder/ledger/ingest.h"

/* Stores that process PID was turned away at NOW_NS, once for each process. WHY says what to do about it. */
void refusals_store(struct ingest *ingest, pid_t pid, uint64_t now_ns, const char *why);

#endif
