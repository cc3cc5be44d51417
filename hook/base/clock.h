/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - the clock that stamps events: the TSC where the kernel itself trusts it, else CLOCK_MONOTONIC.
 */
#ifndef TTALLOC_HOOK_CLOCK_H
#define TTALLOC_HOOK_CLOCK_H

#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "ttalloc/segment.h"

/* Which clock this machine has. Reads a file of /sys. */
enum tta_clock tta_clock_choose(void);

/* Three clocks, read as near to each other as can be. */
void tta_clock_anchor(enum tta_clock clock, struct tta_segment_header *header);

/* Now. Not read before earlier loads of this thread are done (rdtscp, not rdtsc): a free that follows from what
 * another thread published must not get an older stamp than the allocation it belongs to. */
static inline uint64_t tta_clock_read(enum tta_clock clock)
{
	struct timespec now;

#if defined(__x86_64__)
	if (__builtin_expect(clock == TTA_CLOCK_TSC, 1)) {
		unsigned processor;

		return __rdtscp(&processor);
	}
#endif
	(void)clock;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The same, and no later load is done before it: the moment of a cut. */
static inline uint64_t tta_clock_read_fenced(enum tta_clock clock)
{
	uint64_t ticks = tta_clock_read(clock);

#if defined(__x86_64__)
	_mm_lfence();
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	return ticks;
}

#endif
