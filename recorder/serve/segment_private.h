/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_private.h - what segment.c and frame.c share.
 */
#ifndef RECORDER_SEGMENT_PRIVATE_H
#define RECORDER_SEGMENT_PRIVATE_H

#include "segment.h"
#include "ttalloc/wire.h"

struct segment {
	char path[TTA_PATH_BYTES];
	int fd;
	dev_t device;
	ino_t inode;
	uint64_t file_bytes;
	struct tta_segment_header header;
	uint64_t cursor;      /* in the outbox: of the next frame */
	uint64_t last_number; /* of the last frame */
	uint8_t *table;       /* table_limit bytes of address space, table_bytes of them read */
	uint64_t table_bytes, table_limit;
	struct tta_ring_position *positions; /* as the last frame gives them */
	uint32_t position_count, position_capacity;
};

/* Reads exactly BYTES at OFFSET. 0 or -1. */
int segment_read(const struct segment *segment, void *buffer, size_t bytes, uint64_t offset);

#endif
