/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c - reading a file in the shared form. Whoever sent it is not trusted: all sizes are held against those of the
 * file and of the format before anything is allocated.
 */
#include "packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "format.h"
#include "group.h"
#include "sql/base/error.h"
#include "ttalloc/crc32.h"

#define KEPT_BYTES (24u << 20) /* of pages, for each open file */

/* A group that is kept. */
struct kept {
	uint8_t *pages; /* NULL: none yet */
	uint64_t group, used;
};

struct packed {
	int file;
	struct packed_header header;
	struct packed_place *places;
	struct kept *kept;
	size_t kept_count;
	uint64_t uses;
	uint8_t *stored, *body; /* of the group that is read */
	size_t stored_capacity, body_capacity;
};

/* 0; -1: there are fewer. */
static int read_at(int file, void *out, size_t count, uint64_t offset)
{
	for (uint8_t *at = out; count;) {
		ssize_t got = pread(file, at, count, (off_t)offset);

		if (got <= 0 && !(got < 0 && errno == EINTR))
			return -1;
		if (got > 0) {
			at += got;
			offset += (uint64_t)got;
			count -= (size_t)got;
		}
	}
	return 0;
}

/* ---- header and index ---- */

static int damaged(const char *path, const char *what, struct sql_error *error)
{
	return sql_fail(error, "%s: damaged: %s; copy it again", path, what);
}

static int take_places(struct packed *packed, const uint8_t *rows, const char *path, struct sql_error *error)
{
	const struct packed_header *header = &packed->header;
	uint64_t at = PACKED_HEADER_BYTES;

	for (uint64_t i = 0; i < header->groups; i++) {
		struct packed_place *place = &packed->places[i];
		uint32_t group_bytes = packed_pages_of(header, i) * header->page_bytes;

		packed_get_place(place, rows + i * PACKED_INDEX_ROW_BYTES);
		if (place->at != at || place->stored_bytes > header->index_at - at ||
		    place->body_bytes > packed_body_most_bytes(group_bytes))
			return damaged(path, "its parts do not fit together", error);
		at += place->stored_bytes;
	}
	return at == header->index_at ? 0 : damaged(path, "its parts do not fit together", error);
}

static int read_index(struct packed *packed, const char *path, struct sql_error *error)
{
	size_t bytes = packed->header.groups * PACKED_INDEX_ROW_BYTES; /* as the file has, which was checked */
	uint8_t *rows = malloc(bytes);
	int result = -1;

	packed->places = calloc(packed->header.groups, sizeof(*packed->places));
	if (!rows || !packed->places)
		sql_fail(error, "%s: out of memory", path);
	else if (read_at(packed->file, rows, bytes, packed->header.index_at) < 0)
		sql_fail(error, "%s: %s", path, strerror(errno));
	else if (tta_crc32(rows, bytes) != packed->header.index_crc)
		damaged(path, "its index is not what was written", error);
	else
		result = take_places(packed, rows, path, error);
	free(rows);
	return result;
}

