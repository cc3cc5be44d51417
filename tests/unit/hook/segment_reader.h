/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_reader.h - reads a segment back for the hook's tests: frames, then what the rings still hold, as a recorder
 * would find it when the process has died. It trusts nothing to be right: whatever is not is a failed assertion.
 */
#ifndef TEST_SEGMENT_READER_H
#define TEST_SEGMENT_READER_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "harness.h"

#include "ttalloc/batch.h"
#include "ttalloc/segment.h"

struct recording {
	const uint8_t *file;
	size_t file_bytes;
	const struct tta_segment_header *header;
	struct tta_event *events; /* in order, marks included; the first has first_number */
	uint32_t *threads;
	size_t count, capacity;
	size_t sealed; /* of these, in frames */
	uint32_t frames;
	uint64_t first_number; /* of the first event that is still there */
	uint64_t lost;         /* in marks, pending in rings, and without a ring */
};

static uint32_t test_crc32(const uint8_t *data, size_t bytes)
{
	uint32_t crc = UINT32_MAX;

	while (bytes--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
	}
	return ~crc;
}

static void recording_reserve(struct recording *recording, size_t more)
{
	if (recording->count + more <= recording->capacity)
		return;
	recording->capacity = 2 * (recording->count + more);
	recording->events = realloc(recording->events, recording->capacity * sizeof(*recording->events));
	recording->threads = realloc(recording->threads, recording->capacity * sizeof(*recording->threads));
	assert_true(recording->events && recording->threads);
}

static const struct tta_ring *recording_rings(const struct recording *recording)
{
	return (const void *)(recording->file + recording->header->ring_directory_offset);
}

/* The data of a table entry, which must be of TYPE. */
static const void *recording_entry(const struct recording *recording, uint32_t entry, uint32_t type, uint32_t *bytes)
{
	const uint8_t *at = recording->file + recording->header->table_offset + (uint64_t)entry * 8;
	const struct tta_entry_header *header = (const void *)at;

	assert_in_range((uint64_t)entry * 8, 8, recording->header->table_bytes - sizeof(*header));
	assert_int_equal(header->type, type);
	assert_true((uint64_t)entry * 8 + sizeof(*header) + header->data_bytes <= recording->header->table_bytes);
	*bytes = header->data_bytes;
	return header + 1;
}

/* Decodes one batch behind the events that are there. */
static void read_batch(struct recording *recording, const uint8_t *at, struct tta_ring_position *positions)
{
	const struct tta_batch_header *batch = (const void *)at;
	size_t head_bytes = sizeof(*batch) + batch->ring_count * sizeof(*positions);
	size_t plain_bytes = batch->plain_bytes;
	uint8_t *head = malloc(head_bytes), *plain = malloc(plain_bytes + 1);

	memcpy(head, at, head_bytes);
	((struct tta_batch_header *)(void *)head)->crc = 0;
	assert_int_equal(test_crc32(head, head_bytes), batch->crc);
	assert_in_range(batch->count, 1, TTA_BATCH_MAX_EVENTS);
	if (recording->count == 0)
		recording->first_number = batch->first_number;
	assert_int_equal(batch->first_number, recording->first_number + recording->count);
	assert_true(batch->table_bytes <= recording->header->table_bytes);
	assert_int_equal(ZSTD_decompress(plain, plain_bytes, at + head_bytes, batch->packed_bytes), plain_bytes);
	recording_reserve(recording, batch->count);
	assert_int_equal(tta_batch_decode(plain, plain_bytes, batch->count, recording->events + recording->count,
	                                  recording->threads + recording->count),
	                 0);
	recording->count += batch->count;
	assert_int_equal(recording->events[recording->count - 1].ticks, batch->last_ticks);
	memcpy(positions, at + sizeof(*batch), batch->ring_count * sizeof(*positions));
	free(head);
	free(plain);
	recording->frames++;
}

static void read_frames(struct recording *recording, struct tta_ring_position *positions)
{
	const struct tta_segment_header *header = recording->header;

	for (uint64_t at = header->outbox_released; at != header->outbox_sealed;) {
		const uint8_t *place = recording->file + header->outbox_offset + at % header->outbox_capacity;
		const struct tta_frame_header *frame = (const void *)place;

		assert_int_equal(frame->frame_bytes % 8, 0);
		assert_true(frame->frame_bytes > 0 && frame->frame_bytes <= header->outbox_sealed - at);
		assert_true(at % header->outbox_capacity + frame->frame_bytes <= header->outbox_capacity);
		if (frame->magic == TTA_FRAME_BATCH)
			read_batch(recording, place, positions);
		else
			assert_int_equal(frame->magic, TTA_FRAME_SKIP);
		at += frame->frame_bytes;
	}
	recording->sealed = recording->count;
}

