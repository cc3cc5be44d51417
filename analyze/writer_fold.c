/* SPDX-License-Identifier: Apache-2.0
 *
 * writer_fold.c - keeps what the runtime owns from drowning the program's own leaks in a table: such rows become one
 * line. Regions do not add up, so the line names each class and region by itself.
 */
#include "memory.h"
#include "text.h"
#include "writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FOLD_GROUPS 32 /* classes times regions that exist; more go into the table */
#define NONE SIZE_MAX

struct group {
	char class[32], region[32];
	uint64_t blocks;
	int64_t bytes;
};

struct fold {
	struct writer writer;
	struct writer *inner;
	size_t count, class_column, region_column, size_column;
	struct group groups[FOLD_GROUPS];
	size_t group_count;
};

bool class_is_runtime(const struct query_cell *class)
{
	static const char *const owned[] = {"kernel_binary", "kernel", "trace"};
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		if (class->type == CELL_TEXT && class->bytes == strlen(owned[i]) &&
		    memcmp(class->text, owned[i], class->bytes) == 0)
			return true;
	return false;
}

static size_t find_column(const struct column *columns, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(columns[i].name, name) == 0)
			return i;
	return NONE;
}

static void fold_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct fold *fold = (struct fold *)writer;
	fold->count = count;
	fold->class_column = find_column(columns, count, "class");
	fold->region_column = find_column(columns, count, "region");
	fold->size_column = find_column(columns, count, "size_bytes");
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
	struct group wanted = {0};
	copy_text(wanted.class, sizeof wanted.class, &cells[fold->class_column]);
	copy_text(wanted.region, sizeof wanted.region, &cells[fold->region_column]);
	for (size_t i = 0; i < fold->group_count; i++)
		if (strcmp(fold->groups[i].class, wanted.class) == 0 &&
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
	if (fold->class_column != NONE && fold->region_column != NONE && fold->size_column != NONE &&
	    class_is_runtime(&cells[fold->class_column]))
		group = find_group(fold, cells);
	if (group == NULL) {
		fold->inner->row(fold->inner, cells);
		return;
	}
	group->blocks++;
	group->bytes += cells[fold->size_column].integer;
}

static void fold_end(struct writer *writer)
{
	struct fold *fold = (struct fold *)writer;
	char line[CELL_TEXT_MAX], human[UNITS_TEXT_MAX];
	size_t used = (size_t)snprintf(line, sizeof line, "owned by the runtime:");
	for (size_t i = 0; i < fold->group_count && used < sizeof line; i++) {
		const struct group *group = &fold->groups[i];
		units_bytes(human, group->bytes);
		used +=
		    (size_t)snprintf(line + used, sizeof line - used, "%s %" PRIu64 " %s in %s, %s (%" PRId64 ")",
		                     i > 0 ? ";" : "", group->blocks, group->class, group->region, human, group->bytes);
	}
	if (fold->group_count > 0)
		writer_table_footnote(fold->inner, line);
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
