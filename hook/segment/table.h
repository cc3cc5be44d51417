/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h - the segment's append-only table: what events name by a number. Equal entries are kept once.
 */
#ifndef TTALLOC_HOOK_TABLE_H
#define TTALLOC_HOOK_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hook/base/futex.h"
#include "spool.h"

/* The longest entry but for arguments of operations, which are a few KiB at most. */
#define TTA_ENTRY_MAX_BYTES 1024u

struct tta_table_index;

struct tta_table {
	struct tta_spool *spool;       /* that the entries are in */
	struct tta_table_index *index; /* published: hash table of the entries, replaced when it grows */
	struct tta_lock lock;          /* of whoever adds one */
};

/* An entry of the table, as it is in memory. */
struct tta_table_entry {
	uint32_t type; /* enum tta_entry_type */
	uint32_t bytes;
	const uint8_t *data;
};

/* The number of the entry of TYPE with these BYTES of DATA, which is made if there is none. TTA_LEFT_OUT when there is
 * no room for it. Finding one takes no lock. */
uint32_t tta_table_intern(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes);

/* The same of entries that are newer than OLDER, the number of one. */
uint32_t tta_table_intern_newer(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes,
                                uint32_t older);

/* The newest that there is; 0 when there is none. Takes no lock. */
uint32_t tta_table_find(const struct tta_table *table, uint32_t type, const void *data, uint32_t bytes);

/* The same, always a new entry. */
uint32_t tta_table_append(struct tta_table *table, uint32_t type, const void *data, uint32_t bytes);

/* Whether a new entry of TYPE has no room, nor will have. */
bool tta_table_is_full_for(const struct tta_table *table, uint32_t type);

/* The entry with this NUMBER, which was one of the above. */
static inline struct tta_table_entry tta_table_entry(const struct tta_table *table, uint32_t number)
{
	const uint8_t *at = table->spool->base + table->spool->table.offset + (uint64_t)number * 8;
	struct tta_entry_header header;

	memcpy(&header, at, sizeof(header));
	return (struct tta_table_entry){.type = header.type, .bytes = header.data_bytes, .data = at + sizeof(header)};
}

/* Whether ENTRY is of TYPE and has these BYTES of DATA. */
static inline bool tta_table_entry_is(struct tta_table_entry entry, uint32_t type, const void *data, uint32_t bytes)
{
	return entry.type == type && entry.bytes == bytes && memcmp(entry.data, data, bytes) == 0;
}

/* How many bytes of TEXT (NULL: none) are kept: TTALLOC_NAME_MAX at most, and no half of a character. */
uint32_t tta_text_bytes(const char *text);

/* The same of MOST. */
uint32_t tta_text_most(const char *text, uint32_t most);

#endif
