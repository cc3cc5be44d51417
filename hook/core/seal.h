/* SPDX-License-Identifier: Apache-2.0
 *
 * seal.h - emptying the rings into the outbox, and waiting when that is full. How no event gets lost:
 *
 * The flusher seals now and then. A thread whose ring is full does not wait until that one is scheduled: it seals
 * itself, batch by batch, until its ring is half empty. A batch is of all rings, the earliest events first, since the
 * order of a process's events goes over all its threads; so whoever seals works for the others, too.
 *
 *  - One seals at a time: who holds the lock, for one batch (less than a millisecond). Signals and cancellation are
 *    off meanwhile, so that no handler comes in between, and a holder ends only with its process. A SIGKILL in the
 *    middle leaves what is published: without the frame, the rings still have its events; with it, the frame says how
 *    far in each ring it goes, whether or not the rings' tails say so already.
 *  - The cut outlives the lock, as data: who gets the lock next goes on with it. T0, the heads, and the merge by stamp
 *    are as exact as if one thread had done it all.
 *  - Who finds the lock taken sleeps until it is given back (the kernel wakes one, in order), and then looks first
 *    whether there is room by now. A holder that is not scheduled delays the others, who sleep; so it will be.
 *  - A signal handler that interrupts a thread in the middle of an event, or while it waits, has a lane with a ring of
 *    its own, and seals like any other thread: the lock is not held by whom it interrupted. Only on an alternate signal
 *    stack, which may be too small to pack on, it leaves that to the flusher and waits for it.
 *  - A forked child has neither lock nor cut: both lie in what the child's first event wipes.
 *
 * Only when the outbox has no room does anybody wait for the recorder, and only if there is one: TTALLOC_FULL_WAIT_MS
 * since the moment when the outbox last had room, the same for all threads, or without end with TTALLOC_LOSSLESS. Then
 * events are dropped and counted, without further waits, until the recorder has taken something.
 */
#ifndef TTALLOC_HOOK_SEAL_H
#define TTALLOC_HOOK_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "hook/base/futex.h"

struct tta_sealer;

/* Zero: nothing was sealed yet. */
struct tta_seal {
	struct tta_lock lock;
	struct tta_sealer *sealer; /* under the lock; made by the first who seals */
	uint64_t full_since_ns;    /* the outbox has no room since then; 0: it has */
	uint64_t full_at;          /* under the lock: what was released when it had no room */
	uint64_t forced_at_ns;     /* under the lock: when it was last tried whether it has room, all the same */
	uint32_t room;             /* futex; counts batches, and whatever else those who wait for room want to know */
	uint32_t room_waiters;     /* threads that sleep on it */
	uint32_t recorder_is_gone; /* as far as the flusher knows; it has not looked yet: 0 */
};

/* Seals all that is in the rings by now. False: the outbox has no room for all. INSIST: finds that out anew. */
bool tta_seal_everything(bool insist);

/* Seals until ENOUGH says so of WHAT, which it does at the latest when all that was reported is sealed. Waits for the
 * recorder if need be. False: there is no room, and it is not waited for any longer. */
bool tta_seal_until(bool (*enough)(const void *what), const void *what);

/* The recorder has committed what was sealed up to this number. */
void tta_seal_release(uint64_t committed);

/* The flusher says whether there is a recorder. */
void tta_seal_tell_recorder(bool is_gone);

/* Whether this is the alternate stack of a signal handler, and too small for packing a batch or making a thread. */
bool tta_stack_is_small(void);

/* Whether somebody waits for room. */
bool tta_seal_is_awaited(void);

#endif
