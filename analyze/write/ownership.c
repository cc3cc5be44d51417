/* SPDX-License-Identifier: Apache-2.0
 *
 * ownership.c - which rows are the runtime's and not the program's; see writer.h.
 */
#include "writer.h"

#include <string.h>

void ownership_find(struct ownership *ownership, const struct column *columns, size_t count)
{
	*ownership = (struct ownership){.count = count,
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
	return ownership->class < ownership->count || has_groups(ownership);
}

/* Kernel binaries, traces and loaded kernels. */
static bool class_is_runtime(const struct query_cell *class)
{
	static const char *const owned[] = {"kernel_binary", "kernel", "trace"};
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		if (class->type == CELL_TEXT && class->bytes == strlen(owned[i]) &&
		    memcmp(class->text, owned[i], class->bytes) == 0)
			return true;
	return false;
}

bool ownership_is_runtime(const struct ownership *ownership, const struct query_cell *cells)
{
	if (ownership->class < ownership->count)
		return class_is_runtime(&cells[ownership->class]);
	if (!has_groups(ownership))
		return false;
	int64_t blocks = cells[ownership->blocks].integer;
	return blocks > 0 && cells[ownership->runtime_blocks].integer == blocks;
}
