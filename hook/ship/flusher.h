/* SPDX-License-Identifier: Apache-2.0
 *
 * flusher.h - the one thread that the hook has. It empties the rings into the outbox and talks to the recorder.
 */
#ifndef TTALLOC_HOOK_FLUSHER_H
#define TTALLOC_HOOK_FLUSHER_H

#include <stdbool.h>
#include <stdint.h>

#include "uplink.h"

struct tta_flusher {
	bool is_running;
	uint32_t wake;         /* futex; not 0: the flusher shall look at the rings now */
	uint32_t room;         /* futex; counts the times that rings were emptied */
	uint32_t room_waiters; /* threads that sleep on it */
	uint32_t news;         /* futex; changes when one of the following does, for ttalloc_flush() */
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

/* How often rings have been emptied; and sleeping until that is no longer SEEN, for TIMEOUT_NS at most. */
uint32_t tta_flusher_room_seen(void);
void tta_flusher_wait_room(uint32_t seen, uint64_t timeout_ns);

/* Wakes those who sleep: after each frame, for the next one may take a while. */
void tta_flusher_tell_room(void);

#endif
