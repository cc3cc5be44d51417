/* SPDX-License-Identifier: Apache-2.0
 *
 * liveness.h - whether a process still lives. A process is a pid together with its start time, since pids come again.
 */
#ifndef RECORDER_LIVENESS_H
#define RECORDER_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ttalloc/segment.h"

/* True when it lives. *PIDFD then is a descriptor that becomes readable when it dies, or -1 where the kernel gives
 * none: then ask again now and then. */
bool liveness_watch(pid_t pid, uint64_t start_time, int *pidfd);

/* True when it lives. */
bool liveness_ask(pid_t pid, uint64_t start_time);

/* Field 22 of /proc/PID/stat; 0: there is no such process. */
uint64_t liveness_start_time(pid_t pid);

/* The pid namespace that this process is in; 0: it cannot be told. */
uint64_t liveness_pid_namespace(void);

/* Fills in which program PID runs, and its command; empty when it cannot be known. */
void liveness_describe(pid_t pid, char *executable, size_t executable_bytes, char *command, size_t command_bytes);

/* How much the clocks of PID are ahead of ours (time_namespaces(7)). False: they are the same, or it cannot be told. */
struct liveness_shift {
	int64_t monotonic_ns, boottime_ns;
};
bool liveness_clock_shift(pid_t pid, struct liveness_shift *shift);

/* The same of CLOCK_MONOTONIC, for a process that says that it is this much ahead of the machine's. */
int64_t liveness_shift_of(int64_t offset_ns);

/* The same, for the process whose segment begins with HEADER. */
int64_t liveness_segment_shift(const struct tta_segment_header *header);

#endif
