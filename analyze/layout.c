/* SPDX-License-Identifier: Apache-2.0
 *
 * layout.c - see layout.h.
 */
#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "text.h"

#define GAP 2
#define LEAST_TEXT 10 /* columns that a shortened text keeps */
#define NONE SIZE_MAX

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

void layout_init(struct layout *layout, const struct column *columns, size_t count)
{
	char safe[CELL_TEXT_MAX];
	layout->shapes = memory_get(count, sizeof *layout->shapes);
	layout->main_widths = memory_get(count, sizeof *layout->main_widths);
	layout->count = count;
	layout->last = count - 1;
	for (size_t i = 0; i < count; i++) {
		text_terminal(safe, sizeof safe, columns[i].name, strlen(columns[i].name));
		layout->shapes[i] = (struct shape){.name = memory_text(safe), .column = columns[i]};
	}
}

void layout_free(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++)
		free(layout->shapes[i].name);
	free(layout->shapes);
	free(layout->main_widths);
}

void layout_row(struct layout *layout, const struct query_cell *cells, struct field *fields)
{
	struct shown shown;
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		cell_show(&shown, &shape->column, &cells[i]);
		fields[i] = (struct field){.main = memory_text(shown.main), .exact = memory_text(shown.exact)};
		layout->main_widths[i] = larger(layout->main_widths[i], text_width(shown.main));
		shape->exact_width = larger(shape->exact_width, strlen(shown.exact));
		shape->left |= cells[i].type == CELL_TEXT || cells[i].type == CELL_BLOB;
	}
}

static void natural_widths(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		size_t exact = shape->exact_width == 0 ? 0 : shape->exact_width + GAP;
		shape->width = larger(text_width(shape->name), layout->main_widths[i] + exact);
	}
}

static size_t total_width(const struct layout *layout)
{
	size_t total = 0;
	for (size_t i = 0; i < layout->count; i++)
		if (layout->shapes[i].hidden == SHOWN)
			total += layout->shapes[i].width + (total == 0 ? 0 : GAP);
	return total;
}

/* The widest text column that may still lose a column, or NONE. */
static size_t widest_text(const struct layout *layout)
{
	size_t widest = NONE;
	for (size_t i = 0; i < layout->count; i++) {
		const struct shape *shape = &layout->shapes[i];
		size_t least = larger(LEAST_TEXT, text_width(shape->name));
		if (shape->hidden != SHOWN || !shape->left || shape->width <= least)
			continue;
		if (widest == NONE || shape->width > layout->shapes[widest].width)
			widest = i;
	}
	return widest;
}

static bool shrink_texts(struct layout *layout, size_t width)
{
	while (total_width(layout) > width) {
		size_t widest = widest_text(layout);
		if (widest == NONE)
			return false;
		layout->shapes[widest].width--;
	}
	return true;
}

static bool same_in_every_row(const struct layout *layout, size_t column, const struct field *fields, size_t rows)
{
	for (size_t row = 1; row < rows; row++)
		if (strcmp(fields[row * layout->count + column].main, fields[column].main) != 0)
			return false;
	return rows > 1;
}

static bool lift_same(struct layout *layout, const struct field *fields, size_t rows, size_t width)
{
	for (size_t i = 0; i < layout->count && total_width(layout) > width; i++)
		if (same_in_every_row(layout, i, fields, rows))
			layout->shapes[i].hidden = HIDDEN_SAME;
	return total_width(layout) <= width;
}

static size_t first_of_bytes(const struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->shapes[i].column.unit == UNIT_BYTES)
			return i;
	return NONE;
}

static void leave_out(struct layout *layout, size_t width, bool texts)
{
	size_t keep = first_of_bytes(layout);
	for (size_t i = layout->count; i-- > 0 && total_width(layout) > width;) {
		struct shape *shape = &layout->shapes[i];
		if (shape->hidden == SHOWN && shape->left == texts && i != keep)
			shape->hidden = HIDDEN_NO_ROOM;
	}
}

/* Gives the texts back what left-out columns made free. */
static void regrow(struct layout *layout, size_t width)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->shapes[i].left)
			layout->shapes[i].width = larger(text_width(layout->shapes[i].name), layout->main_widths[i]);
	shrink_texts(layout, width);
}

void layout_fit(struct layout *layout, const struct field *fields, size_t rows, size_t width, bool all)
{
	natural_widths(layout);
	if (width != 0 && !shrink_texts(layout, width)) {
		if (!all || !lift_same(layout, fields, rows, width)) {
			leave_out(layout, width, false);
			leave_out(layout, width, true);
		}
		regrow(layout, width);
	}
	for (size_t i = 0; i < layout->count; i++)
		if (layout->shapes[i].hidden == SHOWN)
			layout->last = i;
}
