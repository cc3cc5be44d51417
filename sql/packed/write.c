/* SPDX-License-Identifier: Apache-2.0
 *
 * write.c - writing a file in the shared form.
 */
#include "packed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "format.h"
#include "group.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "ttalloc/crc32.h"

/* Loops of programs are found in a group, as often as they fit; half of that takes a tenth more room. */
#define GROUP_BYTES (4u << 20)
#define LEVEL 12
#define PIECE_LEAST_BYTES 2048u /* a frame of its own costs some 12 */
#define DATABASE_HEADER_BYTES 100

struct writing {
	const char *path;
	struct sql_error *error;
	int from, out;
	struct packed_header header;
	ZSTD_CCtx *context;
	uint8_t *pages, *frame;
	struct group_body body;
	struct packed_place *places;
	size_t place_capacity;
	uint64_t at;
};

static int fail(struct writing *writing)
{
	return sql_fail(writing->error, "%s: %s", writing->path, strerror(errno));
}

static int fail_memory(struct writing *writing)
{
	return sql_fail(writing->error, "%s: out of memory", writing->path);
}

static int put(struct writing *writing, const void *bytes, size_t count, uint64_t at)
{
	for (const uint8_t *next = bytes; count;) {
		ssize_t done = pwrite(writing->out, next, count, (off_t)at);

		if (done < 0 && errno != EINTR)
			return fail(writing);
		if (done > 0) {
			next += done;
			at += (uint64_t)done;
			count -= (size_t)done;
		}
	}
	return 0;
}

/* Reads the pages of GROUP: all of them, or it is no database that is at rest. */
static int read_pages(struct writing *writing, uint64_t group)
{
	size_t bytes = (size_t)packed_pages_of(&writing->header, group) * writing->header.page_bytes, got = 0;
	uint64_t at = group * writing->header.group_pages * writing->header.page_bytes;

	while (got < bytes) {
		ssize_t more = pread(writing->from, writing->pages + got, bytes - got, (off_t)(at + got));

		if (more < 0 && errno != EINTR)
			return fail(writing);
		if (more == 0)
			return sql_fail(writing->error, "%s: its pages came to an end", writing->path);
		got += more > 0 ? (size_t)more : 0;
	}
	return 0;
}

/* Writes COUNT bytes of a body as a frame. */
static int put_piece(struct writing *writing, const uint8_t *bytes, size_t count)
{
	size_t made = ZSTD_compress2(writing->context, writing->frame, ZSTD_compressBound(count), bytes, count);

	if (ZSTD_isError(made))
		return sql_fail(writing->error, "%s: zstd: %s", writing->path, ZSTD_getErrorName(made));
	if (put(writing, writing->frame, made, writing->at) < 0)
		return -1;
	writing->at += made;
	return 0;
}

/* Pieces that are small go with the next one. */
static int put_body(struct writing *writing)
{
	const struct group_body *body = &writing->body;
	size_t begin = 0;

	writing->frame = malloc(ZSTD_compressBound(body->count));
	if (!writing->frame)
		return fail_memory(writing);
	int result = 0;
	for (size_t i = 0; i <= body->cut_count && result == 0; i++) {
		size_t end = i < body->cut_count ? body->cuts[i] : body->count;

		if (end - begin < PIECE_LEAST_BYTES && i < body->cut_count)
			continue;
		if (end > begin)
			result = put_piece(writing, body->bytes + begin, end - begin);
		begin = end;
	}
	free(writing->frame);
	return result;
}

static int put_group(struct writing *writing, uint64_t group)
{
	struct group_shape shape = {writing->header.page_bytes, packed_pages_of(&writing->header, group)};
	uint64_t begin = writing->at;

	if (read_pages(writing, group) < 0)
		return -1;
	if (array_reserve(&writing->places, &writing->place_capacity, group) < 0 ||
	    group_encode(&shape, writing->pages, &writing->body) < 0)
		return fail_memory(writing);
	if (put_body(writing) < 0)
		return -1;
	writing->places[group] = (struct packed_place){
	    .at = begin, .stored_bytes = (uint32_t)(writing->at - begin), .body_bytes = (uint32_t)writing->body.count};
	return 0;
}

static int put_index(struct writing *writing)
{
	struct packed_header *header = &writing->header;
	size_t bytes = header->groups * PACKED_INDEX_ROW_BYTES;
	uint8_t *rows = malloc(bytes), first[PACKED_HEADER_BYTES];

	if (!rows)
		return fail_memory(writing);
	for (uint64_t i = 0; i < header->groups; i++)
		packed_put_place(&writing->places[i], rows + i * PACKED_INDEX_ROW_BYTES);
	header->index_at = writing->at;
	header->index_crc = tta_crc32(rows, bytes);
	packed_put_header(header, first);
	int result = put(writing, rows, bytes, header->index_at);
	free(rows);
	return result < 0 ? -1 : put(writing, first, sizeof(first), 0);
}

/* How many pages there are, and how large. */
static int look_at(struct writing *writing)
{
	uint8_t bytes[DATABASE_HEADER_BYTES];
	struct stat status;

	if (fstat(writing->from, &status) < 0)
		return fail(writing);
	if (pread(writing->from, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes) || bytes[20] != 0)
		return sql_fail(writing->error, "%s: not a database that can be packed", writing->path);
	uint32_t page_bytes = (uint32_t)(bytes[16] << 8 | bytes[17]);
	page_bytes = page_bytes == 1 ? PACKED_PAGE_MOST_BYTES : page_bytes;
	writing->header = (struct packed_header){.page_bytes = page_bytes,
	                                         .group_pages = GROUP_BYTES / page_bytes,
	                                         .pages = (uint64_t)status.st_size / page_bytes};
	writing->header.groups =
	    (writing->header.pages + writing->header.group_pages - 1) / writing->header.group_pages;
	return 0;
}

int packed_write(int from, int out, const char *path, struct sql_error *error)
{
	struct writing writing = {.path = path, .error = error, .from = from, .out = out, .at = PACKED_HEADER_BYTES};
	int result = look_at(&writing);

	writing.context = ZSTD_createCCtx();
	writing.pages = malloc(GROUP_BYTES);
	if (!writing.context || !writing.pages) {
		result = fail_memory(&writing);
	} else {
		ZSTD_CCtx_setParameter(writing.context, ZSTD_c_compressionLevel, LEVEL);
		ZSTD_CCtx_setParameter(writing.context, ZSTD_c_checksumFlag, 1);
	}
	for (uint64_t group = 0; result == 0 && group < writing.header.groups; group++)
		result = put_group(&writing, group);
	if (result == 0)
		result = put_index(&writing);
	ZSTD_freeCCtx(writing.context);
	group_body_free(&writing.body);
	free(writing.pages);
	free(writing.places);
	return result;
}
