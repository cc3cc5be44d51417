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

/* True when it lives. *PIDFD then is a descriptor that becomes readable when it dies, or -1 where the kernel gives
 * none: then ask again now and then. */
bool liveness_watch(pid_t pid, uint64_t start_time, int *pidfd);

/* True when it lives. */
bool liveness_ask(pid_t pid, uint64_t start_time);

/* Names this start of this machine: pids, clocks and tmpfs are good for no longer. */
void liveness_boot_id(char *boot_id, size_t bytes);

#endif
