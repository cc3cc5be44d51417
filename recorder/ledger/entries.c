/* SPDX-License-Identifier: Apache-2.0
 *
 * entries.c - reads the entries of a process's table.
 */
#include "entries.h"

#include <string.h>

bool entry_find(const struct ingest_table *table, uint32_t id, enum tta_entry_type type, struct entry *entry)
{
	uint64_t offset = (uint64_t)id * 8;
	struct tta_entry_header header;

	if (!id || offset + sizeof(header) > table->size_bytes)
		return false;
	memcpy(&header, table->bytes + offset, sizeof(header));
	offset += sizeof(header);
	if (header.type != (uint32_t)type || header.data_bytes > table->size_bytes - offset)
		return false;
	*entry = (struct entry){.data = table->bytes + offset, .bytes = header.data_bytes};
	return true;
}

void entry_take(struct entry *entry, void *place, size_t bytes)
{
	size_t there = bytes < entry->bytes ? bytes : entry->bytes;

	memset(place, 0, bytes);
	memcpy(place, entry->data, there);
	entry->data += there;
	entry->bytes -= there;
}
