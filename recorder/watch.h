/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - `ttalloc-recorder --watch`: ttalloc-analyze shows the recording on the upper lines of the terminal while it
 * is made. Recording never depends on it: what goes wrong is a line on standard error.
 */
#ifndef RECORDER_WATCH_H
#define RECORDER_WATCH_H

#include <signal.h>
#include <sys/types.h>

struct watch {
	pid_t pid; /* 0: none runs */
};

/* Starts it on the file at PATH with signal mask SIGNALS, and returns when the terminal is divided, so that nothing is
 * written to the wrong part of it. */
void watch_start(struct watch *watch, const char *path, const sigset_t *signals);

/* Ends it, which gives the terminal back. */
void watch_stop(struct watch *watch);

#endif
