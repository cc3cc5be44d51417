/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c - the frames of a segment's outbox: found, checked, unpacked, decoded.
 */
#include "segment_private.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "ttalloc/crc32.h"
#include "ttalloc/batch.h"

#define POSITIONS_MAX_BYTES (TTA_MAX_RINGS * sizeof(struct tta_ring_position))

struct segment_scratch {
	ZSTD_DCtx *context;
	uint8_t *head; /* a frame's header and positions, in one piece for the checksum */
	uint8_t *packed, *plain;
	size_t packed_capacity, plain_capacity;
	struct tta_event *events;
	uint32_t *thread_entries;
};

struct segment_scratch *segment_scratch_new(void)
{
	struct segment_scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->plain_capacity = tta_batch_bound(TTA_BATCH_MAX_EVENTS);
	scratch->packed_capacity = ZSTD_compressBound(scratch->plain_capacity);
	scratch->context = ZSTD_createDCtx();
	scratch->head = malloc(sizeof(struct tta_batch_header) + POSITIONS_MAX_BYTES);
	scratch->packed = malloc(scratch->packed_capacity);
	scratch->plain = malloc(scratch->plain_capacity);
	scratch->events = malloc(TTA_BATCH_MAX_EVENTS * sizeof(*scratch->events));
	scratch->thread_entries = malloc(TTA_BATCH_MAX_EVENTS * sizeof(*scratch->thread_entries));
	if (scratch->context && scratch->head && scratch->packed && scratch->plain && scratch->events &&
	    scratch->thread_entries)
		return scratch;
	segment_scratch_free(scratch);
	return NULL;
}

void segment_scratch_free(struct segment_scratch *scratch)
{
	if (!scratch)
		return;
	ZSTD_freeDCtx(scratch->context);
	free(scratch->head);
	free(scratch->packed);
	free(scratch->plain);
	free(scratch->events);
	free(scratch->thread_entries);
	free(scratch);
}

/* Where the cursor is in the file, and in *ROOM the bytes from there to the outbox's end. */
static uint64_t cursor_offset(const struct segment *segment, uint64_t *room)
{
	uint64_t place = segment->cursor % segment->header.outbox_capacity;

	*room = segment->header.outbox_capacity - place;
	return segment->header.outbox_offset + place;
}

/* Reads a batch's header with its positions into the scratch, and checks both. */
static const struct tta_batch_header *read_batch_header(const struct segment *segment, uint64_t offset,
                                                        uint64_t frame_bytes, struct segment_scratch *scratch)
{
	struct tta_batch_header *header = (struct tta_batch_header *)(void *)scratch->head;
	size_t head_bytes;
	uint32_t crc;

	if (frame_bytes < sizeof(*header) || segment_read(segment, header, sizeof(*header), offset) < 0 ||
	    header->ring_count > TTA_MAX_RINGS || header->count == 0 || header->count > TTA_BATCH_MAX_EVENTS ||
	    header->plain_bytes > scratch->plain_capacity || header->packed_bytes > scratch->packed_capacity)
		return NULL;
	head_bytes = sizeof(*header) + header->ring_count * sizeof(struct tta_ring_position);
	if (header->frame.frame_bytes != frame_bytes || head_bytes + header->packed_bytes > frame_bytes ||
	    segment_read(segment, header + 1, head_bytes - sizeof(*header), offset + sizeof(*header)) < 0)
		return NULL;
	crc = header->crc;
	header->crc = 0;
	if (tta_crc32(header, head_bytes) != crc || header->first_number == 0 ||
	    header->first_number > UINT64_MAX / 2 || header->table_bytes > segment->header.table_capacity)
		return NULL;
	return header;
}

static int keep_positions(struct segment *segment, const struct tta_batch_header *header)
{
	if (header->ring_count > segment->position_capacity) {
		void *grown = realloc(segment->positions, header->ring_count * sizeof(*segment->positions));

		if (!grown)
			return -1;
		segment->positions = grown;
		segment->position_capacity = header->ring_count;
	}
	if (header->ring_count)
		memcpy(segment->positions, header + 1, header->ring_count * sizeof(*segment->positions));
	segment->position_count = header->ring_count;
	return 0;
}

static int unpack(const struct segment *segment, uint64_t offset, const struct tta_batch_header *header,
                  struct segment_scratch *scratch)
{
	uint64_t at = offset + sizeof(*header) + header->ring_count * sizeof(struct tta_ring_position);
	size_t plain_bytes;

	if (segment_read(segment, scratch->packed, header->packed_bytes, at) < 0)
		return -1;
	plain_bytes = ZSTD_decompressDCtx(scratch->context, scratch->plain, scratch->plain_capacity, scratch->packed,
	                                  header->packed_bytes);
	if (ZSTD_isError(plain_bytes) || plain_bytes != header->plain_bytes)
		return -1;
	return tta_batch_decode(scratch->plain, plain_bytes, header->count, scratch->events, scratch->thread_entries);
}

/* Takes the batch of FRAME_BYTES at OFFSET; SEGMENT_NOTHING when all of it is committed already. */
static enum segment_result take_batch(struct segment *segment, uint64_t offset, uint64_t frame_bytes,
                                      uint64_t committed_number, struct segment_scratch *scratch,
                                      struct segment_batch *batch)
{
	const struct tta_batch_header *header = read_batch_header(segment, offset, frame_bytes, scratch);

	if (!header || keep_positions(segment, header) < 0)
		return SEGMENT_BROKEN;
	*batch = (struct segment_batch){
	    .first_number = header->first_number,
	    .count = header->count,
	    .last_ticks = header->last_ticks,
	    .table_bytes = header->table_bytes,
	    .events = scratch->events,
	    .thread_entries = scratch->thread_entries,
	};
	segment->cursor += frame_bytes;
	segment->last_number = header->first_number + header->count - 1;
	if (segment->last_number <= committed_number)
		return SEGMENT_NOTHING;
	return unpack(segment, offset, header, scratch) < 0 ? SEGMENT_UNREADABLE : SEGMENT_BATCH;
}

enum segment_result segment_next(struct segment *segment, uint64_t sealed, uint64_t committed_number,
                                 struct segment_scratch *scratch, struct segment_batch *batch)
{
	if (sealed % 8 || sealed - segment->cursor > segment->header.outbox_capacity)
		return SEGMENT_BROKEN;
	while (segment->cursor != sealed) {
		uint64_t room, left = sealed - segment->cursor;
		uint64_t offset = cursor_offset(segment, &room);
		struct tta_frame_header frame = {.magic = TTA_FRAME_SKIP, .frame_bytes = room};
		enum segment_result result;

		/* where not even a skip has room, the next frame is at the start all the same */
		if (room >= sizeof(frame) && segment_read(segment, &frame, sizeof(frame), offset) < 0)
			return SEGMENT_BROKEN;
		if (!frame.frame_bytes || frame.frame_bytes % 8 || frame.frame_bytes > room || frame.frame_bytes > left)
			return SEGMENT_BROKEN;
		if (frame.magic == TTA_FRAME_SKIP) {
			segment->cursor += frame.frame_bytes;
			continue;
		}
		if (frame.magic != TTA_FRAME_BATCH)
			return SEGMENT_BROKEN;
		result = take_batch(segment, offset, frame.frame_bytes, committed_number, scratch, batch);
		if (result != SEGMENT_NOTHING)
			return result;
	}
	return SEGMENT_NOTHING;
}
