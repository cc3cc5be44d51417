/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox.c - see outbox.h. Places count on for ever; modulo the capacity they are offsets. Frames are multiples of 16
 * bytes, so that a skip, which has 16, always fits before the end.
 */
#include "outbox.h"

#include <string.h>

#include "ttalloc/crc32.h"

#define FRAME_STEP 16u
/* From here on an empty outbox starts over, so that a process whose recorder keeps up touches little memory. */
#define EARLY_SKIP_BYTES (1u << 20)

static uint8_t *outbox_at(const struct tta_spool *spool, uint64_t place)
{
	return spool->base + spool->outbox.offset + place % spool->outbox.capacity;
}

/* Makes BYTES at PLACE, which do not wrap, writable. */
static bool reserve(struct tta_spool *spool, uint64_t place, uint64_t bytes)
{
	return tta_spool_grow(spool, &spool->outbox, place % spool->outbox.capacity + bytes, TTA_SPOOL_USUAL);
}

static uint64_t free_bytes(const struct tta_segment_header *header)
{
	return header->outbox_capacity - (header->outbox_sealed - header->outbox_released);
}

/* Goes to the region's start, which is BYTES away. */
static bool skip(struct tta_spool *spool, uint64_t bytes)
{
	struct tta_segment_header *header = spool->header;
	struct tta_frame_header frame = {.magic = TTA_FRAME_SKIP, .frame_bytes = bytes};
	uint64_t place = header->outbox_sealed;

	if (bytes > free_bytes(header) || !reserve(spool, place, sizeof(frame)))
		return false;
	memcpy(outbox_at(spool, place), &frame, sizeof(frame));
	__atomic_store_n(&header->outbox_sealed, place + bytes, __ATOMIC_RELEASE);
	if (header->outbox_released == place)
		__atomic_store_n(&header->outbox_released, place + bytes, __ATOMIC_RELEASE);
	return true;
}

/* Whether the frame has room where the outbox ends now; and a skip behind it, so that a cap or a file system that lets
 * the region grow no further is no dead end. */
static bool fits_here(struct tta_spool *spool, uint64_t frame_bytes)
{
	const struct tta_segment_header *header = spool->header;
	uint64_t rest = header->outbox_capacity - header->outbox_sealed % header->outbox_capacity;
	uint64_t wanted = frame_bytes + FRAME_STEP < rest ? frame_bytes + FRAME_STEP : rest;

	return frame_bytes <= rest && frame_bytes <= free_bytes(header) &&
	       reserve(spool, header->outbox_sealed, wanted);
}

/* Finds the place for a frame. */
static bool make_room(struct tta_spool *spool, uint64_t frame_bytes)
{
	const struct tta_segment_header *header = spool->header;
	uint64_t place = header->outbox_sealed % header->outbox_capacity;

	if (!(tta_outbox_is_empty(spool) && place >= EARLY_SKIP_BYTES) && fits_here(spool, frame_bytes))
		return true;
	if (place == 0 || frame_bytes > free_bytes(header))
		return false;
	return skip(spool, header->outbox_capacity - place) && fits_here(spool, frame_bytes);
}

bool tta_outbox_append(struct tta_spool *spool, const struct tta_outbox_batch *given)
{
	struct tta_segment_header *header = spool->header;
	uint64_t positions_bytes = given->ring_count * sizeof(given->positions[0]);
	uint64_t head_bytes = sizeof(struct tta_batch_header) + positions_bytes;
	uint64_t used_bytes = head_bytes + given->packed_bytes;
	uint64_t frame_bytes = (used_bytes + FRAME_STEP - 1) / FRAME_STEP * FRAME_STEP;
	struct tta_batch_header batch = {
	    .frame = {.magic = TTA_FRAME_BATCH, .frame_bytes = frame_bytes},
	    .first_number = given->first_number,
	    .last_ticks = given->last_ticks,
	    .table_bytes = __atomic_load_n(&header->table_bytes, __ATOMIC_ACQUIRE),
	    .count = given->count,
	    .ring_count = given->ring_count,
	    .plain_bytes = given->plain_bytes,
	    .packed_bytes = given->packed_bytes,
	};
	uint8_t *at;

	if (!make_room(spool, frame_bytes))
		return false;
	at = outbox_at(spool, header->outbox_sealed);
	memcpy(at, &batch, sizeof(batch));
	if (positions_bytes)
		memcpy(at + sizeof(batch), given->positions, positions_bytes);
	memcpy(at + head_bytes, given->packed, given->packed_bytes);
	memset(at + used_bytes, 0, frame_bytes - used_bytes);
	batch.crc = tta_crc32(at, head_bytes);
	memcpy(at + offsetof(struct tta_batch_header, crc), &batch.crc, sizeof(batch.crc));
	__atomic_store_n(&header->sealed_number, given->first_number + given->count - 1, __ATOMIC_RELAXED);
	__atomic_store_n(&header->outbox_sealed, header->outbox_sealed + frame_bytes, __ATOMIC_RELEASE);
	return true;
}

bool tta_outbox_is_empty(const struct tta_spool *spool)
{
	return spool->header->outbox_sealed == spool->header->outbox_released;
}

void tta_outbox_release(struct tta_spool *spool, uint64_t committed)
{
	struct tta_segment_header *header = spool->header;
	uint64_t released = header->outbox_released;

	while (released != header->outbox_sealed) {
		struct tta_batch_header batch = {.count = 0};

		memcpy(&batch.frame, outbox_at(spool, released), sizeof(batch.frame));
		if (batch.frame.magic == TTA_FRAME_BATCH) {
			memcpy(&batch, outbox_at(spool, released), sizeof(batch));
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
