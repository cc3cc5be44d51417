/* SPDX-License-Identifier: Apache-2.0
 *
 * flusher.h - the one thread that the hook has. It empties the rings from time to time, and talks to the recorder. A
 * program whose main thread ends before others, by pthread_exit(), ends with the last of those: this one follows.
 */
#ifndef TTALLOC_HOOK_FLUSHER_H
#define TTALLOC_HOOK_FLUSHER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "uplink.h"

struct tta_flusher {
	bool is_running;
	bool is_put_off;  /* it was to be made in a signal handler on a small stack: the next event makes it */
	sigset_t signals; /* that were blocked where it was made, which exit handlers run with */
	uint32_t wake;    /* futex; not 0: the flusher shall look at the rings now */
	uint32_t news;    /* futex; changes when one of the following does, for ttalloc_flush() */
	uint32_t flush_waiters;
	uint32_t asked;  /* calls of ttalloc_flush() so far */
	uint32_t sealed; /* of these, those whose events are sealed, up to sealed_number */
	uint32_t alone;  /* of these, those that found no recorder */
	uint64_t sealed_number;
	uint64_t committed;
	struct tta_uplink uplink;
};

/* Starts the thread, if this process has none. The context is ready. */
void tta_flusher_start(void);

/* Lets it look at the rings now. Safe in signal handlers, cheap when it was told already. */
void tta_flusher_wake(void);

#endif
