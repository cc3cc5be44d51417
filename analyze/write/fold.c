/* SPDX-License-Identifier: Apache-2.0
 *
 * fold.c - keeps what is no leak from drowning the program's own leaks in a table: rows of the runtime, and of programs
 * that live, become a line each. Regions do not add up, so the line names each class and region by itself.
 */
#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FOLD_GROUPS 32 /* classes times regions that exist; more go into the table */

struct group {
	enum owner owner;
	char class[32], region[32];
	uint64_t blocks;
	int64_t bytes;
};

struct fold {
	struct writer writer;
	struct writer *inner;
	struct ownership ownership;
	size_t region_column, size_column;
	struct group groups[FOLD_GROUPS];
	size_t group_count;
};

static bool is_grouped(const struct fold *fold)
{
	return fold->ownership.owner == fold->ownership.count;
}

static void fold_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct fold *fold = (struct fold *)writer;
	ownership_find(&fold->ownership, columns, count);
	fold->region_column = column_find(columns, count, "region");
	fold->size_column = column_find(columns, count, is_grouped(fold) ? "bytes" : "size_bytes");
	fold->inner->begin(fold->inner, answer, columns, count);
}

static void copy_text(char *out, size_t size, const struct query_cell *cell)
{
	struct shown shown;
	cell_show(&shown, &(struct column){.name = ""}, cell);
	snprintf(out, size, "%.*s", (int)size - 1, shown.main);
}

static struct group *find_group(struct fold *fold, const struct query_cell *cells)
{
	struct group wanted = {.owner = ownership_of(&fold->ownership, cells)};
	if (fold->ownership.class == fold->ownership.count)
		strcpy(wanted.class, "blocks");
	else
		copy_text(wanted.class, sizeof wanted.class, &cells[fold->ownership.class]);
	copy_text(wanted.region, sizeof wanted.region, &cells[fold->region_column]);
	for (size_t i = 0; i < fold->group_count; i++)
		if (fold->groups[i].owner == wanted.owner && strcmp(fold->groups[i].class, wanted.class) == 0 &&
		    strcmp(fold->groups[i].region, wanted.region) == 0)
			return &fold->groups[i];
	if (fold->group_count == FOLD_GROUPS)
		return NULL;
	fold->groups[fold->group_count] = wanted;
	return &fold->groups[fold->group_count++];
}

static void fold_row(struct writer *writer, const struct query_cell *cells)
{
	struct fold *fold = (struct fold *)writer;
	struct group *group = NULL;
	if (fold->region_column < fold->ownership.count && fold->size_column < fold->ownership.count &&
	    ownership_of(&fold->ownership, cells) != OWNER_PROGRAM)
		group = find_group(fold, cells);
	if (!group) {
		fold->inner->row(fold->inner, cells);
		return;
	}
	group->blocks += is_grouped(fold) ? (uint64_t)cells[fold->ownership.blocks].integer : 1;
	group->bytes += cells[fold->size_column].integer;
}

static void print_owner(struct fold *fold, enum owner owner, const char *title)
{
	char line[CELL_TEXT_MAX], human[UNITS_TEXT_MAX];
	size_t used = (size_t)snprintf(line, sizeof line, "%s:", title), none = used;
	for (size_t i = 0; i < fold->group_count && used < sizeof line; i++) {
		const struct group *group = &fold->groups[i];
		if (group->owner != owner)
			continue;
		units_bytes(human, group->bytes);
		used += (size_t)snprintf(line + used, sizeof line - used, "%s %" PRIu64 " %s in %s, %s (%" PRId64 ")",
		                         used > none ? ";" : "", group->blocks, group->class, group->region, human,
		                         group->bytes);
	}
	if (used > none)
		writer_table_footnote(fold->inner, line);
}

static void fold_end(struct writer *writer)
{
	struct fold *fold = (struct fold *)writer;
	print_owner(fold, OWNER_RUNTIME, "owned by the runtime");
	print_owner(fold, OWNER_LIVE, "of programs that live, which may yet free them");
	fold->inner->end(fold->inner);
}

static void fold_free(struct writer *writer)
{
	struct fold *fold = (struct fold *)writer;
	fold->inner->free(fold->inner);
	free(fold);
}

struct writer *writer_fold(struct writer *inner)
{
	struct fold *fold = memory_get(1, sizeof *fold);
	fold->inner = inner;
	fold->writer = (struct writer){.begin = fold_begin, .row = fold_row, .end = fold_end, .free = fold_free};
	return &fold->writer;
}
