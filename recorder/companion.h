/* SPDX-License-Identifier: Apache-2.0
 *
 * companion.h - ttalloc-analyze beside the recorder, reading the recording while it is made: --watch shows it on the
 * upper lines of the terminal, --serve in a browser, --metrics to a monitoring system. Recording never depends on one:
 * what goes wrong is a line on standard error.
 */
#ifndef RECORDER_COMPANION_H
#define RECORDER_COMPANION_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#define COMPANION_WORD_BYTES 128

struct companion {
	pid_t pid;                       /* 0: none runs */
	char word[COMPANION_WORD_BYTES]; /* what it said when it was ready: an address, say */
};

/* Starts ttalloc-analyze with ARGUMENTS (without its own name, ended by NULL) and signal mask SIGNALS, and returns when
 * it has said on its standard output that it is ready. OPTION is what the user knows it by. */
void companion_start(struct companion *companion, const char *option, const char *const *arguments,
                     const sigset_t *signals);

/* Ends it: the terminal is given back, the address free. */
void companion_stop(struct companion *companion);

/* The same of one that has something to bring to its end, which may take up to PATIENCE_MS. False: it took longer, and
 * was killed. */
bool companion_finish(struct companion *companion, unsigned patience_ms);

#endif
