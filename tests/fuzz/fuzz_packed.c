/* SPDX-License-Identifier: Apache-2.0
 *
 * A file in the shared form that anybody may have made: a header and an index that fit each other, as an attacker would
 * take care of, around parts that are anything; then all of it is read. The input is the body of a group, or with the
 * first byte odd the whole file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sql/packed/format.h"
#include "sql/packed/group.h"
#include "sql/packed/packed.h"
#include "ttalloc/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *data, size_t size)
{
	struct group_shape shape = {.page_bytes = 512, .pages = size ? data[0] % 16 + 1 : 1};
	uint8_t *pages = calloc(shape.pages, shape.page_bytes);
	struct group_body body = {0}, again = {0};
	uint8_t *copy = calloc(shape.pages, shape.page_bytes);

	if (size && group_decode(&shape, data + 1, size - 1, pages)) {
		/* what it makes is what comes of packing that, but for room that no row takes */
		if (group_encode(&shape, pages, &body) < 0 || !group_decode(&shape, body.bytes, body.count, copy) ||
		    group_encode(&shape, copy, &again) < 0 || again.count != body.count ||
		    memcmp(again.bytes, body.bytes, body.count) != 0)
			abort();
	}
	group_body_free(&body);
	group_body_free(&again);
	free(pages);
	free(copy);
}

/* Makes the checksums of FILE right, as far as it has a header and an index. */
static void seal(uint8_t *file, size_t size)
{
	struct packed_header header;
	uint8_t first[PACKED_HEADER_BYTES];

	if (size < PACKED_HEADER_BYTES)
		return;
	memcpy(first, file, sizeof(first));
	header = (struct packed_header){
	    .page_bytes = 512u << (file[20] % 8), .group_pages = file[24] % 9u, .pages = file[32] % 40u};
	header.groups = header.group_pages ? (header.pages + header.group_pages - 1) / header.group_pages : 0;
	size_t index_bytes = header.groups * PACKED_INDEX_ROW_BYTES;
	if (index_bytes > size - PACKED_HEADER_BYTES)
		return;
	header.index_at = size - index_bytes;
	header.index_crc = tta_crc32(file + header.index_at, index_bytes);
	packed_put_header(&header, file);
}

static void read_all(const uint8_t *data, size_t size)
{
	struct sql_error error = {.text = ""};
	uint8_t *file = malloc(size + 1), page[4096];
	int fd = memfd_create("packed", MFD_CLOEXEC);

	memcpy(file, data, size);
	seal(file, size);
	if (fd < 0 || write(fd, file, size) != (ssize_t)size)
		abort();
	struct packed *packed = packed_open(fd, "packed", &error);
	if (!packed && !error.text[0])
		abort();
	for (uint64_t at = 0; packed && at < packed_bytes(packed); at += sizeof(page))
		packed_read(packed, page,
		            packed_bytes(packed) - at < sizeof(page) ? packed_bytes(packed) - at : sizeof(page), at);
	packed_close(packed);
	close(fd);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] & 1)
		read_all(data + 1, size - 1);
	else if (size)
		decode(data + 1, size - 1);
	return 0;
}
