/* SPDX-License-Identifier: Apache-2.0
 *
 * spool.h - this process's segment (ttalloc/segment.h): makes the file, maps it, and reserves its space piece by piece,
 * before use, so that a full file system is an error and never a SIGBUS.
 */
#ifndef TTALLOC_HOOK_SPOOL_H
#define TTALLOC_HOOK_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/base/futex.h"

#include "ttalloc/segment.h"
#include "ttalloc/wire.h"

/* A part of the file that grows: from OFFSET, CAPACITY bytes at most, of which RESERVED can be written. */
struct tta_area {
	uint64_t offset;
	uint64_t capacity;
	uint64_t reserved; /* published */
	uint64_t step;     /* it grows by multiples of this */
};

struct tta_spool {
	uint8_t *base; /* of the mapping; a fork does not pass it on */
	uint64_t mapped_bytes;
	struct tta_segment_header *header;
	struct tta_ring *rings;
	struct tta_area directory, table, outbox, ring_space;
	uint64_t cap_bytes;
	uint64_t reserved_bytes;
	struct tta_lock growth_lock;
	int fd; /* -1: lost */
	dev_t device;
	ino_t inode;
	char path[TTA_PATH_BYTES];
};

/* What a new segment shall be. */
struct tta_spool_wish {
	const struct tta_segment_header *header; /* complete but for offsets and capacities */
	uint64_t cap_bytes;
	uint64_t first_ring_bytes; /* there must be room for one such ring */
};

/* Makes a segment in the best directory that has room. 0, or -1 with errno and the last path tried in SPOOL->path.
 * Call it with signals blocked. */
int tta_spool_create(struct tta_spool *spool, const struct tta_spool_wish *wish);

/* The last part of the space is kept for what tells what all the rest is about. */
enum tta_spool_use { TTA_SPOOL_USUAL, TTA_SPOOL_VITAL };

/* Makes the first BYTES of AREA usable. False when the cap or the file system has no room. */
bool tta_spool_grow(struct tta_spool *spool, struct tta_area *area, uint64_t bytes, enum tta_spool_use use);

/* Whether the file has no name any more, so that no recorder will ever find it. False when that cannot be told. */
bool tta_spool_is_unlinked(const struct tta_spool *spool);

/* Memory that the hook has for itself: anonymous, and not inherited. NULL when there is none. */
void *tta_private_pages(uint64_t bytes);
void tta_private_pages_free(void *pages, uint64_t bytes);

/* Moves FD out of the way of programs that count on low numbers. Returns the descriptor to use. */
int tta_fd_move_up(int fd);

/* Whether FD is still the file that had DEVICE and INODE, and not one that the program opened after closing ours. */
bool tta_fd_is(int fd, dev_t device, ino_t inode);

#endif
