/* SPDX-License-Identifier: Apache-2.0
 *
 * plot.c - an answer drawn with characters: a line of braille dots, filled to its foot, or bars.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#define WIDTH_DEFAULT 80 /* where there is no terminal */
#define HEIGHT 8         /* lines of characters, of four dots each */
#define NAME_MOST 32
#define VALUES_MAX 4
#define EACH_MAX 4
#define NONE SIZE_MAX

struct point {
	double x, y;
};

/* The rows of one line, or one bar. */
struct line {
	char *place;          /* what its key columns say: device 0 DRAM; "" without any */
	char *name;           /* of a bar */
	struct point *points; /* of a bar: its values, as y */
	size_t count, capacity;
	double total; /* of a bar */
	char *end;    /* what stands behind it */
};

struct plot {
	struct writer writer;
	struct style style;
	const char *declared, *each;
	const struct answer *answer;
	const struct column *columns;
	size_t column_count;
	bool bars;
	size_t x, name, total, values[VALUES_MAX], value_count, keys[EACH_MAX], key_count;
	struct line *lines;
	size_t count, capacity;
};

static size_t width_of(const struct plot *plot)
{
	return plot->style.width > 0 ? plot->style.width : WIDTH_DEFAULT;
}

/* ---- The declaration ---- */

static size_t take_column(const struct plot *plot, const char *name)
{
	size_t found = column_find(plot->columns, plot->column_count, name);

	return found < plot->column_count ? found : NONE;
}

static void take_declared(struct plot *plot)
{
	char *text = memory_text(plot->declared), *rest = text, *word = strsep(&rest, " ");
	bool of_total = false;

	plot->bars = strcmp(word, "bars") == 0;
	plot->x = plot->name = plot->total = NONE;
	for (size_t i = 0; (word = strsep(&rest, " ")); i++) {
		if (i == 0)
			*(plot->bars ? &plot->name : &plot->x) = take_column(plot, word);
		else if (strcmp(word, "of") == 0)
			of_total = true;
		else if (of_total)
			plot->total = take_column(plot, word);
		else if (plot->value_count < VALUES_MAX && take_column(plot, word) != NONE)
			plot->values[plot->value_count++] = take_column(plot, word);
	}
	free(text);
}

static void take_each(struct plot *plot)
{
	char *text = memory_text(plot->each ? plot->each : ""), *rest = text;

	for (char *word; plot->key_count < EACH_MAX && (word = strsep(&rest, ",")) && word[0] != '\0';)
		if (take_column(plot, word) != NONE)
			plot->keys[plot->key_count++] = take_column(plot, word);
	free(text);
}

/* With --by, timeline has other columns: the rows of a bucket are not one line. */
static bool can_draw(const struct plot *plot)
{
	return plot->value_count > 0 && (plot->bars ? plot->name : plot->x) != NONE;
}

static void plot_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct plot *plot = (struct plot *)writer;

	plot->answer = answer;
	plot->columns = columns;
	plot->column_count = count;
	take_declared(plot);
	take_each(plot);
}

/* ---- Rows ---- */

static double number_of(const struct query_cell *cell)
{
	return cell->type == CELL_INTEGER ? (double)cell->integer : cell->type == CELL_REAL ? cell->real : 0;
}

static void put_cell(FILE *out, const struct column *column, const struct query_cell *cell)
{
	struct shown shown;

	cell_show(&shown, column, cell);
	if (column->unit == UNIT_ID)
		fprintf(out, "%s ", column->name);
	fputs(shown.main, out);
}

/* What COUNT of a row's cells say: device 0 DRAM. */
static char *words_of(const struct plot *plot, const struct query_cell *cells, const size_t *columns, size_t count)
{
	char *words;
	size_t bytes;
	FILE *out = open_memstream(&words, &bytes);

	if (!out)
		memory_exhausted();
	for (size_t i = 0; i < count; i++) {
		fputs(i > 0 ? " " : "", out);
		put_cell(out, &plot->columns[columns[i]], &cells[columns[i]]);
	}
	fclose(out);
	return words;
}

static char *place_of(const struct plot *plot, const struct query_cell *cells)
{
	return words_of(plot, cells, plot->keys, plot->key_count);
}

static struct line *add_line(struct plot *plot, char *place)
{
	plot->lines = memory_room(plot->lines, plot->count, &plot->capacity, sizeof *plot->lines);
	plot->lines[plot->count] = (struct line){.place = place};
	return &plot->lines[plot->count++];
}

static void add_point(struct line *line, double x, double y)
{
	line->points = memory_room(line->points, line->count, &line->capacity, sizeof *line->points);
	line->points[line->count++] = (struct point){x, y};
}

