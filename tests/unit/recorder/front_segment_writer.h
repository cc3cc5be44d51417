/* SPDX-License-Identifier: Apache-2.0
 *
 * front_segment_writer.h - writes segments as a hook does, and wrong ones as no hook would, for the recorder's tests.
 */
#ifndef TESTS_FRONT_SEGMENT_WRITER_H
#define TESTS_FRONT_SEGMENT_WRITER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "ttalloc/crc32.h"
#include "ttalloc/batch.h"
#include "ttalloc/segment.h"
#include "ttalloc/wire.h"

#define WRITER_TABLE_BYTES 65536u
#define WRITER_OUTBOX_BYTES 65536u
#define WRITER_RINGS 4u
#define WRITER_RING_RECORDS 512u

struct segment_writer {
	char directory[64];
	char path[128];
	uint8_t *file;
	size_t file_bytes;
	struct tta_segment_header *header;
	struct tta_ring *rings;
	uint64_t next_number;
};

static inline void writer_read_boot_id(char *boot_id, size_t bytes)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(boot_id, (int)bytes, file))
		abort();
	boot_id[strcspn(boot_id, "\n")] = '\0';
	fclose(file);
}

static inline void writer_layout(struct segment_writer *writer)
{
	struct tta_segment_header *header = writer->header;
	uint64_t ring_bytes = WRITER_RING_RECORDS * sizeof(struct tta_event);

	header->ring_directory_offset = TTA_HEADER_BYTES;
	header->table_offset = header->ring_directory_offset + TTA_MAX_RINGS * sizeof(struct tta_ring);
	header->table_capacity = WRITER_TABLE_BYTES;
	header->table_bytes = 8;
	header->outbox_offset = header->table_offset + WRITER_TABLE_BYTES;
	header->outbox_capacity = WRITER_OUTBOX_BYTES;
	writer->rings = (struct tta_ring *)(void *)(writer->file + header->ring_directory_offset);
	for (uint32_t i = 0; i < WRITER_RINGS; i++) {
		writer->rings[i].state = TTA_RING_LIVE;
		writer->rings[i].thread_entry = 1;
		writer->rings[i].offset = header->outbox_offset + WRITER_OUTBOX_BYTES + i * ring_bytes;
		writer->rings[i].capacity = WRITER_RING_RECORDS;
	}
	header->ring_count = WRITER_RINGS;
}

/* A segment of this very process, in a directory of its own. */
static inline void writer_open(struct segment_writer *writer)
{
	struct tta_segment_header *header;
	int fd;

	*writer = (struct segment_writer){.directory = "/tmp/ttalloc-test-XXXXXX", .next_number = 1};
	if (!mkdtemp(writer->directory))
		abort();
	snprintf(writer->path, sizeof(writer->path), "%s/a.segment", writer->directory);
	writer->file_bytes = TTA_HEADER_BYTES + TTA_MAX_RINGS * sizeof(struct tta_ring) + WRITER_TABLE_BYTES +
	                     WRITER_OUTBOX_BYTES + WRITER_RINGS * WRITER_RING_RECORDS * sizeof(struct tta_event);
	fd = open(writer->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)writer->file_bytes) < 0)
		abort();
	writer->file = mmap(NULL, writer->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (writer->file == MAP_FAILED)
		abort();
	writer->header = header = (struct tta_segment_header *)(void *)writer->file;
	memcpy(header->magic, TTA_SEGMENT_MAGIC, sizeof(header->magic));
	header->version = TTA_SEGMENT_VERSION;
	header->clock = TTA_CLOCK_MONOTONIC_NS;
	memset(header->id, 7, sizeof(header->id));
	header->pid = (uint32_t)getpid();
	header->uid = getuid();
	writer_read_boot_id(header->boot_id, sizeof(header->boot_id));
	strcpy(header->producer, "api");
	strcpy(header->command, "test");
	writer_layout(writer);
}

static inline void writer_close(struct segment_writer *writer)
{
	munmap(writer->file, writer->file_bytes);
	unlink(writer->path);
	rmdir(writer->directory);
}

static inline struct tta_event writer_event(uint64_t ticks, uint64_t address)
{
	return (struct tta_event){.ticks = ticks, .address = address, .size_bytes = 64, .kind = TTA_ALLOC};
}

/* Where the next frame goes; makes a skip where it would not fit before the outbox's end. */
static inline uint8_t *writer_frame_place(struct segment_writer *writer, uint64_t frame_bytes)
{
	struct tta_segment_header *header = writer->header;
	uint64_t place = header->outbox_sealed % header->outbox_capacity;

	if (place + frame_bytes > header->outbox_capacity) {
		uint64_t rest = header->outbox_capacity - place;
		struct tta_frame_header skip = {.magic = TTA_FRAME_SKIP, .frame_bytes = rest};

		if (rest >= sizeof(skip))
			memcpy(writer->file + header->outbox_offset + place, &skip, sizeof(skip));
		header->outbox_sealed += rest;
		place = 0;
	}
	return writer->file + header->outbox_offset + place;
}

/* Sets the checksum of the header and positions at FRAME. */
static inline void writer_sign(uint8_t *frame)
{
	struct tta_batch_header *header = (struct tta_batch_header *)(void *)frame;

	header->crc = 0;
	header->crc = tta_crc32(frame, sizeof(*header) + header->ring_count * sizeof(struct tta_ring_position));
}

/* Seals EVENTS, which count as taken from the rings up to their heads. Returns the frame. */
static inline uint8_t *writer_seal(struct segment_writer *writer, const struct tta_event *events, uint32_t count)
{
	struct tta_batch_header batch = {
	    .frame.magic = TTA_FRAME_BATCH,
	    .first_number = writer->next_number,
	    .last_ticks = events[count - 1].ticks,
	    .table_bytes = writer->header->table_bytes,
	    .count = count,
	    .ring_count = writer->header->ring_count,
	};
	size_t head_bytes = sizeof(batch) + batch.ring_count * sizeof(struct tta_ring_position);
	uint32_t *threads = calloc(count, sizeof(*threads));
	uint8_t *plain = malloc(tta_batch_bound(count));
	size_t packed_bound = ZSTD_compressBound(tta_batch_bound(count));
	uint8_t *packed = malloc(packed_bound), *frame;
	struct tta_ring_position *positions;

	batch.plain_bytes = (uint32_t)tta_batch_encode(events, threads, count, plain);
	batch.packed_bytes = (uint32_t)ZSTD_compress(packed, packed_bound, plain, batch.plain_bytes, 1);
	batch.frame.frame_bytes = (head_bytes + batch.packed_bytes + 7) & ~7ull;
	frame = writer_frame_place(writer, batch.frame.frame_bytes);
	memcpy(frame, &batch, sizeof(batch));
	positions = (struct tta_ring_position *)(void *)(frame + sizeof(batch));
	for (uint32_t i = 0; i < batch.ring_count; i++)
		positions[i] = (struct tta_ring_position){.position = writer->rings[i].head};
	memcpy(frame + head_bytes, packed, batch.packed_bytes);
	writer_sign(frame);
	writer->next_number += count;
	writer->header->outbox_sealed += batch.frame.frame_bytes;
	writer->header->sealed_number = writer->next_number - 1;
	free(threads);
	free(plain);
	free(packed);
	return frame;
}

static inline void writer_push(struct segment_writer *writer, uint32_t ring, struct tta_event event)
{
	struct tta_ring *to = &writer->rings[ring];
	struct tta_event *records = (struct tta_event *)(void *)(writer->file + to->offset);

	records[to->head++ % to->capacity] = event;
}

#endif
