/* SPDX-License-Identifier: Apache-2.0
 *
 * processes.h - the recorded processes, from when they are found until all of theirs is committed.
 */
#ifndef RECORDER_PROCESSES_H
#define RECORDER_PROCESSES_H

#include "loop.h"

#define MAX_PROCESSES 4096u

struct recorded *processes_find(struct server *server, const uint8_t *segment_id);
/* Opens the segment of USER at PATH, unless it is open already. NULL with ERROR. Whether its process lives is yet to be
 * asked: processes_settle(). */
struct recorded *processes_take(struct server *server, const char *path, uid_t user, struct sql_error *error);
/* Finds out whether the process lives, and begins to watch it; else its segment is drained. */
void processes_settle(struct server *server, struct recorded *process);
void processes_died(struct server *server, struct recorded *process);
/* Looks for segments of this socket that nobody has announced. */
void processes_scan(struct server *server);
/* Asks after the processes that the kernel gives no descriptor for, or after ALL. */
void processes_poll(struct server *server, bool all);
/* Passes on what was committed, and removes what is done with. */
void processes_committed(struct server *server);
/* Takes batches in, a fair share from each. True: there is more. */
bool processes_pump(struct server *server);
void processes_sweep(struct server *server);
/* Tells processes that go on living that the recording has ended, and removes their segments. */
void processes_dismiss(struct server *server);

#endif