static void add_bar(struct plot *plot, const struct query_cell *cells)
{
	struct line *line = add_line(plot, place_of(plot, cells));
	struct shown shown;
	size_t bytes;
	FILE *out = open_memstream(&line->end, &bytes);

	if (!out)
		memory_exhausted();
	line->name = words_of(plot, cells, &plot->name, 1);
	for (size_t i = 0; i < plot->value_count; i++) {
		size_t value = plot->values[i];
		add_point(line, 0, number_of(&cells[value]));
		cell_show(&shown, &plot->columns[value], &cells[value]);
		fprintf(out, "%s%s", i > 0 ? " + " : "", shown.main);
	}
	if (plot->total != NONE) {
		line->total = number_of(&cells[plot->total]);
		cell_show(&shown, &plot->columns[plot->total], &cells[plot->total]);
		fprintf(out, " of %s", shown.main);
	}
	fclose(out);
}

static void plot_row(struct writer *writer, const struct query_cell *cells)
{
	struct plot *plot = (struct plot *)writer;

	if (!can_draw(plot))
		return;
	if (plot->bars) {
		add_bar(plot, cells);
		return;
	}
	char *place = place_of(plot, cells);
	struct line *line = plot->count > 0 ? &plot->lines[plot->count - 1] : NULL;
	if (line && strcmp(line->place, place) == 0)
		free(place);
	else
		line = add_line(plot, place);
	add_point(line, number_of(&cells[plot->x]), number_of(&cells[plot->values[0]]));
}

/* ---- Lines ---- */

static double most_of(const struct line *line)
{
	double most = 0;

	for (size_t i = 0; i < line->count; i++)
		if (line->points[i].y > most)
			most = line->points[i].y;
	return most;
}

/* How high the line is in COUNT columns of dots, from 0 to 1: of the points in each the highest, else the last. */
static double *levels_of(const struct line *line, size_t count, double most)
{
	double *levels = memory_get(count, sizeof *levels);
	double first = line->points[0].x, length = line->points[line->count - 1].x - first;
	size_t last = 0;

	for (size_t i = 0; i < line->count; i++) {
		double share = length > 0 ? (line->points[i].x - first) / length : 0, level = line->points[i].y / most;
		size_t at = (size_t)(share * (double)(count - 1));
		for (size_t fill = last + 1; fill < at; fill++)
			levels[fill] = levels[last];
		if (at > last || level > levels[at])
			levels[at] = level;
		last = at;
	}
	for (size_t fill = last + 1; fill < count; fill++)
		levels[fill] = levels[last];
	return levels;
}

/* A character of two by four dots (U+2800 and on), filled from below up to so many dots in either column. */
static void put_dots(FILE *out, size_t left, size_t right)
{
	static const unsigned lefts[] = {0, 0x40, 0x44, 0x46, 0x47}, rights[] = {0, 0x80, 0xa0, 0xb0, 0xb8};
	unsigned dots = lefts[left] | rights[right];

	fprintf(out, "\xe2%c%c", (int)(0xa0 | dots >> 6), (int)(0x80 | (dots & 0x3f)));
}

static size_t dots_in(double level, size_t row)
{
	double dots = level * HEIGHT * 4 - (double)(row * 4);

	if (level > 0 && row == 0 && dots < 1)
		return 1; /* little is not nothing */
	return dots <= 0 ? 0 : dots >= 4 ? 4 : (size_t)(dots + 0.5);
}

static void show_number(const struct plot *plot, size_t column, double number, char *text)
{
	struct shown shown;
	bool whole = plot->columns[column].unit != UNIT_RATIO;
	const struct query_cell cell = {
	    .type = whole ? CELL_INTEGER : CELL_REAL, .integer = (int64_t)number, .real = number};

	cell_show(&shown, &plot->columns[column], &cell);
	snprintf(text, UNITS_TEXT_MAX, "%.30s", shown.main); /* a figure */
}

static void draw_line(const struct plot *plot, const struct line *line)
{
	char top[UNITS_TEXT_MAX], from[UNITS_TEXT_MAX], to[UNITS_TEXT_MAX];
	const struct column *value = &plot->columns[plot->values[0]];
	double most = most_of(line);
	FILE *out = plot->style.out;

	fprintf(out, "%s%s: %s%s", colour(&plot->style, COLOUR_BOLD), line->place, value->name,
	        colour(&plot->style, COLOUR_OFF));
	if (most <= 0) {
		fputs(" is 0 throughout\n", out);
		return;
	}
	fputc('\n', out);
	if (value->unit == UNIT_RATIO)
		most = 1;
	show_number(plot, plot->values[0], most, top);
	show_number(plot, plot->x, line->points[0].x, from);
	show_number(plot, plot->x, line->points[line->count - 1].x, to);
	size_t gutter = strlen(top) + 1, room = width_of(plot), count = room > gutter + 12 ? room - gutter - 1 : 12;
	double *levels = levels_of(line, count * 2, most);
	for (size_t row = HEIGHT; row-- > 0;) {
		fprintf(out, "%*s ", (int)gutter - 1, row == HEIGHT - 1 ? top : row == 0 ? "0" : "");
		for (size_t i = 0; i < count; i++)
			put_dots(out, dots_in(levels[2 * i], row), dots_in(levels[2 * i + 1], row));
		fputc('\n', out);
	}
	fprintf(out, "%*s%s%*s\n", (int)gutter, "", from, (int)(count > strlen(from) ? count - strlen(from) : 1), to);
	free(levels);
}

