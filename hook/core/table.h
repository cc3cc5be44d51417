/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h - the segment's append-only table: what events name by a number. Equal entries are kept once.
 */
#ifndef TTALLOC_HOOK_TABLE_H
#define TTALLOC_HOOK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/* The longest entry. */
#define TTA_ENTRY_MAX_BYTES 1024u

struct tta_table_index;

struct tta_table {
	struct tta_table_index *index; /* published: hash table of the entries, replaced when it grows */
};

/* The number of the entry of TYPE with these BYTES of DATA, which is made if there is none. 0 when there is no room.
 * Finding one takes no lock. The context must be ready. */
uint32_t tta_table_intern(uint32_t type, const void *data, uint32_t bytes);

/* The same, but 0 when there is none. Takes no lock. */
uint32_t tta_table_find(uint32_t type, const void *data, uint32_t bytes);

/* The same, always a new entry. */
uint32_t tta_table_append(uint32_t type, const void *data, uint32_t bytes);

/* How many bytes of TEXT (NULL: none) are kept: TTALLOC_NAME_MAX at most, and no half of a character. */
uint32_t tta_text_bytes(const char *text);

#endif
