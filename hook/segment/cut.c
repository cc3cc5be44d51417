/* SPDX-License-Identifier: Apache-2.0
 *
 * cut.c - which events are next. A cut reads the clock (T0), then the number of rings, then their heads, and takes what
 * is stamped T0 or earlier. What depends on another thread's event was stamped after that one had been published, so a
 * cut that holds the later one holds the earlier one. A thread that was preempted between its stamp and its publishing
 * shows up in a later cut with an older stamp: it is lifted to its predecessor's, so that ticks never fall.
 */
#include "sealer.h"

#include "hook/base/fault.h"
#include "ttalloc/heap.h"

/* ---- A heap of rings, the earliest event on top ---- */

static inline bool is_before(const void *nothing, const struct tta_heap_item *a, const struct tta_heap_item *b)
{
	(void)nothing;
	return a->ticks < b->ticks || (a->ticks == b->ticks && a->ring < b->ring);
}

TTA_HEAP(rings, struct tta_heap_item, const void *, is_before)

/* Looks at the ring's next event. False when the cut takes no more of it. */
static bool next_of_ring(const struct tta_sealer *sealer, struct tta_heap_item *item)
{
	const struct tta_cursor *cursor = &sealer->cursors[item->ring];
	uint64_t ticks;

	if (cursor->at == cursor->end)
		return false;
	ticks = cursor->records[cursor->at & cursor->mask].ticks;
	item->ticks = tta_fault("no-merge") ? 0 : ticks;
	return ticks <= sealer->cut_ticks;
}

/* ---- Drops that a thread did not get round to saying ---- */

/* Of a ring that is empty, and whose thread has ended or dropped nothing lately. */
static void promise_mark(struct tta_cursor *cursor, struct tta_ring *ring, uint64_t *marked)
{
	uint64_t dropped = __atomic_load_n(&ring->dropped, __ATOMIC_ACQUIRE);
	uint64_t said = __atomic_load_n(marked, __ATOMIC_RELAXED);
	bool ended = __atomic_load_n(&ring->state, __ATOMIC_ACQUIRE) == TTA_RING_ENDING;

	if (said < dropped && (ended || cursor->dropped_seen == dropped) &&
	    __atomic_compare_exchange_n(marked, &said, dropped, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		cursor->owed += dropped - said;
	cursor->dropped_seen = dropped;
}

/* ---- The cut ---- */

static void begin_ring(struct tta_sealer *sealer, uint32_t number)
{
	struct tta_spool *spool = sealer->source.spool;
	struct tta_ring *ring = &spool->rings[number];
	struct tta_cursor *cursor = &sealer->cursors[number];
	struct tta_heap_item item = {.ring = number};

	cursor->at = ring->tail;
	cursor->end = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	cursor->marked = ring->marked_sealed;
	cursor->owed_in_batch = false;
	cursor->records = (const struct tta_event *)(const void *)(spool->base + ring->offset);
	cursor->mask = ring->capacity - 1;
	cursor->thread_entry = __atomic_load_n(&ring->thread_entry, __ATOMIC_RELAXED);
	if (cursor->at == cursor->end)
		promise_mark(cursor, ring, &sealer->source.marked[number]);
	if (next_of_ring(sealer, &item))
		sealer->heap[sealer->heap_count++] = item;
}

void tta_cut_begin(struct tta_sealer *sealer)
{
	sealer->cut_ticks = tta_clock_read_fenced(sealer->source.clock);
	sealer->ring_count = __atomic_load_n(&sealer->source.spool->header->ring_count, __ATOMIC_ACQUIRE);
	sealer->heap_count = 0;
	for (uint32_t i = 0; i < sealer->ring_count; i++)
		begin_ring(sealer, i);
	rings_make(NULL, sealer->heap, sealer->heap_count);
}

static void put(struct tta_sealer *sealer, const struct tta_event *event, uint32_t thread_entry)
{
	struct tta_event *place = &sealer->events[sealer->count];

	*place = *event;
	if (place->ticks < sealer->batch_ticks)
		place->ticks = sealer->batch_ticks;
	sealer->batch_ticks = place->ticks;
	sealer->threads[sealer->count++] = thread_entry;
}

/* Takes the earliest event. */
static void take_top(struct tta_sealer *sealer)
{
	struct tta_heap_item top = sealer->heap[0];
	struct tta_cursor *cursor = &sealer->cursors[top.ring];
	const struct tta_event *event = &cursor->records[cursor->at & cursor->mask];

	put(sealer, event, cursor->thread_entry);
	if (event->kind == TTA_LOSS && event->loss.reason == TTA_LOST_RING_FULL)
		cursor->marked += event->loss.count;
	cursor->at++;
	if (next_of_ring(sealer, &top))
		rings_down(NULL, sealer->heap, sealer->heap_count, 0, top);
	else
		rings_pop(NULL, sealer->heap, --sealer->heap_count);
}

static void take_owed(struct tta_sealer *sealer, uint32_t number)
{
	struct tta_cursor *cursor = &sealer->cursors[number];
	const struct tta_ring *ring = &sealer->source.spool->rings[number];

	put(sealer,
	    &(struct tta_event){.kind = TTA_LOSS,
	                        .ticks = __atomic_load_n(&ring->last_dropped_ticks, __ATOMIC_RELAXED),
	                        .loss = {.first_ticks = __atomic_load_n(&ring->first_dropped_ticks, __ATOMIC_RELAXED),
	                                 .count = cursor->owed,
	                                 .reason = TTA_LOST_RING_FULL}},
	    cursor->thread_entry);
	cursor->marked += cursor->owed;
	cursor->owed_in_batch = true;
}

uint32_t tta_cut_take(struct tta_sealer *sealer)
{
	sealer->count = 0;
	sealer->batch_ticks = sealer->last_ticks;
	while (sealer->heap_count && sealer->count < sealer->most_events)
		take_top(sealer);
	for (uint32_t i = 0; i < sealer->ring_count && sealer->count < sealer->most_events; i++)
		if (sealer->cursors[i].owed)
			take_owed(sealer, i);
	return sealer->count;
}

void tta_cut_confirm(struct tta_sealer *sealer)
{
	struct tta_ring *rings = sealer->source.spool->rings;

	sealer->last_ticks = sealer->batch_ticks;
	sealer->next_number += sealer->count;
	for (uint32_t i = 0; i < sealer->ring_count; i++) {
		struct tta_cursor *cursor = &sealer->cursors[i];

		__atomic_store_n(&rings[i].marked_sealed, cursor->marked, __ATOMIC_RELAXED);
		if (rings[i].tail != cursor->at)
			__atomic_store_n(&rings[i].tail, cursor->at, __ATOMIC_RELEASE);
		if (cursor->owed_in_batch)
			cursor->owed = 0;
		cursor->owed_in_batch = false;
	}
}

void tta_cut_free_rings(struct tta_sealer *sealer)
{
	for (uint32_t i = 0; i < sealer->ring_count; i++) {
		struct tta_ring *ring = &sealer->source.spool->rings[i];

		if (__atomic_load_n(&ring->state, __ATOMIC_ACQUIRE) == TTA_RING_ENDING &&
		    ring->tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) &&
		    ring->dropped == ring->marked_sealed)
			__atomic_store_n(&ring->state, TTA_RING_FREE, __ATOMIC_RELEASE);
	}
}
