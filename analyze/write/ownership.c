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
	                                .runtime_blocks = column_find(columns, count, "runtime_blocks"),
	                                .live_blocks = column_find(columns, count, "live_blocks")};
}

static bool has_groups(const struct ownership *ownership)
{
	return ownership->blocks < ownership->count && ownership->runtime_blocks < ownership->count;
}

bool ownership_is_told(const struct ownership *ownership)
{
	return ownership->owner < ownership->count || has_groups(ownership);
}

static bool says(const struct query_cell *cell, const char *word)
{
	return cell->type == CELL_TEXT && cell->bytes == strlen(word) && memcmp(cell->text, word, cell->bytes) == 0;
}

static int64_t count_of(const struct ownership *ownership, size_t column, const struct query_cell *cells)
{
	return column < ownership->count ? cells[column].integer : 0;
}

enum owner ownership_of(const struct ownership *ownership, const struct query_cell *cells)
{
	if (ownership->owner < ownership->count) {
		const struct query_cell *owner = &cells[ownership->owner];
		return says(owner, "runtime")        ? OWNER_RUNTIME
		       : says(owner, "live program") ? OWNER_LIVE
		                                     : OWNER_PROGRAM;
	}
	if (!has_groups(ownership))
		return OWNER_PROGRAM;
	int64_t blocks = count_of(ownership, ownership->blocks, cells);
	int64_t live = count_of(ownership, ownership->live_blocks, cells);
	if (blocks <= 0 || count_of(ownership, ownership->runtime_blocks, cells) + live != blocks)
		return OWNER_PROGRAM;
	return live > 0 ? OWNER_LIVE : OWNER_RUNTIME;
}
