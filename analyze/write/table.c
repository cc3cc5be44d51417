/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - aligned columns for people. The first rows are kept until their widths are known (layout.c); what
 * comes behind them is printed at once, so that memory is bounded, and what comes behind the limit is only counted.
 */
#include "layout.h"
#include "sql/base/memory.h"
#include "series.h"
#include "sql/base/text.h"
#include "writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUT_ROWS 256 /* that decide the widths */

struct table {
	struct writer writer;
	struct style style;
	const struct answer *answer;
	struct layout layout;
	struct field *fields; /* LAYOUT_ROWS * layout.count */
	size_t kept;
	uint64_t seen, shown;
	uint64_t of_series; /* of seen; of all rows, where the limit is one for all */
	struct series series;
	bool laid_out;
	char **footnotes;
	size_t footnote_count;
};

static void pad(FILE *out, size_t width)
{
	fprintf(out, "%*s", (int)width, "");
}

static void print_text(const struct table *table, const char *text, size_t width, bool left, bool last)
{
	size_t have = text_width(text), room = width > have ? width - have : 0;
	if (!left)
		pad(table->style.out, room);
	fputs(text, table->style.out);
	if (left && !last)
		pad(table->style.out, room);
}

/* One of the two lines of names, up to column LAST. Names that take one line stand in the second. */
static void print_names(const struct table *table, bool second, size_t last)
{
	char head[CELL_TEXT_MAX];
	const char *gap = "";
	for (size_t i = 0; i <= last; i++) {
		const struct shape *shape = &table->layout.shapes[i];
		if (shape->hidden)
			continue;
		snprintf(head, sizeof head, "%.*s", (int)shape->break_at, shape->name);
		fputs(gap, table->style.out);
		print_text(table, second ? shape->name + shape->break_at : head, shape->width, shape->left, i == last);
		gap = "  ";
	}
}

static void print_header(const struct table *table)
{
	const struct layout *layout = &table->layout;
	size_t broken = layout->count; /* the last name that takes two lines */
	if (table->style.no_header)
		return;
	for (size_t i = 0; i < layout->count; i++)
		if (!layout->shapes[i].hidden && layout->shapes[i].break_at > 0)
			broken = i;
	fputs(colour(&table->style, COLOUR_BOLD), table->style.out);
	if (broken < layout->count) {
		print_names(table, false, broken);
		fputc('\n', table->style.out);
	}
	print_names(table, true, layout->last);
	fprintf(table->style.out, "%s\n", colour(&table->style, COLOUR_OFF));
}

static void print_field(const struct table *table, size_t column, const struct field *field)
{
	const struct shape *shape = &table->layout.shapes[column];
	if (shape->left) /* half a number is another number */
		text_shorten_behind(field->main, shape->width, shape->keep_head);
	print_text(table, field->main, shape->width - shape->exact, shape->left, column == table->layout.last);
	if (shape->exact > 0)
		fprintf(table->style.out, "%s%*s%s", colour(&table->style, COLOUR_DIM), (int)shape->exact, field->exact,
		        colour(&table->style, COLOUR_OFF));
}

static void print_row(const struct table *table, const struct field *fields)
{
	const char *gap = "";
	for (size_t i = 0; i < table->layout.count; i++) {
		if (table->layout.shapes[i].hidden)
			continue;
		fputs(gap, table->style.out);
		print_field(table, i, &fields[i]);
		gap = "  ";
	}
	fputc('\n', table->style.out);
}

static void free_fields(struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(fields[i].main);
		free(fields[i].exact);
	}
}

/* "every row below: device 0, region DRAM", where these columns gave way to others. */
static void print_lifted(const struct table *table)
{
	char line[CELL_TEXT_MAX * 4] = "every row below:";
	size_t used = strlen(line), none = used;
	for (size_t i = 0; i < table->layout.count && used < sizeof line; i++) {
		if (table->layout.shapes[i].hidden == HIDDEN_SAME)
			used += (size_t)snprintf(line + used, sizeof line - used, "%s %s %s", used > none ? "," : "",
			                         table->layout.shapes[i].name, table->fields[i].main);
	}
	if (used > none)
		print_line(&table->style, line);
}

static void print_kept(struct table *table, bool all)
{
	layout_fit(&table->layout, table->fields, table->kept, table->style.width, all);
	table->laid_out = true;
	print_lifted(table);
	print_header(table);
	for (size_t i = 0; i < table->kept; i++)
		print_row(table, table->fields + i * table->layout.count);
	free_fields(table->fields, table->kept * table->layout.count);
	table->kept = 0;
}

static void table_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct table *table = (struct table *)writer;
	table->answer = answer;
	layout_init(&table->layout, columns, count);
	series_begin(&table->series, table->style.each, columns, count);
	table->fields = memory_get(LAYOUT_ROWS * count, sizeof *table->fields);
}

static void table_row(struct writer *writer, const struct query_cell *cells)
{
	struct table *table = (struct table *)writer;
	table->seen++;
	if (table->style.each && series_enter(&table->series, cells))
		table->of_series = 0;
	if (++table->of_series > table->style.rows && table->style.rows != 0)
		return;
	table->shown++;
	struct field *fields = table->fields + table->kept * table->layout.count;
	layout_row(&table->layout, cells, fields);
	if (table->laid_out) {
		print_row(table, fields);
		free_fields(fields, table->layout.count);
	} else if (++table->kept == LAYOUT_ROWS) {
		print_kept(table, false);
	}
}

static void print_left_out(const struct table *table)
{
	char line[CELL_TEXT_MAX * 4] = "not shown for lack of room:";
	size_t used = strlen(line), none = used;
	for (size_t i = 0; i < table->layout.count && used < sizeof line; i++)
		if (table->layout.shapes[i].hidden == HIDDEN_NO_ROOM)
			used += (size_t)snprintf(line + used, sizeof line - used, "%s %s", used > none ? "," : "",
			                         table->layout.shapes[i].name);
	if (used == none)
		return;
	if (used < sizeof line)
		snprintf(line + used, sizeof line - used, " (a wider terminal, or --json, has them)");
	print_line(&table->style, line);
}

static void table_end(struct writer *writer)
{
	struct table *table = (struct table *)writer;
	FILE *out = table->style.out;
	if (table->seen == 0)
		fprintf(out, "%s\n", table->answer->nothing);
	else if (!table->laid_out)
		print_kept(table, true);
	if (table->seen > table->shown)
		fprintf(out, "and %" PRIu64 " more (-n 0 shows all)\n", table->seen - table->shown);
	print_left_out(table);
	for (size_t i = 0; i < table->footnote_count; i++)
		print_line(&table->style, table->footnotes[i]);
	answer_footer(&table->style, table->answer);
}

static void table_free(struct writer *writer)
{
	struct table *table = (struct table *)writer;
	for (size_t i = 0; i < table->footnote_count; i++)
		free(table->footnotes[i]);
	free_fields(table->fields, table->kept * table->layout.count);
	free(table->footnotes);
	free(table->fields);
	layout_free(&table->layout);
	free(table);
}

void writer_table_footnote(struct writer *writer, const char *line)
{
	struct table *table = (struct table *)writer;
	table->footnotes = memory_append(table->footnotes, table->footnote_count, sizeof *table->footnotes);
	table->footnotes[table->footnote_count++] = memory_text(line);
}

struct writer *writer_table(const struct style *style)
{
	struct table *table = memory_get(1, sizeof *table);
	table->style = *style;
	table->writer = (struct writer){.begin = table_begin, .row = table_row, .end = table_end, .free = table_free};
	return &table->writer;
}
