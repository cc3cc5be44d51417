/* SPDX-License-Identifier: Apache-2.0
 *
 * list.c - one name and value per line, for answers of one wide row. A text of several lines stays indented, so
 * that it cannot pass for another entry.
 */
#include "sql/base/memory.h"
#include "picture.h"
#include "sql/base/text.h"
#include "writer.h"

#include <stdlib.h>
#include <string.h>

struct list {
	struct writer writer;
	struct style style;
	const struct answer *answer;
	const struct column *columns;
	size_t count, name_width;
	bool any;
};

static void list_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct list *list = (struct list *)writer;
	list->answer = answer;
	list->columns = columns;
	list->count = count;
	for (size_t i = 0; i < count; i++)
		if (strlen(columns[i].name) > list->name_width)
			list->name_width = strlen(columns[i].name);
}

static void put_lines(const struct list *list, const struct query_cell *cell)
{
	char safe[CELL_TEXT_MAX * 4];
	const char *text = cell->text, *end = cell->text + cell->bytes;
	for (bool first = true; first || text < end; first = false) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = !newline ? end : newline;
		text_terminal(safe, sizeof safe, text, (size_t)(stop - text));
		fprintf(list->style.out, "%*s", first ? 0 : (int)list->name_width + 2, "");
		print_wrapped(&list->style, safe, list->name_width + 2, list->name_width + 4);
		text = !newline ? end : newline + 1;
	}
}

#define LINES_SHOWN 6

/* A list of many lines is what -v is for. */
static bool is_long(const struct list *list, size_t column, const struct query_cell *cell)
{
	size_t lines = 1;

	for (size_t i = 0; i < cell->bytes; i++)
		lines += cell->text[i] == '\n';
	if (list->style.whole_lists || list->columns[column].unit != UNIT_LIST || lines <= LINES_SHOWN)
		return false;
	fprintf(list->style.out, "%zu (-v lists them)\n", lines);
	return true;
}

static void put_value(const struct list *list, size_t column, const struct query_cell *cell)
{
	struct shown shown;
	if (cell->type == CELL_TEXT && list->columns[column].unit == UNIT_PICTURE) {
		picture_print(&list->style, cell->text, cell->bytes, list->name_width + 2);
		return;
	}
	if (cell->type == CELL_TEXT) {
		if (!is_long(list, column, cell))
			put_lines(list, cell);
		return;
	}
	cell_show(&shown, &list->columns[column], cell);
	fputs(shown.main, list->style.out);
	if (shown.exact[0] != '\0')
		fprintf(list->style.out, "  %s%s%s", colour(&list->style, COLOUR_DIM), shown.exact,
		        colour(&list->style, COLOUR_OFF));
	fputc('\n', list->style.out);
}

static void list_row(struct writer *writer, const struct query_cell *cells)
{
	struct list *list = (struct list *)writer;
	char safe[CELL_TEXT_MAX];
	if (list->any)
		fputc('\n', list->style.out);
	list->any = true;
	for (size_t i = 0; i < list->count; i++) {
		if (list->style.known && cells[i].type == CELL_NULL)
			continue;
		text_terminal(safe, sizeof safe, list->columns[i].name, strlen(list->columns[i].name));
		fprintf(list->style.out, "%s%-*s%s  ", colour(&list->style, COLOUR_BOLD), (int)list->name_width, safe,
		        colour(&list->style, COLOUR_OFF));
		put_value(list, i, &cells[i]);
	}
}

static void list_end(struct writer *writer)
{
	struct list *list = (struct list *)writer;
	if (!list->any)
		fprintf(list->style.out, "%s\n", list->answer->nothing);
	answer_footer(&list->style, list->answer);
}

static void list_free(struct writer *writer)
{
	free(writer);
}

struct writer *writer_list(const struct style *style)
{
	struct list *list = memory_get(1, sizeof *list);
	list->style = *style;
	list->writer = (struct writer){.begin = list_begin, .row = list_row, .end = list_end, .free = list_free};
	return &list->writer;
}
