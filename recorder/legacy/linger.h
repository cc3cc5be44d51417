/* SPDX-License-Identifier: Apache-2.0
 *
 * linger.h - what becomes of old clients when the recording ends before they do. They write to their connection
 * without any care for its end: were it closed, the next report would kill them by SIGPIPE; were it not read, they
 * would stand still once its buffer is full. So a process without anything else stays behind, reads and forgets, and
 * ends with the last of them.
 */
#ifndef RECORDER_LEGACY_LINGER_H
#define RECORDER_LEGACY_LINGER_H

#include <stddef.h>

#define LEGACY_LINGER_OPTION "--legacy-linger" /* COUNT: how this program is started for it */

/* Leaves the COUNT connections FDS to such a process. They are the caller's to close all the same. FDS is sorted by
 * this. 0, or -1 with errno. */
int legacy_linger_start(int *fds, size_t count);

/* What that process does: reads from descriptors 3 to 3 + COUNT - 1 until all are closed. Returns its exit status. */
int legacy_linger_run(const char *count);

#endif