static int read_header(struct packed *packed, const char *path, struct sql_error *error)
{
	struct packed_header *header = &packed->header;
	uint8_t bytes[PACKED_HEADER_BYTES];
	struct stat status;

	if (fstat(packed->file, &status) < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	if (status.st_size < (off_t)sizeof(bytes) || read_at(packed->file, bytes, sizeof(bytes), 0) < 0)
		return sql_fail(error, "%s: truncated; copy it again", path);
	const char *why = packed_get_header(header, bytes);
	if (why)
		return sql_fail(error, "%s: %s", path, why);
	uint64_t size = (uint64_t)status.st_size, index_bytes = header->groups * PACKED_INDEX_ROW_BYTES;
	if (header->index_at > size || index_bytes > size - header->index_at)
		return sql_fail(error, "%s: truncated; copy it again", path);
	if (index_bytes < size - header->index_at)
		return damaged(path, "something was appended to it", error);
	return 0;
}

struct packed *packed_open(int file, const char *path, struct sql_error *error)
{
	struct packed *packed = calloc(1, sizeof(*packed));

	if (!packed) {
		sql_fail(error, "%s: out of memory", path);
		return NULL;
	}
	packed->file = file;
	if (read_header(packed, path, error) < 0 || read_index(packed, path, error) < 0) {
		packed_close(packed);
		return NULL;
	}
	packed->kept_count = KEPT_BYTES / (packed->header.page_bytes * packed->header.group_pages) + 1;
	packed->kept = calloc(packed->kept_count, sizeof(*packed->kept));
	if (!packed->kept) {
		sql_fail(error, "%s: out of memory", path);
		packed_close(packed);
		return NULL;
	}
	return packed;
}

void packed_close(struct packed *packed)
{
	if (!packed)
		return;
	for (size_t i = 0; packed->kept && i < packed->kept_count; i++)
		free(packed->kept[i].pages);
	free(packed->kept);
	free(packed->places);
	free(packed->stored);
	free(packed->body);
	free(packed);
}

uint64_t packed_bytes(const struct packed *packed)
{
	return packed->header.pages * packed->header.page_bytes;
}

/* ---- groups ---- */

/* Makes room for COUNT bytes in *BYTES. 0; -1: no memory. */
static int reserve(uint8_t **bytes, size_t *capacity, size_t count)
{
	if (count <= *capacity)
		return 0;
	free(*bytes);
	*bytes = malloc(count);
	*capacity = *bytes ? count : 0;
	return *bytes ? 0 : -1;
}

/* Reads GROUP into PAGES. 0 or -1. */
static int read_group(struct packed *packed, uint64_t group, uint8_t *pages)
{
	const struct packed_place *place = &packed->places[group];
	struct group_shape shape = {packed->header.page_bytes, packed_pages_of(&packed->header, group)};

	if (reserve(&packed->stored, &packed->stored_capacity, place->stored_bytes) < 0 ||
	    reserve(&packed->body, &packed->body_capacity, place->body_bytes) < 0 ||
	    read_at(packed->file, packed->stored, place->stored_bytes, place->at) < 0)
		return -1;
	/* the frames of its pieces, one behind the other */
	if (ZSTD_decompress(packed->body, place->body_bytes, packed->stored, place->stored_bytes) != place->body_bytes)
		return -1;
	return group_decode(&shape, packed->body, place->body_bytes, pages) ? 0 : -1;
}

/* The pages of GROUP; NULL: they cannot be had. */
static const uint8_t *pages_of(struct packed *packed, uint64_t group)
{
	struct kept *oldest = packed->kept;

	for (size_t i = 0; i < packed->kept_count; i++) {
		struct kept *kept = &packed->kept[i];

		if (kept->pages && kept->group == group) {
			kept->used = ++packed->uses;
			return kept->pages;
		}
		if (kept->used < oldest->used)
			oldest = kept;
	}
	if (!oldest->pages) /* zeroed: what a damaged group leaves out is nothing of this process's */
		oldest->pages = calloc(packed->header.group_pages, packed->header.page_bytes);
	oldest->used = 0;
	oldest->group = UINT64_MAX;
	if (!oldest->pages || read_group(packed, group, oldest->pages) < 0)
		return NULL;
	oldest->group = group;
	oldest->used = ++packed->uses;
	return oldest->pages;
}

int packed_read(struct packed *packed, void *out, size_t count, uint64_t offset)
{
	size_t group_bytes = (size_t)packed->header.group_pages * packed->header.page_bytes;

	if (offset > packed_bytes(packed) || count > packed_bytes(packed) - offset)
		return -1;
	for (uint8_t *at = out; count;) {
		size_t within = offset % group_bytes, part = group_bytes - within;
		const uint8_t *pages = pages_of(packed, offset / group_bytes);

		if (!pages)
			return -1;
		part = part < count ? part : count;
		memcpy(at, pages + within, part);
		at += part;
		offset += part;
		count -= part;
	}
	return 0;
}
