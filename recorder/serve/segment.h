/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.h - reading a segment (ttalloc/segment.h): its header, the frames of its outbox, its table, its rings. The
 * file belongs to somebody else's process, which may write, truncate or fill it with anything at any time: it is read
 * with pread() only, never mapped, and every value is checked after it was copied.
 *
 * Not thread-safe.
 */
#ifndef RECORDER_SEGMENT_H
#define RECORDER_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "recorder/ledger/ingest.h"
#include "sql/base/error.h"
#include "sql/base/say.h"
#include "ttalloc/segment.h"

#define SEGMENT_TABLE_MAX_BYTES (256ull << 20) /* that are read of a table: so much memory a client can take */
#define SEGMENT_OUTBOX_MAX_BYTES (64ull << 30)

struct segment;

/* What decoding a frame needs, for one frame at a time: shared by all segments. */
struct segment_scratch;
struct segment_scratch *segment_scratch_new(void); /* NULL: no memory */
void segment_scratch_free(struct segment_scratch *scratch);

/* Opens a directory of segments, which must be OWNER's alone. Its descriptor, or -1 with ERROR. */
int segment_directory(const char *directory, uid_t owner, struct sql_error *error);

/* Opens the segment at PATH: a regular file of OWNER, in a directory that is OWNER's alone, with a credible header. 0,
 * or -1 with ERROR. */
int segment_open(const char *path, uid_t owner, struct segment **segment, struct sql_error *error);
void segment_close(struct segment *segment);

/* Removes the file, if it is still this one, where it was. */
void segment_unlink(const struct segment *segment);

const char *segment_path(const struct segment *segment);

/* As read last; its texts end with NUL. */
const struct tta_segment_header *segment_header(const struct segment *segment);

/* Reads the changing half of the header again. 0, or -1 when the file cannot be read any more. */
int segment_refresh(struct segment *segment);

/* The place in the outbox up to which frames have been taken. */
uint64_t segment_cursor(const struct segment *segment);

enum segment_result {
	SEGMENT_NOTHING, /* no frame before SEALED */
	SEGMENT_BATCH,
	SEGMENT_UNREADABLE, /* a frame whose header is sound and whose events are not: they are lost */
	SEGMENT_BROKEN,     /* nothing further can be believed */
};

struct segment_batch {
	uint64_t first_number;
	uint32_t count;
	uint64_t last_ticks;
	uint64_t table_bytes;
	/* in the scratch, valid until the next call with it */
	struct tta_event *events;
	uint32_t *thread_entries;
};

/* Takes the next frame that has events above COMMITTED_NUMBER; the others are passed over. */
enum segment_result segment_next(struct segment *segment, uint64_t sealed, uint64_t committed_number,
                                 struct segment_scratch *scratch, struct segment_batch *batch);

/* Number of the last event in a frame that was taken or passed over; 0: there was none. */
uint64_t segment_last_number(const struct segment *segment);

/* The table up to HEIGHT bytes, or what can be had of it. Stays where it is until segment_close(). */
struct ingest_table segment_table(struct segment *segment, uint64_t height_bytes);

/* How many rings there are, as of the last refresh. */
uint32_t segment_ring_count(const struct segment *segment);

/* Reads the INDEX-th ring's entry, with tail and marked_sealed as after the last frame. 0, or -1 when it makes no
 * sense. */
int segment_ring(const struct segment *segment, uint32_t index, struct tta_ring *ring);

/* Reads COUNT records of RING from number FIRST on. 0 or -1. */
int segment_records(const struct segment *segment, const struct tta_ring *ring, uint64_t first, uint32_t count,
                    struct tta_event *records);

#endif
