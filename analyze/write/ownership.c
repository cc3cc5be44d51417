/* SPDX-License-Identifier: Apache-2.0
 *
 * ownership.c - which rows are the runtime's and not the program's; see writer.h.
 */
#include "writer.h"

#include <string.h>

void ownership_find(struct ownership *ownership, const struct column *columns, size_t count)
{
	*ownership = (struct ownership){.count = count,
	                                .owner = column_find(columns, count, "owner"),
	                                .class = column_find(columns, count, "class"),
	                                .blocks = column_find(columns, count, "blocks"),
	                                .bytes = column_find(columns, count, "bytes"),
	                                .runtime_blocks = column_find(columns, count, "runtime_blocks")};
}

static bool has_groups(const struct ownership *ownership)
{
	return ownership->blocks < ownership->count && ownership->runtime_blocks < ownership->count;
}

bool ownership_is_told(const struct ownership *ownership)
{
	return ownership->owner < ownership->count || has_groups(ownership);
}

bool ownership_is_runtime(const struct ownership *ownership, const struct query_cell *cells)
{
	static const char runtime[] = "runtime";
	if (ownership->owner < ownership->count) {
		const struct query_cell *owner = &cells[ownership->owner];
		return owner->type == CELL_TEXT && owner->bytes == strlen(runtime) &&
		       memcmp(owner->text, runtime, owner->bytes) == 0;
	}
	if (!has_groups(ownership))
		return false;
	int64_t blocks = cells[ownership->blocks].integer;
	return blocks > 0 && cells[ownership->runtime_blocks].integer == blocks;
}
