/* SPDX-License-Identifier: Apache-2.0
 *
 * layout.c - see layout.h.
 */
#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"

#define GAP 2
#define LEAST_TEXT 10    /* columns that a shortened text keeps */
#define LIFTED_WIDTH 40  /* of a text above the table */
#define COMPARED_ROWS 32 /* whose texts are to stay different; each is compared with each */
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
	layout->exact_widths = memory_get(count, sizeof *layout->exact_widths);
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
	free(layout->exact_widths);
}

void layout_row(struct layout *layout, const struct query_cell *cells, struct field *fields)
{
	struct shown shown;
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		cell_show(&shown, &shape->column, &cells[i]);
		fields[i] = (struct field){.main = memory_text(shown.main), .exact = memory_text(shown.exact)};
		layout->main_widths[i] = larger(layout->main_widths[i], text_width(shown.main));
		layout->exact_widths[i] = larger(layout->exact_widths[i], strlen(shown.exact));
		shape->left |= cells[i].type == CELL_TEXT || cells[i].type == CELL_BLOB;
	}
}

static void set_width(struct layout *layout, size_t index)
{
	struct shape *shape = &layout->shapes[index];
	shape->width = larger(shape->head_width, layout->main_widths[index] + shape->exact);
}

static void natural_widths(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		shape->head_width = text_width(shape->name);
		shape->exact = layout->exact_widths[i] == 0 ? 0 : layout->exact_widths[i] + GAP;
		set_width(layout, i);
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

static void drop_exact(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++) {
		layout->shapes[i].exact = 0;
		set_width(layout, i);
	}
}

/* Breaks a name that is wider than its cells behind the underscore that leaves it narrowest. */
static void break_name(struct layout *layout, size_t index)
{
	struct shape *shape = &layout->shapes[index];
	size_t whole = text_width(shape->name), best = whole;
	if (whole <= layout->main_widths[index])
		return;
	for (const char *at = shape->name; (at = strchr(at, '_')) && at[1] != '\0';) {
		size_t tail = text_width(++at);
		if (larger(whole - tail, tail) >= best)
			continue;
		best = larger(whole - tail, tail);
		shape->break_at = (size_t)(at - shape->name);
	}
	shape->head_width = best;
	set_width(layout, index);
}

static void break_names(struct layout *layout)
{
	for (size_t i = 0; i < layout->count; i++)
		break_name(layout, i);
}

/* Gives names their one line back where there is room. */
static void join_names(struct layout *layout, size_t width)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		size_t whole = text_width(shape->name), more = whole > shape->width ? whole - shape->width : 0;
		if (shape->hidden != SHOWN || shape->break_at == 0 || total_width(layout) + more > width)
			continue;
		shape->break_at = 0;
		shape->head_width = whole;
		shape->width += more;
	}
}

static bool equal_shortened(const char *a, const char *b, size_t width, size_t head)
{
	char left[CELL_TEXT_MAX], right[CELL_TEXT_MAX];
	strcpy(left, a); /* no cell is larger */
	strcpy(right, b);
	text_shorten_behind(left, width, head);
	text_shorten_behind(right, width, head);
	return strcmp(left, right) == 0;
}

/* The rows kept, of which a column's texts are compared with each other. */
struct compared {
	const struct layout *layout;
	const struct field *fields;
	size_t rows, column;
};

static const char *text_of(const struct compared *compared, size_t row)
{
	return compared->fields[row * compared->layout->count + compared->column].main;
}

/* Whether two different texts would look the same in WIDTH columns, HEAD of them of their beginnings. */
static bool confuses(const struct compared *compared, size_t width, size_t head)
{
	for (size_t i = 1; i < compared->rows; i++)
		for (size_t j = 0; j < i; j++) {
			const char *a = text_of(compared, i), *b = text_of(compared, j);
			if (strcmp(a, b) != 0 && equal_shortened(a, b, width, head))
				return true;
		}
	return false;
}

/* How much of their beginnings texts keep in WIDTH columns so that different ones stay different; NONE: nothing helps.
 */
static size_t telling_head(const struct compared *compared, size_t width)
{
	const size_t heads[] = {(width - 1) / 3, 0, (width - 1) * 2 / 3, width - 1};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		if (!confuses(compared, width, heads[i]))
			return heads[i];
	return NONE;
}

static void find_least(struct layout *layout, struct compared *compared)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		shape->least = LEAST_TEXT;
		compared->column = i;
		while (shape->left && shape->least < layout->main_widths[i] &&
		       telling_head(compared, shape->least) == NONE)
			shape->least++;
	}
}

