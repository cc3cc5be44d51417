/* SPDX-License-Identifier: Apache-2.0
 *
 * gate.c - the one word that callers look at, and what happens to it when the process forks.
 *
 * A fork wipes the gate's page in the child (MADV_WIPEONFORK), also one that bypasses libc, so that the child's first
 * call decides anew. Where that cannot be had (pages larger than the gate, memory that is a file's), the handler that
 * pthread_atfork() calls does the same for forks by libc.
 */
#include "gate.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emit.h"
#include "thread.h"

__attribute__((visibility("default"))) struct ttalloc_gate_page ttalloc_gate;

/* In the child, on the thread that forked. */
static void after_fork_in_child(void)
{
	const struct tta_spool *spool = &tta_context.spool;

	if (tta_context.epoch == 0)
		return;
	if (!tta_context.fork_ticks)
		tta_context.fork_ticks = tta_clock_read(tta_context.clock);
	/* A signal handler forked, and has interrupted an event: when it returns, that event's last bytes go to where
	 * the parent's ring was. They land on pages that nobody looks at. */
	if (tta_thread.lane.busy && spool->base)
		mmap(spool->base, spool->mapped_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	__atomic_store_n(tta_epoch_place(), 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ttalloc_gate.state, TTALLOC_GATE_UNKNOWN, __ATOMIC_RELEASE);
}

/* The gate forgets its decision in children that are forked from now on. */
static void watch_forks(void)
{
	if (sysconf(_SC_PAGESIZE) == (long)sizeof(ttalloc_gate))
		madvise(&ttalloc_gate, sizeof(ttalloc_gate), MADV_WIPEONFORK);
	if (!tta_context.watches_fork)
		tta_context.watches_fork = pthread_atfork(NULL, NULL, after_fork_in_child) == 0;
}

/* A number that no ancestor of this process is likely to have had. */
static uint32_t new_epoch(void)
{
	uint64_t mixed = ((uint64_t)getpid() << 32 ^ tta_now_ns()) * 0x9E3779B97F4A7C15u;

	return (uint32_t)(mixed >> 32) | 1;
}

/* Other threads may read this meanwhile. */
static void set_without_stacks(bool without)
{
	__atomic_store_n(&tta_context.without_stacks, without, __ATOMIC_RELAXED);
}

/* The environment counts when the first process decides; its children do as it did. */
static uint32_t decide_locked(void)
{
	if (tta_context.is_over || (!tta_context.options_read && !tta_options_want_recording())) {
		set_without_stacks(true);
		return TTALLOC_GATE_OFF;
	}
	if (!tta_context.options_read) {
		tta_options_read(&tta_context.options);
		tta_context.clock = tta_clock_choose();
		tta_context.options_read = true;
	}
	set_without_stacks(!tta_context.options.stacks && !tta_context.options.python_stacks);
	watch_forks();
	__atomic_store_n(tta_epoch_place(), new_epoch(), __ATOMIC_RELAXED);
	return TTALLOC_GATE_ON;
}

__attribute__((visibility("default"))) bool ttalloc_gate_decide(void)
{
	struct tta_critical critical;
	uint32_t state;

	tta_lock_enter(&tta_context.decide_lock, &critical);
	state = __atomic_load_n(&ttalloc_gate.state, __ATOMIC_RELAXED);
	if (state == TTALLOC_GATE_UNKNOWN) {
		state = decide_locked();
		__atomic_store_n(&ttalloc_gate.state, state, __ATOMIC_RELEASE);
	}
	tta_lock_leave(&tta_context.decide_lock, &critical);
	return state == TTALLOC_GATE_ON;
}

void tta_gate_shut(void)
{
	struct tta_critical critical;

	tta_lock_enter(&tta_context.decide_lock, &critical);
	tta_context.is_over = true;
	__atomic_store_n(&ttalloc_gate.state, TTALLOC_GATE_OFF, __ATOMIC_RELEASE);
	tta_lock_leave(&tta_context.decide_lock, &critical);
}
