/* SPDX-License-Identifier: Apache-2.0
 *
 * entries.h - reads the entries of a process's table (segment.h), of which nothing is trusted.
 */
#ifndef RECORDER_ENTRIES_H
#define RECORDER_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest.h"

struct entry {
	const uint8_t *data; /* into the table; not aligned */
	size_t bytes;
};

/* False: there is no such entry, or it is of another type. */
bool entry_find(const struct ingest_table *table, uint32_t id, enum tta_entry_type type, struct entry *entry);

/* Splits off the first BYTES of ENTRY into PLACE, or what there is of them and then zeros. */
void entry_take(struct entry *entry, void *place, size_t bytes);

#endif
