/* SPDX-License-Identifier: Apache-2.0
 *
 * futex.c - see futex.h.
 */
#include "futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAITERS (1u << 31)
#define LOCK_PATIENCE_NS (20 * TTA_NS_PER_MS)

void tta_futex_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / TTA_NS_PER_S),
	                           .tv_nsec = (long)(timeout_ns % TTA_NS_PER_S)};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

static void wake(uint32_t *word, int most)
{
	int saved_errno = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
	errno = saved_errno;
}

void tta_futex_wake(uint32_t *word)
{
	wake(word, INT_MAX);
}

uint64_t tta_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TTA_NS_PER_S + (uint64_t)now.tv_nsec;
}

void tta_critical_enter(struct tta_critical *critical)
{
	sigset_t all;

	critical->saved_errno = errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &critical->signals);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &critical->cancel_state);
}

void tta_critical_leave(const struct tta_critical *critical)
{
	int ignored;

	pthread_setcancelstate(critical->cancel_state, &ignored);
	pthread_sigmask(SIG_SETMASK, &critical->signals, NULL);
	errno = critical->saved_errno;
}

/* An owner that is no thread of this process is one of the parent's, which a fork left behind. */
static bool owner_is_gone(uint32_t word)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)(word & ~LOCK_WAITERS), 0) != 0 && errno == ESRCH;
}

/* Takes the lock; or returns false, and the word to sleep on, which says that somebody waits. Who HAS_WAITED leaves it
 * saying so, for others may sleep on. */
static bool try_lock(struct tta_lock *lock, bool has_waited, uint32_t *waited_for)
{
	uint32_t self = (uint32_t)syscall(SYS_gettid) | (has_waited ? LOCK_WAITERS : 0);
	uint32_t seen = 0;

	while (!__atomic_compare_exchange_n(&lock->word, &seen, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		*waited_for = seen | LOCK_WAITERS;
		if (seen == 0) /* given back since */
			continue;
		if (seen != *waited_for && !__atomic_compare_exchange_n(&lock->word, &seen, *waited_for, false,
		                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			seen = 0;
			continue;
		}
		if (!owner_is_gone(*waited_for))
			return false;
		seen = *waited_for;
		self |= LOCK_WAITERS;
	}
	return true;
}

void tta_lock_enter(struct tta_lock *lock, struct tta_critical *critical)
{
	uint32_t waited_for;
	bool has_waited = false;

	tta_critical_enter(critical);
	while (!try_lock(lock, has_waited, &waited_for)) {
		tta_futex_wait(&lock->word, waited_for, LOCK_PATIENCE_NS);
		has_waited = true;
	}
}

void tta_lock_enter_interruptibly(struct tta_lock *lock, struct tta_critical *critical)
{
	uint32_t waited_for;
	bool has_waited = false;

	tta_critical_enter(critical);
	while (!try_lock(lock, has_waited, &waited_for)) {
		tta_critical_leave(critical);
		tta_futex_wait(&lock->word, waited_for, LOCK_PATIENCE_NS);
		tta_critical_enter(critical);
		has_waited = true;
	}
}

void tta_lock_leave(struct tta_lock *lock, const struct tta_critical *critical)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) & LOCK_WAITERS)
		wake(&lock->word, 1); /* who then keeps the bit set, for those that sleep on */
	tta_critical_leave(critical);
}
