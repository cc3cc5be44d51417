/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.c - see outbox.h. Places count on for ever; modulo the capacity they are offsets. Frames are multiples of 16
 * bytes, so that a skip, which has 16, always fits before the end.
 */
#include "outbox.h"

#include <string.h>

#include "hook/core/context.h"
#include "ttalloc/crc32.h"

#define FRAME_STEP 16u
/* From here on an empty outbox starts over, so that a process whose recorder keeps up touches little memory. */
#define EARLY_SKIP_BYTES (1u << 20)

static uint8_t *outbox_at(uint64_t place)
{
	const struct tta_spool *spool = &tta_context.spool;

	return spool->base + spool->outbox.offset + place % spool->outbox.capacity;
}

/* Makes BYTES at PLACE, which do not wrap, writable. */
static bool reserve(uint64_t place, uint64_t bytes)
{
	struct tta_spool *spool = &tta_context.spool;
	uint64_t end = place % spool->outbox.capacity + bytes;
	struct tta_critical critical;
	bool grown;

	if (end <= spool->outbox.reserved)
		return true;
	tta_lock_enter(&tta_context.lock, &critical);
	grown = tta_spool_grow(spool, &spool->outbox, end);
	tta_lock_leave(&tta_context.lock, &critical);
	return grown;
}

static uint64_t free_bytes(void)
{
	const struct tta_segment_header *header = tta_context.spool.header;

	return header->outbox_capacity - (header->outbox_sealed - header->outbox_released);
}

/* Goes to the region's start, which is BYTES away. */
static bool skip(uint64_t bytes)
{
	struct tta_segment_header *header = tta_context.spool.header;
	struct tta_frame_header frame = {.magic = TTA_FRAME_SKIP, .frame_bytes = bytes};
	uint64_t place = header->outbox_sealed;

	if (bytes > free_bytes() || !reserve(place, sizeof(frame)))
		return false;
	memcpy(outbox_at(place), &frame, sizeof(frame));
	__atomic_store_n(&header->outbox_sealed, place + bytes, __ATOMIC_RELEASE);
	if (header->outbox_released == place)
		__atomic_store_n(&header->outbox_released, place + bytes, __ATOMIC_RELEASE);
	return true;
}

/* Finds the place for a frame. */
static bool make_room(uint64_t frame_bytes)
{
	const struct tta_segment_header *header = tta_context.spool.header;
	uint64_t place = header->outbox_sealed % header->outbox_capacity;
	uint64_t rest = header->outbox_capacity - place;
	bool is_empty = header->outbox_sealed == header->outbox_released;

	if (rest < frame_bytes || (is_empty && place >= EARLY_SKIP_BYTES))
		if (!skip(rest))
			return false;
	return frame_bytes <= free_bytes() && reserve(header->outbox_sealed, frame_bytes);
}

static void write_positions(const struct tta_sealer *sealer, uint8_t *at)
{
	for (uint32_t i = 0; i < sealer->ring_count; i++) {
		struct tta_ring_position position = {.position = sealer->cursors[i].at,
		                                     .marked = sealer->cursors[i].marked};

		memcpy(at + i * sizeof(position), &position, sizeof(position));
	}
}

bool tta_outbox_append(const struct tta_sealer *sealer, const void *packed, uint32_t packed_bytes, uint32_t plain_bytes)
{
	struct tta_segment_header *header = tta_context.spool.header;
	uint64_t head_bytes = sizeof(struct tta_batch_header) + sealer->ring_count * sizeof(struct tta_ring_position);
	uint64_t frame_bytes = (head_bytes + packed_bytes + FRAME_STEP - 1) / FRAME_STEP * FRAME_STEP;
	struct tta_batch_header batch = {
	    .frame = {.magic = TTA_FRAME_BATCH, .frame_bytes = frame_bytes},
	    .first_number = sealer->next_number + 1,
	    .last_ticks = sealer->batch_ticks,
	    .table_bytes = __atomic_load_n(&header->table_bytes, __ATOMIC_ACQUIRE),
	    .count = sealer->count,
	    .ring_count = sealer->ring_count,
	    .plain_bytes = plain_bytes,
	    .packed_bytes = packed_bytes,
	};
	uint8_t *at;

	if (!make_room(frame_bytes))
		return false;
	at = outbox_at(header->outbox_sealed);
	memcpy(at, &batch, sizeof(batch));
	write_positions(sealer, at + sizeof(batch));
	memcpy(at + head_bytes, packed, packed_bytes);
	memset(at + head_bytes + packed_bytes, 0, frame_bytes - head_bytes - packed_bytes);
	batch.crc = tta_crc32(at, head_bytes);
	memcpy(at + offsetof(struct tta_batch_header, crc), &batch.crc, sizeof(batch.crc));
	__atomic_store_n(&header->sealed_number, sealer->next_number + sealer->count, __ATOMIC_RELAXED);
	__atomic_store_n(&header->outbox_sealed, header->outbox_sealed + frame_bytes, __ATOMIC_RELEASE);
	return true;
}

void tta_outbox_release(uint64_t committed)
{
	struct tta_segment_header *header = tta_context.spool.header;
	uint64_t released = header->outbox_released;

	while (released != header->outbox_sealed) {
		struct tta_batch_header batch = {.count = 0};

		memcpy(&batch.frame, outbox_at(released), sizeof(batch.frame));
		if (batch.frame.magic == TTA_FRAME_BATCH) {
			memcpy(&batch, outbox_at(released), sizeof(batch));
			if (batch.first_number + batch.count - 1 > committed)
				break;
		}
		/* The file may have been tampered with; what lies beyond the last frame is nobody's. */
		if (batch.frame.frame_bytes < FRAME_STEP || batch.frame.frame_bytes > header->outbox_sealed - released)
			break;
		released += batch.frame.frame_bytes;
	}
	__atomic_store_n(&header->outbox_released, released, __ATOMIC_RELEASE);
}
