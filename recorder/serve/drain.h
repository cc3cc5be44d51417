/* SPDX-License-Identifier: Apache-2.0
 *
 * drain.h - what a dead process had in its rings and not yet in a frame: merged by (ticks, ring), as its flusher would
 * have done, and what its threads dropped and had no more occasion to mark. The same segment always gives the same
 * answer, so that a recorder killed half-way can do it again.
 */
#ifndef RECORDER_DRAIN_H
#define RECORDER_DRAIN_H

#include "segment.h"

struct drain;

/* Starts on SEGMENT, whose frames have all been taken and whose header has been refreshed. NULL: no memory. SEGMENT has
 * to outlive the drain. */
struct drain *drain_new(const struct segment *segment);
void drain_free(struct drain *drain);

/* The next events, CAPACITY at most. Returns how many; 0 at the end. */
uint32_t drain_next(struct drain *drain, struct tta_event *events, uint32_t *thread_entries, uint32_t capacity);

struct drain_loss {
	uint32_t thread_entry; /* 0: not one thread's */
	uint64_t from_ticks, to_ticks;
	uint64_t count; /* 0: not known */
	const char *why;
};

/* After the last event: the next thing that was lost. False: there is none. */
bool drain_next_loss(struct drain *drain, struct drain_loss *loss);

#endif
