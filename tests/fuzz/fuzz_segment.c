/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a segment that anybody wrote. The input is laid over a sound segment: its first bytes over the header (so that
 * zeros change nothing), the rest over the ring directory, the table and the outbox, as patches of 16 bytes:
 * u32 place, u32 unused, u64 value. The outbox holds one sound batch to begin with; the table a module, code, and a
 * call stack that lies in both.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "ttalloc/crc32.h"
#include "recorder/serve/segment.h"
#include "recorder/ledger/stacks.h"
#include "ttalloc/batch.h"

#define EVENTS 16u
#define RING_EVENTS 64u
#define DIRECTORY_BYTES (TTA_MAX_RINGS * sizeof(struct tta_ring))
#define TABLE_OFFSET (TTA_HEADER_BYTES + DIRECTORY_BYTES)
#define TABLE_CAPACITY 65536u
#define OUTBOX_OFFSET (TABLE_OFFSET + TABLE_CAPACITY)
#define OUTBOX_CAPACITY 65536u
#define RING_OFFSET (OUTBOX_OFFSET + OUTBOX_CAPACITY)
#define FILE_BYTES (RING_OFFSET + RING_EVENTS * sizeof(struct tta_event))
#define HEADER_PATCH_BYTES 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static _Alignas(64) uint8_t sound[FILE_BYTES];
static uint8_t current[FILE_BYTES];
static char directory[64], path[128];
static struct segment_scratch *scratch;
static volatile uint64_t sink; /* so that what was read is really looked at */

static void fill_batch(uint8_t *frame, struct tta_segment_header *header)
{
	struct tta_event events[EVENTS];
	uint32_t threads[EVENTS] = {0};
	uint8_t plain[4096];
	struct tta_batch_header batch = {
	    .frame.magic = TTA_FRAME_BATCH, .first_number = 1, .count = EVENTS, .ring_count = 1};
	struct tta_ring_position position = {.position = EVENTS};
	uint8_t *packed = frame + sizeof(batch) + sizeof(position);

	for (uint32_t i = 0; i < EVENTS; i++)
		events[i] =
		    (struct tta_event){.ticks = 1000 + i, .address = 64 * i, .size_bytes = 8, .kind = TTA_ALLOC};
	batch.last_ticks = 1000 + EVENTS - 1;
	batch.table_bytes = 8;
	batch.plain_bytes = (uint32_t)tta_batch_encode(events, threads, EVENTS, plain);
	batch.packed_bytes = (uint32_t)ZSTD_compress(packed, 4096, plain, batch.plain_bytes, 1);
	batch.frame.frame_bytes = (sizeof(batch) + sizeof(position) + batch.packed_bytes + 7) / 8 * 8;
	memcpy(frame, &batch, sizeof(batch));
	memcpy(frame + sizeof(batch), &position, sizeof(position));
	batch.crc = tta_crc32(frame, sizeof(batch) + sizeof(position));
	memcpy(frame, &batch, sizeof(batch));
	header->outbox_sealed = batch.frame.frame_bytes;
	header->sealed_number = EVENTS;
}

static uint32_t add_entry(struct tta_segment_header *header, uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_entry_header entry = {.type = type, .data_bytes = bytes};
	uint8_t *at = sound + TABLE_OFFSET + header->table_bytes;
	uint32_t number = (uint32_t)(header->table_bytes / 8);

	memcpy(at, &entry, sizeof(entry));
	memcpy(at + sizeof(entry), data, bytes);
	header->table_bytes += (sizeof(entry) + bytes + 7) / 8 * 8;
	return number;
}

static void fill_table(struct tta_segment_header *header)
{
	struct {
		struct tta_module_entry head;
		char text[8];
	} module = {{.start = 0x1000, .end = 0x3000, .bias = 0x1000, .build_id_bytes = 4, .path_bytes = 4}, "id..path"};
	struct {
		struct tta_code_entry head;
		char text[8];
	} code = {{.function_bytes = 4, .file_bytes = 4}, "stepa.py"};
	uint64_t frames[] = {0x1010, 0x9999, TTA_FRAME_CODE | UINT64_C(12) << 32};

	header->table_bytes = 8;
	add_entry(header, TTA_ENTRY_MODULE, &module, sizeof(module));
	frames[2] |= add_entry(header, TTA_ENTRY_CODE, &code, sizeof(code));
	add_entry(header, TTA_ENTRY_STACK, frames, sizeof(frames));
}

