/* SPDX-License-Identifier: Apache-2.0
 *
 * format.c - see format.h. All numbers are little-endian.
 */
#include "format.h"

#include <string.h>

#include "ttalloc/crc32.h"

#define VERSION_AT 16
#define PAGE_BYTES_AT 20
#define GROUP_PAGES_AT 24
#define INDEX_CRC_AT 28
#define PAGES_AT 32
#define GROUPS_AT 40
#define INDEX_AT_AT 48
#define ZERO_AT 56
#define CRC_AT 60

static void put(uint8_t *out, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *in, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | in[bytes];
	return value;
}

bool packed_is_magic(const void *bytes, size_t count)
{
	return count >= PACKED_MAGIC_BYTES && memcmp(bytes, PACKED_MAGIC, PACKED_MAGIC_BYTES) == 0;
}

void packed_put_header(const struct packed_header *header, uint8_t out[PACKED_HEADER_BYTES])
{
	memcpy(out, PACKED_MAGIC, PACKED_MAGIC_BYTES);
	put(out + VERSION_AT, PACKED_VERSION, 4);
	put(out + PAGE_BYTES_AT, header->page_bytes, 4);
	put(out + GROUP_PAGES_AT, header->group_pages, 4);
	put(out + INDEX_CRC_AT, header->index_crc, 4);
	put(out + PAGES_AT, header->pages, 8);
	put(out + GROUPS_AT, header->groups, 8);
	put(out + INDEX_AT_AT, header->index_at, 8);
	put(out + ZERO_AT, 0, 4);
	put(out + CRC_AT, tta_crc32(out, CRC_AT), 4);
}

/* Whether the counts fit each other. */
static bool is_consistent(const struct packed_header *header)
{
	uint32_t page = header->page_bytes, group = header->group_pages;

	if (page < PACKED_PAGE_LEAST_BYTES || page > PACKED_PAGE_MOST_BYTES || (page & (page - 1)) != 0)
		return false;
	if (group == 0 || group > PACKED_GROUP_MOST_BYTES / page)
		return false;
	if (header->pages == 0 || header->pages > UINT32_MAX - 1) /* SQLite's own limit */
		return false;
	return header->groups == (header->pages + group - 1) / group && header->index_at >= PACKED_HEADER_BYTES;
}

const char *packed_get_header(struct packed_header *header, const uint8_t in[PACKED_HEADER_BYTES])
{
	if (!packed_is_magic(in, PACKED_HEADER_BYTES))
		return "not a shared recording";
	if (get(in + VERSION_AT, 4) != PACKED_VERSION)
		return "made by a newer ttalloc; update ttalloc";
	*header = (struct packed_header){
	    .page_bytes = (uint32_t)get(in + PAGE_BYTES_AT, 4),
	    .group_pages = (uint32_t)get(in + GROUP_PAGES_AT, 4),
	    .pages = get(in + PAGES_AT, 8),
	    .groups = get(in + GROUPS_AT, 8),
	    .index_at = get(in + INDEX_AT_AT, 8),
	    .index_crc = (uint32_t)get(in + INDEX_CRC_AT, 4),
	};
	if (get(in + CRC_AT, 4) != tta_crc32(in, CRC_AT) || !is_consistent(header))
		return "damaged: its header is not what was written; copy it again";
	return NULL;
}

void packed_put_place(const struct packed_place *place, uint8_t out[PACKED_INDEX_ROW_BYTES])
{
	put(out, place->at, 8);
	put(out + 8, place->stored_bytes, 4);
	put(out + 12, place->body_bytes, 4);
}

void packed_get_place(struct packed_place *place, const uint8_t in[PACKED_INDEX_ROW_BYTES])
{
	*place = (struct packed_place){
	    .at = get(in, 8), .stored_bytes = (uint32_t)get(in + 8, 4), .body_bytes = (uint32_t)get(in + 12, 4)};
}
