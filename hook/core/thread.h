/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.h - a thread's rings: where it gets them, what it does when they are full, and how it gives them back.
 */
#ifndef TTALLOC_HOOK_THREAD_H
#define TTALLOC_HOOK_THREAD_H

#include "emit.h"
#include "hook/base/maps.h"

#define TTA_LABEL_DEPTH 64u
#define TTA_NESTED_LANES 3u
#define TTA_STACK_CACHE_BITS 9
#define TTA_CUT_CACHE_BITS 8

/* A stack that was cut where garbage began: the hash of all that was found, and the entry of what was kept. Two words
 * that a signal handler may come in between: the hash is stored with the entry mixed in. */
struct tta_cut_stack {
	uint64_t hash_and_entry; /* hash ^ entry */
	uint64_t entry;          /* 0: empty */
};

/* What most threads never need, in pages of its own. Names are kept to say them again in a forked child. */
struct tta_thread_extra {
	uint32_t
	    label_depth; /* open labels; only the first TTA_LABEL_DEPTH have an entry: what is in the others says so */
	uint32_t entries[TTA_LABEL_DEPTH];
	uint32_t name_ends[TTA_LABEL_DEPTH];
	uint32_t stacks[1u << TTA_STACK_CACHE_BITS];        /* entries of call stacks, by their hash */
	uint32_t likely_stacks[1u << TTA_STACK_CACHE_BITS]; /* by where they begin */
	struct tta_cut_stack cut_stacks[1u << TTA_CUT_CACHE_BITS];
	uint64_t modules_changes; /* that these stacks are after: what the loader has added, and what was displaced */
	uint32_t displaced;       /* the latter alone */
	struct tta_lane nested[TTA_NESTED_LANES]; /* for signal handlers that interrupt the lane before */
	char names[TTA_LABEL_DEPTH * TTALLOC_NAME_MAX];
	char maps_buffer[TTA_MAPS_BUFFER_BYTES];
};

/* What the thread has of it; NULL when there is no memory for one. */
struct tta_thread_extra *tta_thread_extra(struct tta_thread *thread);

/* Forgets which call stacks were seen. */
void tta_thread_forget_stacks(struct tta_thread_extra *extra);

/* Makes THREAD one of this process, if it is not yet: after a fork it says its labels again. The context must be
 * ready. */
void tta_thread_renew(struct tta_thread *thread);

/* Makes LANE, which is not busy, one of this process, if it is not yet: it forgets its parent's ring. */
void tta_lane_renew(struct tta_lane *lane);

/* Gives LANE a ring. False when none can be had. */
bool tta_lane_claim(struct tta_thread *thread, struct tta_lane *lane);

/* Gives the ring back: the flusher frees it when all of it is sealed. */
void tta_lane_retire(struct tta_lane *lane);

/* Makes sure that LANE, which has a ring, has room for one event: seals what is in the rings when it is full (seal.h).
 * False: the event is dropped, and counted. */
bool tta_lane_make_room(struct tta_lane *lane);

/* Sees to it that what THREAD has is given back when it ends. */
void tta_thread_watch(struct tta_thread *thread);

#endif
