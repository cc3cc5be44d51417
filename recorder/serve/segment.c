/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.c - a segment's file, header, table and rings. Its frames are read in frame.c.
 */
#include "segment_private.h"
#include "sql/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_MAX_RECORDS (1ull << 32)

int segment_read(const struct segment *segment, void *buffer, size_t bytes, uint64_t offset)
{
	uint8_t *out = buffer;

	if (offset > INT64_MAX - bytes)
		return -1;
	while (bytes) {
		ssize_t got = pread(segment->fd, out, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1; /* also where a hostile client has truncated it */
		out += got;
		offset += (uint64_t)got;
		bytes -= (size_t)got;
	}
	return 0;
}

int segment_directory(const char *directory, uid_t owner, struct sql_error *error)
{
	struct stat status;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return sql_fail(error, "%s: %s", directory, strerror(errno));
	if (fstat(fd, &status) < 0 || status.st_uid != owner || (status.st_mode & 077)) {
		close(fd);
		return sql_fail(error, "%s: not a directory of user %u alone (mode 0700)", directory, (unsigned)owner);
	}
	return fd;
}

/* Opens the directory of PATH, which must be OWNER's alone, and points *NAME at the file's name in it. */
static int open_directory(const char *path, uid_t owner, const char **name, struct sql_error *error)
{
	const char *slash = strrchr(path, '/');
	char directory[TTA_PATH_BYTES];

	if (path[0] != '/' || !slash[1] || (size_t)(slash - path) >= sizeof(directory))
		return sql_fail(error, "%s: not an absolute path of a segment", path);
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	*name = slash + 1;
	return segment_directory(directory[0] ? directory : "/", owner, error);
}

static int open_file(struct segment *segment, const char *path, uid_t owner, struct sql_error *error)
{
	const char *name = NULL;
	struct stat status;
	int directory = open_directory(path, owner, &name, error);

	if (directory < 0)
		return -1;
	segment->fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(directory);
	if (segment->fd < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	if (fstat(segment->fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != owner)
		return sql_fail(error, "%s: not a regular file of user %u", path, (unsigned)owner);
	segment->device = status.st_dev;
	segment->inode = status.st_ino;
	segment->file_bytes = (uint64_t)status.st_size;
	return 0;
}

static bool inside(const struct segment *segment, uint64_t offset, uint64_t bytes)
{
	return offset >= TTA_HEADER_BYTES && offset <= segment->file_bytes && bytes <= segment->file_bytes - offset &&
	       offset % 8 == 0;
}

static const char *header_fault(const struct segment *segment)
{
	const struct tta_segment_header *header = &segment->header;

	if (memcmp(header->magic, TTA_SEGMENT_MAGIC, sizeof(header->magic)) != 0)
		return "is not a segment";
	if (header->version < TTA_SEGMENT_VERSION_OLDEST || header->version > TTA_SEGMENT_VERSION)
		return "is of another version of ttalloc: use the recorder of that version";
	if (header->clock != TTA_CLOCK_MONOTONIC_NS && header->clock != TTA_CLOCK_TSC)
		return "has a clock that is not known";
	if (!inside(segment, header->ring_directory_offset, TTA_MAX_RINGS * sizeof(struct tta_ring)))
		return "has no room for its rings";
	if (header->table_capacity < 8 || !inside(segment, header->table_offset, header->table_capacity))
		return "has a table that cannot be";
	if (header->outbox_capacity > SEGMENT_OUTBOX_MAX_BYTES || header->outbox_capacity < TTA_HEADER_BYTES ||
	    header->outbox_capacity % 8 || !inside(segment, header->outbox_offset, header->outbox_capacity))
		return "has an outbox that cannot be";
	return NULL;
}

static void end_texts(struct tta_segment_header *header)
{
	header->boot_id[sizeof(header->boot_id) - 1] = '\0';
	header->producer[sizeof(header->producer) - 1] = '\0';
	header->socket_path[sizeof(header->socket_path) - 1] = '\0';
	header->executable[sizeof(header->executable) - 1] = '\0';
	header->command[sizeof(header->command) - 1] = '\0';
}

static int read_header(struct segment *segment, uid_t owner, struct sql_error *error)
{
	const char *fault;

	if (segment_read(segment, &segment->header, sizeof(segment->header), 0) < 0)
		return sql_fail(error, "%s: is too short for a segment", segment->path);
	end_texts(&segment->header);
	fault = header_fault(segment);
	if (!fault && segment->header.uid != owner)
		fault = "is of another user";
	if (fault)
		return sql_fail(error, "%s: %s", segment->path, fault);
	segment->cursor = segment->header.outbox_released;
	if (segment->cursor % 8 || segment->header.outbox_sealed - segment->cursor > segment->header.outbox_capacity)
		return sql_fail(error, "%s: has an outbox that cannot be", segment->path);
	return 0;
}

/* The table's place here is taken once, so that it never moves; memory is used as it is read. */
static int reserve_table(struct segment *segment, struct sql_error *error)
{
	uint64_t limit = segment->header.table_capacity;
	void *table;

	if (limit > SEGMENT_TABLE_MAX_BYTES)
		limit = SEGMENT_TABLE_MAX_BYTES;
	table = mmap(NULL, limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table == MAP_FAILED)
		return sql_fail(error, "%s: no memory for its table", segment->path);
	segment->table = table;
	segment->table_limit = limit;
	return 0;
}

int segment_open(const char *path, uid_t owner, struct segment **result, struct sql_error *error)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	*result = NULL;
	if (!segment)
		return sql_fail(error, "no memory");
	segment->fd = -1;
	snprintf(segment->path, sizeof(segment->path), "%s", path);
	if (open_file(segment, path, owner, error) < 0 || read_header(segment, owner, error) < 0 ||
	    reserve_table(segment, error) < 0) {
		segment_close(segment);
		return -1;
	}
	*result = segment;
	return 0;
}

void segment_close(struct segment *segment)
{
	if (!segment)
		return;
	if (segment->table)
		munmap(segment->table, segment->table_limit);
	if (segment->fd >= 0)
		close(segment->fd);
	free(segment->positions);
	free(segment);
}

void segment_unlink(const struct segment *segment)
{
	struct sql_error nothing;
	struct stat status;
	const char *name;
	int directory = open_directory(segment->path, segment->header.uid, &name, &nothing);

	if (directory < 0)
		return;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_dev == segment->device &&
	    status.st_ino == segment->inode)
		unlinkat(directory, name, 0);
	close(directory);
}

const char *segment_path(const struct segment *segment)
{
	return segment->path;
}

const struct tta_segment_header *segment_header(const struct segment *segment)
{
	return &segment->header;
}

uint64_t segment_cursor(const struct segment *segment)
{
	return segment->cursor;
}

uint64_t segment_last_number(const struct segment *segment)
{
	return segment->last_number;
}

int segment_refresh(struct segment *segment)
{
	const size_t from = offsetof(struct tta_segment_header, ring_count);
	struct stat status;

	if (fstat(segment->fd, &status) < 0)
		return -1;
	segment->file_bytes = (uint64_t)status.st_size;
	return segment_read(segment, (uint8_t *)&segment->header + from, sizeof(segment->header) - from, from);
}

struct ingest_table segment_table(struct segment *segment, uint64_t height_bytes)
{
	uint64_t have = segment->table_bytes;

	if (height_bytes > segment->table_limit)
		height_bytes = segment->table_limit; /* what names entries beyond is counted (left_out.h) */
	if (height_bytes > have &&
	    segment_read(segment, segment->table + have, height_bytes - have, segment->header.table_offset + have) == 0)
		segment->table_bytes = height_bytes;
	return (struct ingest_table){
	    .bytes = segment->table,
	    .size_bytes = segment->table_bytes,
	    .most_bytes = segment->header.table_capacity > segment->table_limit ? segment->table_limit : 0};
}

uint32_t segment_ring_count(const struct segment *segment)
{
	uint32_t count = segment->header.ring_count;

	return count < TTA_MAX_RINGS ? count : TTA_MAX_RINGS;
}

int segment_ring(const struct segment *segment, uint32_t index, struct tta_ring *ring)
{
	uint64_t offset = segment->header.ring_directory_offset + (uint64_t)index * sizeof(*ring);

	if (index >= TTA_MAX_RINGS || segment_read(segment, ring, sizeof(*ring), offset) < 0)
		return -1;
	/* killed between sealing a frame and moving its tails, the process left them behind: the frame knows better */
	if (index < segment->position_count) {
		ring->tail = segment->positions[index].position;
		ring->marked_sealed = segment->positions[index].marked;
	}
	if (ring->capacity == 0 && ring->head == 0 && ring->dropped == 0)
		return 0; /* listed, and killed before it was made */
	if (ring->capacity == 0 || ring->capacity > RING_MAX_RECORDS || (ring->capacity & (ring->capacity - 1)))
		return -1;
	if (!inside(segment, ring->offset, ring->capacity * sizeof(struct tta_event)))
		return -1;
	return ring->head - ring->tail <= ring->capacity ? 0 : -1;
}

int segment_records(const struct segment *segment, const struct tta_ring *ring, uint64_t first, uint32_t count,
                    struct tta_event *records)
{
	uint64_t place = first & (ring->capacity - 1);
	uint64_t until_end = ring->capacity - place;
	uint32_t part = count < until_end ? count : (uint32_t)until_end;

	if (count > ring->capacity ||
	    segment_read(segment, records, part * sizeof(*records), ring->offset + place * sizeof(*records)) < 0)
		return -1;
	return segment_read(segment, records + part, (count - part) * sizeof(*records), ring->offset);
}
