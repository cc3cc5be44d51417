/* SPDX-License-Identifier: Apache-2.0
 *
 * futex.h - sleeping on a word, and a lock that is safe wherever the hook is called: in signal handlers, in threads
 * that are cancelled, and in a child that was forked while another thread of its parent held it.
 */
#ifndef TTALLOC_HOOK_FUTEX_H
#define TTALLOC_HOOK_FUTEX_H

#include <signal.h>
#include <stdint.h>

#define TTA_NS_PER_MS 1000000u
#define TTA_NS_PER_S 1000000000u

/* Sleeps while *WORD is EXPECTED, for TIMEOUT_NS at most; may return early. Touches errno. */
void tta_futex_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns);

/* Wakes all who sleep on WORD. */
void tta_futex_wake(uint32_t *word);

/* CLOCK_MONOTONIC, which time-outs are counted in. */
uint64_t tta_now_ns(void);

/* Zero: free. */
struct tta_lock {
	uint32_t word; /* thread id of the owner; the top bit says that somebody may be waiting */
};

/* What the owner's thread was like before. */
struct tta_critical {
	sigset_t signals;
	int cancel_state;
	int saved_errno;
};

/* Blocks all signals and cancellation in this thread, until the matching leave, which restores errno, too. */
void tta_critical_enter(struct tta_critical *critical);
void tta_critical_leave(const struct tta_critical *critical);

/* The same, holding LOCK. Interruptibly: until it is held, signals come through, which may fork, too. */
void tta_lock_enter(struct tta_lock *lock, struct tta_critical *critical);
void tta_lock_enter_interruptibly(struct tta_lock *lock, struct tta_critical *critical);
void tta_lock_leave(struct tta_lock *lock, const struct tta_critical *critical);

#endif