/* Inserts one record of a ring behind the frames, in order of ticks. */
static void insert_event(struct recording *recording, const struct tta_event *event, uint32_t thread)
{
	size_t at = recording->count++;

	for (; at > recording->sealed && recording->events[at - 1].ticks > event->ticks; at--) {
		recording->events[at] = recording->events[at - 1];
		recording->threads[at] = recording->threads[at - 1];
	}
	recording->events[at] = *event;
	recording->threads[at] = thread;
}

static void read_ring(struct recording *recording, const struct tta_ring *ring, struct tta_ring_position from)
{
	const struct tta_event *records = (const void *)(recording->file + ring->offset);

	assert_true(from.position >= ring->tail && ring->head >= from.position);
	assert_true(ring->head - ring->tail <= ring->capacity);
	recording_reserve(recording, ring->head - from.position);
	for (uint64_t n = from.position; n < ring->head; n++) {
		const struct tta_event *event = &records[n & (ring->capacity - 1)];

		if (event->kind == TTA_LOSS && event->loss.reason == TTA_LOST_RING_FULL)
			from.marked += event->loss.count;
		insert_event(recording, event, ring->thread_entry);
	}
	recording->lost += ring->dropped - from.marked; /* pending */
}

static struct recording recording_open(const char *path)
{
	struct tta_ring_position *positions = calloc(TTA_MAX_RINGS, sizeof(*positions));
	struct recording recording = {0};
	int fd = open(path, O_RDONLY);
	struct stat status;
	const struct tta_ring *rings;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	recording.file_bytes = (size_t)status.st_size;
	recording.file = mmap(NULL, recording.file_bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(recording.file != MAP_FAILED);
	close(fd);
	recording.header = (const void *)recording.file;
	assert_memory_equal(recording.header->magic, TTA_SEGMENT_MAGIC, 8);
	rings = recording_rings(&recording);
	for (uint32_t i = 0; i < recording.header->ring_count; i++)
		positions[i] = (struct tta_ring_position){rings[i].tail, rings[i].marked_sealed};
	read_frames(&recording, positions);
	assert_true(recording.count == 0 ||
	            recording.header->sealed_number == recording.first_number + recording.count - 1);
	for (uint32_t i = 0; i < recording.header->ring_count; i++)
		read_ring(&recording, &rings[i], positions[i]);
	for (size_t i = 0; i < recording.count; i++) {
		assert_true(i == 0 || i >= recording.sealed ||
		            recording.events[i].ticks >= recording.events[i - 1].ticks);
		if (recording.events[i].kind == TTA_LOSS)
			recording.lost += recording.events[i].size_bytes;
	}
	recording.lost += recording.header->no_ring_lost;
	free(positions);
	return recording;
}

static void recording_close(struct recording *recording)
{
	munmap((void *)recording->file, recording->file_bytes);
	free(recording->events);
	free(recording->threads);
}

/* How many events there are of KIND. */
static inline size_t recording_count(const struct recording *recording, uint8_t kind)
{
	size_t count = 0;

	for (size_t i = 0; i < recording->count; i++)
		count += recording->events[i].kind == kind;
	return count;
}

/* Those that are no marks. */
static inline size_t recording_events(const struct recording *recording)
{
	return recording->count - recording_count(recording, TTA_LOSS) - recording_count(recording, TTA_STEP) -
	       recording_count(recording, TTA_NOTE) - recording_count(recording, TTA_PRODUCER);
}

/* The path of a label entry, such as "a/b"; "" for none. */
static inline void recording_label(const struct recording *recording, uint32_t entry, char *path, size_t path_bytes)
{
	uint32_t bytes;
	const uint8_t *data;
	uint32_t parent;

	path[0] = 0;
	if (!entry)
		return;
	data = recording_entry(recording, entry, TTA_ENTRY_LABEL, &bytes);
	memcpy(&parent, data, sizeof(parent));
	recording_label(recording, parent, path, path_bytes);
	snprintf(path + strlen(path), path_bytes - strlen(path), "%s%.*s", parent ? "/" : "", (int)bytes - 8,
	         (const char *)data + 8);
}

#endif
