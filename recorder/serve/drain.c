/* SPDX-License-Identifier: Apache-2.0
 *
 * drain.c - the rings of a dead process, merged.
 */
#include "drain.h"

#include <stdlib.h>
#include <string.h>

#include "ttalloc/heap.h"

#define CHUNK_RECORDS 64 /* read at once from a ring: 3 KiB, and 24 MiB at most for all rings of a process */

/* One ring on its way into the merge. */
struct lane {
	struct tta_ring ring;
	uint64_t next;   /* record to be read next */
	uint64_t marked; /* drops in LOSS marks up to there */
	struct tta_event *chunk;
	uint32_t at, count; /* in the chunk */
	bool sound;
};

struct drain {
	const struct segment *segment;
	struct lane *lanes;
	uint32_t lane_count;
	uint32_t *heap; /* lanes that have a record, the earliest first */
	uint32_t heap_count;
	uint32_t losses_told;
};

static const struct tta_event *head_of(const struct lane *lane)
{
	return &lane->chunk[lane->at];
}

/* By ticks, then by the place in the directory. */
static inline bool is_earlier(const struct drain *drain, const uint32_t *a, const uint32_t *b)
{
	uint64_t ticks_a = head_of(&drain->lanes[*a])->ticks, ticks_b = head_of(&drain->lanes[*b])->ticks;

	return ticks_a != ticks_b ? ticks_a < ticks_b : *a < *b;
}

TTA_HEAP(lanes, uint32_t, const struct drain *, is_earlier)

/* Makes sure that the lane has a record in its chunk. False: it has no more. */
static bool fill(const struct drain *drain, struct lane *lane)
{
	uint64_t left = lane->ring.head - lane->next;

	if (lane->at < lane->count)
		return true;
	if (!lane->sound || !left)
		return false;
	lane->at = 0;
	lane->count = left < CHUNK_RECORDS ? (uint32_t)left : CHUNK_RECORDS;
	if (segment_records(drain->segment, &lane->ring, lane->next, lane->count, lane->chunk) < 0) {
		lane->sound = false;
		lane->count = 0;
		return false;
	}
	lane->next += lane->count;
	return true;
}

static int open_lane(struct drain *drain, uint32_t index)
{
	struct lane *lane = &drain->lanes[index];

	lane->sound = segment_ring(drain->segment, index, &lane->ring) == 0;
	lane->next = lane->ring.tail;
	lane->marked = lane->ring.marked_sealed;
	if (!lane->sound || lane->ring.head == lane->next)
		return 0;
	lane->chunk = malloc(CHUNK_RECORDS * sizeof(*lane->chunk));
	if (!lane->chunk)
		return -1;
	if (fill(drain, lane))
		drain->heap[drain->heap_count++] = index;
	return 0;
}

struct drain *drain_new(const struct segment *segment)
{
	struct drain *drain = calloc(1, sizeof(*drain));

	if (!drain)
		return NULL;
	drain->segment = segment;
	drain->lane_count = segment_ring_count(segment);
	drain->lanes = calloc(drain->lane_count + 1, sizeof(*drain->lanes));
	drain->heap = calloc(drain->lane_count + 1, sizeof(*drain->heap));
	if (!drain->lanes || !drain->heap)
		goto no_memory;
	for (uint32_t i = 0; i < drain->lane_count; i++)
		if (open_lane(drain, i) < 0)
			goto no_memory;
	lanes_make(drain, drain->heap, drain->heap_count);
	return drain;

no_memory:
	drain_free(drain);
	return NULL;
}

void drain_free(struct drain *drain)
{
	if (!drain)
		return;
	for (uint32_t i = 0; drain->lanes && i < drain->lane_count; i++)
		free(drain->lanes[i].chunk);
	free(drain->lanes);
	free(drain->heap);
	free(drain);
}

static void count_mark(struct lane *lane, const struct tta_event *event)
{
	if (event->kind == TTA_LOSS && event->loss.reason == TTA_LOST_RING_FULL)
		lane->marked += event->loss.count;
}

uint32_t drain_next(struct drain *drain, struct tta_event *events, uint32_t *thread_entries, uint32_t capacity)
{
	uint32_t count = 0;

	while (count < capacity && drain->heap_count) {
		struct lane *lane = &drain->lanes[drain->heap[0]];

		events[count] = lane->chunk[lane->at++];
		thread_entries[count] = lane->ring.thread_entry;
		count_mark(lane, &events[count++]);
		if (fill(drain, lane))
			lanes_down(drain, drain->heap, drain->heap_count, 0, drain->heap[0]);
		else
			lanes_pop(drain, drain->heap, --drain->heap_count);
	}
	return count;
}

/* What one ring lost: records that cannot be read, or drops that no mark tells of. */
static bool lane_loss(const struct lane *lane, struct drain_loss *loss)
{
	*loss = (struct drain_loss){.thread_entry = lane->ring.thread_entry};
	if (!lane->sound) {
		loss->why = "a ring could not be read after the process had ended";
		return true;
	}
	if (lane->ring.dropped <= lane->marked)
		return false;
	loss->count = lane->ring.dropped - lane->marked;
	loss->from_ticks = lane->ring.first_dropped_ticks;
	loss->to_ticks = lane->ring.last_dropped_ticks;
	loss->why = "ring full";
	return true;
}

bool drain_next_loss(struct drain *drain, struct drain_loss *loss)
{
	uint64_t no_ring_lost = segment_header(drain->segment)->no_ring_lost;

	while (drain->losses_told < drain->lane_count)
		if (lane_loss(&drain->lanes[drain->losses_told++], loss))
			return true;
	if (drain->losses_told++ > drain->lane_count || !no_ring_lost)
		return false;
	*loss = (struct drain_loss){.count = no_ring_lost, .why = "no ring for a thread"};
	return true;
}
