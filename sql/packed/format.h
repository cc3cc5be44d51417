/* SPDX-License-Identifier: Apache-2.0
 *
 * format.h - the shared form of a recording: the pages of its database in groups, each group compressed by itself, so
 * that any page can be read without the others. sql/FILE.md describes it byte by byte.
 */
#ifndef SQL_PACKED_FORMAT_H
#define SQL_PACKED_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED_MAGIC "ttalloc shared\n" /* and its NUL */
#define PACKED_MAGIC_BYTES 16
#define PACKED_VERSION 1u
#define PACKED_HEADER_BYTES 64u
#define PACKED_INDEX_ROW_BYTES 16u

#define PACKED_PAGE_LEAST_BYTES 512u
#define PACKED_PAGE_MOST_BYTES 65536u
#define PACKED_GROUP_MOST_BYTES (8u << 20)
#define PACKED_COLUMNS_MOST 250u

/* What a group's body may have: pages that are stored as they are, and room for columns that are wider than in a page.
 */
static inline uint32_t packed_body_most_bytes(uint32_t group_bytes)
{
	return 2 * group_bytes + 65536;
}

struct packed_header {
	uint32_t page_bytes, group_pages; /* pages of each group but the last, which has the rest */
	uint64_t pages, groups;
	uint64_t index_at; /* of the index, which is the end of the file */
	uint32_t index_crc;
};

/* Where a group is. It begins where the one before it ends, the first one behind the header. */
struct packed_place {
	uint64_t at;
	uint32_t stored_bytes, body_bytes;
};

/* How many pages GROUP has. */
static inline uint32_t packed_pages_of(const struct packed_header *header, uint64_t group)
{
	uint64_t rest = header->pages - group * header->group_pages;

	return rest < header->group_pages ? (uint32_t)rest : header->group_pages;
}

void packed_put_header(const struct packed_header *header, uint8_t out[PACKED_HEADER_BYTES]);

/* Whether what begins a file is a header of this form; NULL, or what is wrong with it. */
bool packed_is_magic(const void *bytes, size_t count);
const char *packed_get_header(struct packed_header *header, const uint8_t in[PACKED_HEADER_BYTES]);

void packed_put_place(const struct packed_place *place, uint8_t out[PACKED_INDEX_ROW_BYTES]);
void packed_get_place(struct packed_place *place, const uint8_t in[PACKED_INDEX_ROW_BYTES]);

#endif
