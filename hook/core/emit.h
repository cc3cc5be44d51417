/* SPDX-License-Identifier: Apache-2.0
 *
 * emit.h - the fast path: one event into the ring of the calling thread. No lock, no system call, no allocation.
 *
 * A signal handler may report, too, while it interrupts its thread in the middle of this. It finds the lane busy and
 * takes another one, with a ring of its own: the merge by time puts the events in order.
 */
#ifndef TTALLOC_HOOK_EMIT_H
#define TTALLOC_HOOK_EMIT_H

#include "context.h"

/* The producer's side of a ring. */
struct tta_lane {
	struct tta_event *records;
	uint64_t mask;
	uint64_t head;
	uint64_t limit; /* from here on the slow path looks: half full, full, or no ring at all (0) */
	struct tta_ring *ring;
	uint64_t *marked;     /* of the ring, in the context */
	uint64_t retry_at_ns; /* when there is no ring: when to ask for one again */
	uint32_t epoch;       /* of the process that the ring belongs to */
	bool busy;            /* an event is being written, or waited for */
};

struct tta_thread_extra;
struct tta_label_slot;

/* What a thread knows. Small: it lies in the static TLS of programs that load the library late. */
struct tta_thread {
	struct tta_lane lane;
	uint32_t epoch; /* of the process that what follows belongs to */
	uint32_t label; /* entry of the innermost open label */
	uint32_t thread_entry;
	uint32_t operations; /* that are open, of the process with: */
	uint32_t operations_epoch;
	uint8_t rounds;      /* of its destructor */
	uint8_t stack_looks; /* times that its stack was looked for */
	bool muted;          /* the flusher: nothing that it does is recorded */
	bool ended;          /* its destructor is through: rings are given back after each event */
	bool unwinding;      /* inside libunwind */
	uintptr_t stack_low; /* of its stack, as far as is known; both 0: nothing is */
	uintptr_t stack_high;
	struct tta_thread_extra *extra;    /* labels and more lanes, if it ever needed them */
	struct tta_label_slot *label_slot; /* shows its label to the threads that it made; NULL: it made none */
	struct tta_label_slot *maker;      /* of the thread that made it; NULL: nobody known */
	uint64_t inherited;                /* the label that was open then, as label slots hold it; 0: none */
};

extern _Thread_local struct tta_thread tta_thread __attribute__((tls_model("initial-exec")));

/* Everything that is rare. Keeps errno. */
void tta_emit_slow(const struct tta_event *event);

/* The label that THREAD has while it has none of its own; 0: none. See inherit.h. */
uint32_t tta_inherited_label(const struct tta_thread *thread);

/* Writes EVENT, and shows it to the flusher. The lane is busy and has room. */
static inline void tta_lane_write(struct tta_lane *lane, const struct tta_event *event, uint32_t label)
{
	uint64_t head = lane->head;
	struct tta_event *record = &lane->records[head & lane->mask];

	record->ticks = tta_clock_read(tta_context.clock);
	record->address = event->address;
	record->size_bytes = event->size_bytes;
	record->bank_bytes = event->bank_bytes;
	record->device = event->device;
	record->allocator = event->allocator;
	record->label = label;
	record->stack = event->stack;
	record->kind = event->kind;
	record->flags = event->flags;
	record->region = event->region;
	lane->head = head + 1;
	__atomic_store_n(&lane->ring->head, head + 1, __ATOMIC_RELEASE);
}

/* The same, with the label that THREAD inherits; for threads that have none of their own. */
void tta_lane_write_inherited(const struct tta_thread *thread, struct tta_lane *lane, const struct tta_event *event);

/* The same, with the label of THREAD. */
static inline void tta_lane_write_labelled(const struct tta_thread *thread, struct tta_lane *lane,
                                           const struct tta_event *event)
{
	if (__builtin_expect(thread->label || !((uintptr_t)thread->maker | thread->inherited), 1))
		tta_lane_write(lane, event, thread->label);
	else
		tta_lane_write_inherited(thread, lane, event);
}

/* Reports one event; its ticks and label are filled in here. */
__attribute__((always_inline)) static inline void tta_emit(const struct tta_event *event)
{
	struct tta_thread *thread = &tta_thread;
	struct tta_lane *lane = &thread->lane;

	if (__builtin_expect(!lane->busy && lane->epoch == tta_epoch(), 1)) {
		lane->busy = true;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		if (__builtin_expect(lane->head < lane->limit, 1)) {
			tta_lane_write_labelled(thread, lane, event);
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
			lane->busy = false;
			return;
		}
		lane->busy = false;
	}
	tta_emit_slow(event);
}

#endif
