/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - what the old server printed: a line per event, in the form of its first version, which scripts read; and
 * what is left, when a client asks for it.
 */
#ifndef RECORDER_LEGACY_LOG_H
#define RECORDER_LEGACY_LOG_H

#include <stdio.h>

#include "owner.h"

/* One event of the process PID. Ids are decimal, as the first server printed them, or HEX, as those did that came with
 * the larger messages. */
void legacy_log_event(FILE *file, pid_t pid, const struct legacy_outcome *outcome, bool hex);

/* What is held: per device and region, and one by one where these are few. */
void legacy_dump_buffers(FILE *file, struct legacy_owners *owners);

/* The kernels that are loaded, with their age at NOW_NS. */
void legacy_dump_kernels(FILE *file, struct legacy_owners *owners, uint64_t now_ns);

#endif
