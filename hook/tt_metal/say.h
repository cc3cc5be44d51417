/* SPDX-License-Identifier: Apache-2.0
 *
 * say.h - the preload's one line on stderr, its counters, its lock, and whether it has to be silent.
 */
#ifndef TTALLOC_TT_METAL_SAY_H
#define TTALLOC_TT_METAL_SAY_H

#include <stdbool.h>
#include <stdint.h>

/* What allocation_client.hpp may take over; see ttalloc_tt_metal_yield(). */
enum tt_share {
	TT_SHARE_BUFFERS = 1 << 0, /* and with them everything else */
	TT_SHARE_CBS = 1 << 1,
};

enum tt_count {
	TT_COUNT_PLACED,  /* buffers reported as placed */
	TT_COUNT_SERVED,  /* requests that an allocator served */
	TT_COUNT_HOOKED,  /* events of NO_DISPATCH captures, which take no memory */
	TT_COUNT_REFUSED, /* events that could not be read for certain, and were not reported */
	TT_COUNT_DEEP,    /* operations that are within too many others */
	TT_COUNTS,
};

/* Whether this process is recorded, and by the preload. A few loads. */
bool tt_recording(enum tt_share share);

/* What cannot be recorded, and why: a note in the recording, and "ttalloc: ..." on stderr, the first time in a process;
 * later lines would only repeat. Keeps errno. */
void tt_say_once(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what is no memory: without it, the recording is complete. */
void tt_say_left_out(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Counts, also in the recording where it is of something that is left out of it; that something could not be read makes
 * it incomplete. */
void tt_count(enum tt_count what);

/* One lock for all of the preload's state: it is taken once per request at most, and fork-safe once tt_lock_init() ran.
 * Nothing that could throw is called under it. */
void tt_lock_init(void);
void tt_lock(void);
void tt_unlock(void);

/* ---- Exported, for allocation_client.hpp and the tests ---- */

/* Another producer in this process reports SHARE (enum tt_share, or-ed): the preload reports it no more. */
__attribute__((visibility("default"))) void ttalloc_tt_metal_yield(uint32_t share);

/* How often WHAT (enum tt_count) happened. */
__attribute__((visibility("default"))) uint64_t ttalloc_tt_metal_count(uint32_t what);

#endif
