/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - for preloads, which report through this library: who reports, and what new threads inherit. Exported,
 * but no public API.
 */
#ifndef TTALLOC_HOOK_PRODUCER_H
#define TTALLOC_HOOK_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

/* To be called before the caller's first event. Whoever reports in a process is named; 15 bytes of a name are kept. */
void ttalloc_name_producer(const char *name);

/* Calls from this code (of a preload) are not shown in call stacks: those of its callers are. */
void ttalloc_hide_frames(const void *start, const void *end);

/* The same for the library that this is compiled into. */
static inline void tta_hide_this_library(void)
{
	extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* the linker's */
	extern const char etext[] __attribute__((visibility("hidden")));

	ttalloc_hide_frames(__ehdr_start, etext);
}

/* Whether operations are to be recorded, with ttalloc_operation_begin(), in a process that is. */
bool ttalloc_wants_operations(void);

/* What a thread leaves to one that it makes. */
struct ttalloc_bequest {
	uint64_t label;
	struct tta_beacon *maker;
};

/* On a thread that is about to make another one: false when there is nothing to leave to it. */
bool ttalloc_thread_bequeath(struct ttalloc_bequest *bequest);

/* On the new thread, before anything else of it runs; or, when there is none, on its maker. */
void ttalloc_thread_inherit(const struct ttalloc_bequest *bequest);
void ttalloc_thread_not_made(const struct ttalloc_bequest *bequest);

#endif
