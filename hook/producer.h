/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - for preloads, which report through this library: says who reports. Exported, but no public API.
 */
#ifndef TTALLOC_HOOK_PRODUCER_H
#define TTALLOC_HOOK_PRODUCER_H

/* To be called before the first event. The first name stays; 15 bytes of it are kept. */
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

#endif
