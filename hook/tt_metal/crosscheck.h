/* SPDX-License-Identifier: Apache-2.0
 *
 * crosscheck.h - whether somebody is between changing an allocator and telling of it. What an allocator says of itself
 * is compared with what was told of it, which makes sense only while nobody is. All of it is a few atomic additions;
 * nobody waits for anybody.
 */
#ifndef TTALLOC_TT_METAL_CROSSCHECK_H
#define TTALLOC_TT_METAL_CROSSCHECK_H

#include <stdbool.h>
#include <stdint.h>

/* This thread is about to change an allocator, or to tell of a change that it is about to make. */
void tt_crosscheck_changing(void);

/* What this thread changed is made, and told. What it did not tell in between, it will not tell any more. */
void tt_crosscheck_changed(void);

/* False: another thread is at it. Else *TICKET is for: */
bool tt_crosscheck_begin(unsigned *ticket);

/* Whether nobody has begun to change anything since. */
bool tt_crosscheck_undisturbed(unsigned ticket);

/* Whether it is time to ask an allocator again that was asked first, or last, at *NEXT_MS: soon at first, then once a
 * second. Sets that. */
struct tt_crosscheck_pace {
	uint64_t next_ms, interval_ms;
};
bool tt_crosscheck_is_due(struct tt_crosscheck_pace *pace);

#endif