static void choose_heads(struct layout *layout, struct compared *compared)
{
	for (size_t i = 0; i < layout->count; i++) {
		struct shape *shape = &layout->shapes[i];
		if (shape->hidden != SHOWN || !shape->left)
			continue;
		compared->column = i;
		size_t head = telling_head(compared, shape->width);
		shape->keep_head = head == NONE ? (shape->width - 1) / 3 : head;
	}
}

/* The widest text column that may still lose a column, or NONE. */
static size_t widest_text(const struct layout *layout, bool distinct)
{
	size_t widest = NONE;
	for (size_t i = 0; i < layout->count; i++) {
		const struct shape *shape = &layout->shapes[i];
		size_t least = larger(distinct ? shape->least : LEAST_TEXT, shape->head_width);
		if (shape->hidden != SHOWN || !shape->left || shape->width <= least)
			continue;
		if (widest == NONE || shape->width > layout->shapes[widest].width)
			widest = i;
	}
	return widest;
}

static bool shrink_texts(struct layout *layout, size_t width, bool distinct)
{
	while (total_width(layout) > width) {
		size_t widest = widest_text(layout, distinct);
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

/* Figures stay: a line above the table is no place for the answer. */
static bool may_lift(const struct layout *layout, size_t column)
{
	enum unit unit = layout->shapes[column].column.unit;
	return layout->shapes[column].left || (unit != UNIT_BYTES && unit != UNIT_RATIO && unit != UNIT_COUNT);
}

static bool lift_same(struct layout *layout, const struct field *fields, size_t rows, size_t width)
{
	for (size_t i = 0; i < layout->count && total_width(layout) > width; i++)
		if (may_lift(layout, i) && same_in_every_row(layout, i, fields, rows))
			layout->shapes[i].hidden = HIDDEN_SAME;
	return total_width(layout) <= width;
}

static size_t shown_count(const struct layout *layout)
{
	size_t count = 0;
	for (size_t i = 0; i < layout->count; i++)
		count += layout->shapes[i].hidden == SHOWN;
	return count;
}

/* Of the only row, who, where and when go above the table rather than away. */
static enum hidden how_hidden(const struct layout *layout, size_t column)
{
	enum rank rank = layout_rank(layout, column);
	bool names = rank == RANK_KEY || rank == RANK_CONTEXT || rank == RANK_MOMENT;

	return layout->one_row && names && layout->main_widths[column] <= LIFTED_WIDTH ? HIDDEN_SAME : HIDDEN_NO_ROOM;
}

/* Leaves out columns of the ranks FROM to TO, from the right within each; one always stays. */
static bool leave_out(struct layout *layout, size_t width, enum rank from, enum rank to)
{
	for (enum rank rank = from; rank <= to; rank++)
		for (size_t i = layout->count; i-- > 0 && total_width(layout) > width;)
			if (layout->shapes[i].hidden == SHOWN && layout_rank(layout, i) == rank &&
			    shown_count(layout) > 1)
				layout->shapes[i].hidden = how_hidden(layout, i);
	return total_width(layout) <= width;
}

/* Gives the texts back what left-out columns made free. */
static void regrow(struct layout *layout, size_t width)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->shapes[i].left)
			set_width(layout, i);
	if (!shrink_texts(layout, width, true))
		shrink_texts(layout, width, false);
}

static void squeeze(struct layout *layout, const struct field *fields, size_t rows, size_t width, bool all)
{
	struct compared compared = {layout, fields, rows < COMPARED_ROWS ? rows : COMPARED_ROWS, 0};
	drop_exact(layout);
	if (total_width(layout) <= width)
		return;
	break_names(layout);
	find_least(layout, &compared);
	bool fits = total_width(layout) <= width || (all && lift_same(layout, fields, rows, width)) ||
	            shrink_texts(layout, width, true) || leave_out(layout, width, RANK_CONTEXT, RANK_DERIVED) ||
	            shrink_texts(layout, width, false) || leave_out(layout, width, RANK_REMARK, RANK_FIGURE);
	if (fits)
		regrow(layout, width);
	else
		shrink_texts(layout, width, false);
	join_names(layout, width);
	choose_heads(layout, &compared);
}

void layout_fit(struct layout *layout, const struct field *fields, size_t rows, size_t width, bool all)
{
	natural_widths(layout);
	layout->one_row = all && rows == 1;
	if (width != 0 && total_width(layout) > width)
		squeeze(layout, fields, rows, width, all);
	for (size_t i = 0; i < layout->count; i++)
		if (layout->shapes[i].hidden == SHOWN)
			layout->last = i;
}
