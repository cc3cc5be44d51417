/* SPDX-License-Identifier: Apache-2.0
 *
 * guest.h - somebody who brings events by another way than segments, and is served by the same loop. All that the
 * server knows of it are these callbacks, which it calls on its own thread.
 */
#ifndef RECORDER_GUEST_H
#define RECORDER_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/ledger/ingest.h"

/* What the server tells it of the others that it serves. */
struct guest_others {
	bool (*are_hooked)(uint32_t pid, void *context); /* whether a hook of TT-Metal reports the process already */
	void *context;
	uint64_t now_ns; /* since the recording's start */
};

struct guest {
	void *context;
	int event_fd; /* readable when there is something to take in */

	/* Hands a fair share of what it has to INGEST, while there is room. True: there is more. To be called now and
	 * then. */
	bool (*take)(void *context, struct ingest *ingest, const struct guest_others *others);
	/* The recording ends: no more is accepted. */
	void (*finish)(void *context);
	/* After finish(): whether all has been handed on. */
	bool (*is_finished)(void *context);
	/* Who was turned away. */
	uint64_t (*refused)(void *context);
};

#endif
