/* SPDX-License-Identifier: Apache-2.0
 *
 * emit.c - the slow path of an event: first events, forks, signal handlers, full rings, threads that have ended.
 */
#include "emit.h"

#include <errno.h>

#include "thread.h"

/* The lane that an event goes to: a busy one was interrupted by the signal handler that we are in. Not inlined: see
 * hook/CMakeLists.txt for what gcc makes of the test of its answer in sanitizer builds. */
__attribute__((noinline)) static struct tta_lane *free_lane(struct tta_thread *thread)
{
	struct tta_thread_extra *extra;

	if (!thread->lane.busy)
		return &thread->lane;
	extra = tta_thread_extra(thread);
	for (unsigned i = 0; extra && i < TTA_NESTED_LANES; i++)
		if (!extra->nested[i].busy)
			return &extra->nested[i];
	return NULL;
}

static void write_event(struct tta_thread *thread, struct tta_lane *lane, const struct tta_event *event)
{
	if (!lane->ring && !tta_lane_claim(thread, lane)) {
		tta_context_count_no_ring();
		return;
	}
	if (lane->head < lane->limit || tta_lane_make_room(lane))
		tta_lane_write_labelled(thread, lane, event);
}

void tta_lane_write_inherited(const struct tta_thread *thread, struct tta_lane *lane, const struct tta_event *event)
{
	struct tta_event inherited = *event;

	inherited.label = tta_inherited_label(thread);
	if (inherited.label)
		inherited.flags |= TTA_LABEL_INHERITED;
	tta_lane_write(lane, &inherited, inherited.label);
}

static void emit_here(struct tta_thread *thread, const struct tta_event *event)
{
	struct tta_lane *lane;

	if (!tta_context_ready()) {
		if (tta_delegate())
			tta_delegate()->emit(event);
		else
			tta_context_count_no_ring();
		return;
	}
	tta_thread_renew(thread);
	lane = free_lane(thread);
	if (!lane) {
		tta_context_count_no_ring();
		return;
	}
	tta_lane_renew(lane);
	lane->busy = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	write_event(thread, lane, event);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	lane->busy = false;
	if (__builtin_expect(thread->ended, 0))
		tta_lane_retire(lane);
}

__attribute__((noinline)) void tta_emit_slow(const struct tta_event *event)
{
	struct tta_thread *thread = &tta_thread;
	int saved_errno = errno;

	if (ttalloc_enabled() && !thread->muted)
		emit_here(thread, event);
	errno = saved_errno;
}