/* ---- Bars ---- */

static double sum_of(const struct line *line)
{
	double sum = 0;

	for (size_t i = 0; i < line->count; i++)
		sum += line->points[i].y > 0 ? line->points[i].y : 0;
	return sum;
}

/* Eighths of a character make it exact; parts behind the first are told by their shade. */
static void draw_bar(FILE *out, const struct line *line, size_t room, double most)
{
	static const char *const eighths[] = {"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
	static const char *const shades[VALUES_MAX] = {"\u2588", "\u2593", "\u2592", "\u2591"};
	size_t put = 0;
	double sum = 0;

	for (size_t i = 0; i < line->count; i++) {
		sum += line->points[i].y > 0 ? line->points[i].y : 0;
		double cells = most > 0 ? sum / most * (double)room : 0;
		for (; put < (size_t)cells && put < room; put++)
			fputs(shades[i], out);
		size_t eighth = (size_t)((cells - (double)(size_t)cells) * 8);
		if (i + 1 == line->count && line->count == 1 && put < room && eighth > 0) {
			fputs(eighths[eighth], out);
			put++;
		}
	}
	for (; line->total > 0 && put < room; put++)
		fputs("\u00b7", out);
}

static void draw_bars(const struct plot *plot, uint64_t rows)
{
	size_t name_width = 0, end_width = 0, room = width_of(plot);
	double most = 0;

	for (size_t i = 0; i < plot->count && i < rows; i++) {
		struct line *line = &plot->lines[i];
		double long_as = line->total > 0 ? line->total : sum_of(line);
		if (text_width(line->name) > NAME_MOST)
			text_shorten(line->name, NAME_MOST);
		if (text_width(line->name) > name_width)
			name_width = text_width(line->name);
		if (strlen(line->end) > end_width)
			end_width = strlen(line->end);
		if (long_as > most)
			most = long_as;
	}
	size_t used = name_width + end_width + 3;
	room = room > used + 8 ? room - used : 8;
	for (size_t i = 0; i < plot->count && i < rows; i++) {
		const struct line *line = &plot->lines[i];
		if (plot->key_count > 0 && (i == 0 || strcmp(line->place, line[-1].place) != 0))
			fprintf(plot->style.out, "%s%s%s\n", colour(&plot->style, COLOUR_BOLD), line->place,
			        colour(&plot->style, COLOUR_OFF));
		fprintf(plot->style.out, "%s%*s %*s ", line->name, (int)(name_width - text_width(line->name)), "",
		        (int)end_width, line->end);
		draw_bar(plot->style.out, line, room, most);
		fputc('\n', plot->style.out);
	}
}

static void plot_end(struct writer *writer)
{
	struct plot *plot = (struct plot *)writer;
	uint64_t rows = plot->style.rows > 0 ? plot->style.rows : UINT64_MAX;

	if (!can_draw(plot))
		fputs("this answer has no picture: leave out --by\n", plot->style.out);
	else if (plot->count == 0)
		fprintf(plot->style.out, "%s\n", plot->answer->nothing);
	else if (plot->bars)
		draw_bars(plot, rows);
	for (size_t i = 0; !plot->bars && i < plot->count; i++)
		draw_line(plot, &plot->lines[i]);
	if (plot->bars && plot->count > rows)
		fprintf(plot->style.out, "and %zu more (-n 0 shows all)\n", plot->count - (size_t)rows);
	answer_footer(&plot->style, plot->answer);
}

static void plot_free(struct writer *writer)
{
	struct plot *plot = (struct plot *)writer;

	for (size_t i = 0; i < plot->count; i++) {
		free(plot->lines[i].place);
		free(plot->lines[i].name);
		free(plot->lines[i].points);
		free(plot->lines[i].end);
	}
	free(plot->lines);
	free(plot);
}

struct writer *writer_plot(const struct style *style, const char *plot, const char *each)
{
	struct plot *self = memory_get(1, sizeof *self);

	self->style = *style;
	self->declared = plot;
	self->each = each;
	self->writer = (struct writer){.begin = plot_begin, .row = plot_row, .end = plot_end, .free = plot_free};
	return &self->writer;
}