static void remove_directory(void)
{
	rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tta_segment_header *header = (struct tta_segment_header *)sound;

	(void)argc;
	(void)argv;
	memcpy(header->magic, TTA_SEGMENT_MAGIC, sizeof(header->magic));
	header->version = TTA_SEGMENT_VERSION;
	header->pid = (uint32_t)getpid();
	header->uid = (uint32_t)getuid();
	header->ring_directory_offset = TTA_HEADER_BYTES;
	header->table_offset = TABLE_OFFSET;
	header->table_capacity = TABLE_CAPACITY;
	header->outbox_offset = OUTBOX_OFFSET;
	header->outbox_capacity = OUTBOX_CAPACITY;
	header->ring_count = 1;
	fill_table(header);
	*(struct tta_ring *)(sound + TTA_HEADER_BYTES) = (struct tta_ring){
	    .state = TTA_RING_LIVE, .offset = RING_OFFSET, .capacity = RING_EVENTS, .head = EVENTS + 8, .tail = EVENTS};
	fill_batch(sound + OUTBOX_OFFSET, header);
	snprintf(directory, sizeof(directory), "%s/ttalloc-fuzz-XXXXXX",
	         access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(directory))
		abort();
	atexit(remove_directory);
	snprintf(path, sizeof(path), "%s/x.segment", directory);
	scratch = segment_scratch_new();
	return 0;
}

static void write_file(const uint8_t *data, size_t size)
{
	size_t header_bytes = size < HEADER_PATCH_BYTES ? size : HEADER_PATCH_BYTES;
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	memcpy(current, sound, FILE_BYTES);
	for (size_t i = 0; i < header_bytes; i++) {
		/* past the magic, over the numbers of the first half, then over the changing half */
		size_t at = i < 192 ? 8 + i : offsetof(struct tta_segment_header, ring_count) + i - 192;

		current[at] ^= data[i];
	}
	for (size_t i = header_bytes; i + 16 <= size; i += 16) {
		uint32_t place;

		memcpy(&place, data + i, sizeof(place));
		memcpy(current + TTA_HEADER_BYTES + place % (FILE_BYTES - TTA_HEADER_BYTES - 8), data + i + 8, 8);
	}
	if (fd < 0 || write(fd, current, FILE_BYTES) != (ssize_t)FILE_BYTES)
		abort();
	close(fd);
}

static void read_rings(struct segment *segment)
{
	static struct tta_event records[RING_EVENTS];
	struct tta_ring ring;

	for (uint32_t i = 0; i < segment_ring_count(segment) && i < 4; i++) {
		if (segment_ring(segment, i, &ring) || ring.head <= ring.tail)
			continue;
		uint64_t count = ring.head - ring.tail < RING_EVENTS ? ring.head - ring.tail : RING_EVENTS;

		segment_records(segment, &ring, ring.tail, (uint32_t)count, records);
	}
}

/* Takes each place in the first part of the table for that of a stack. */
static void read_stacks(const struct ingest_table *table)
{
	struct dictionary *dictionary = dictionary_new();
	struct stacks stacks = {0};
	struct rowlog log = {0};

	for (uint32_t number = 0; number < 64 && (uint64_t)number * 8 < table->size_bytes; number++)
		sink += stacks_id(&stacks, dictionary, table, number, &log);
	rowlog_free(&log);
	stacks_free(&stacks);
	dictionary_free(dictionary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment *segment;
	struct segment_batch batch;
	struct sql_error error;

	write_file(data, size);
	if (segment_open(path, getuid(), &segment, &error) == 0) {
		segment_refresh(segment);
		for (int i = 0; i < 64; i++) {
			enum segment_result result =
			    segment_next(segment, segment_header(segment)->outbox_sealed, 0, scratch, &batch);

			if (result == SEGMENT_NOTHING || result == SEGMENT_BROKEN)
				break;
			for (uint32_t j = 0; result == SEGMENT_BATCH && j < batch.count; j++)
				sink += batch.events[j].ticks + batch.thread_entries[j];
		}
		struct ingest_table table = segment_table(segment, segment_header(segment)->table_bytes);

		for (uint64_t i = 0; table.bytes && i < table.size_bytes; i += 64)
			sink += table.bytes[i];
		if (table.bytes)
			read_stacks(&table);
		read_rings(segment);
		segment_close(segment);
	}
	unlink(path);
	return 0;
}
