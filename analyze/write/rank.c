/* SPDX-License-Identifier: Apache-2.0
 *
 * rank.c - which columns of a table matter most, where not all have room: figures and labels do; who, where and when
 * say more about them. Units and places decide, and a few names that the built-in answers share.
 */
#include <string.h>

#include "layout.h"

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static bool is_figure(const struct shape *shape)
{
	return !shape->left && (shape->column.unit == UNIT_BYTES || shape->column.unit == UNIT_RATIO);
}

/* A time before all figures tells rows from each other, unless a text behind it does. */
static bool is_key_time(const struct layout *layout, size_t index)
{
	for (size_t i = 0; i < layout->count; i++)
		if (i < index ? is_figure(&layout->shapes[i]) : layout->shapes[i].left)
			return false;
	return true;
}

static enum rank rank_of_text(const char *name)
{
	static const char *const who[] = {"thread", "class", NULL};
	static const char *const remarks[] = {"why", "ended", "command", NULL};
	if (is_one_of(name, who))
		return RANK_CONTEXT;
	return is_one_of(name, remarks) ? RANK_REMARK : RANK_FIGURE;
}

static enum rank rank_of_number(const struct layout *layout, size_t index)
{
	/* What follows from other figures, or mostly agrees with them. */
	static const char *const derived[] = {"used_bytes", "bank_bytes", "peak_bank_bytes", "runtime_bytes", NULL};
	const struct column *column = &layout->shapes[index].column;
	switch (column->unit) {
	case UNIT_ADDRESS:
		return RANK_CONTEXT;
	case UNIT_ID:
		return strcmp(column->name, "device") == 0 ? RANK_KEY : RANK_CONTEXT;
	case UNIT_NS:
		return is_key_time(layout, index) ? RANK_KEY : RANK_MOMENT;
	case UNIT_COUNT:
		return RANK_COUNT;
	default:
		return is_one_of(column->name, derived) ? RANK_DERIVED : RANK_FIGURE;
	}
}

static enum rank rank_of(const struct layout *layout, size_t index)
{
	const struct shape *shape = &layout->shapes[index];
	return shape->left ? rank_of_text(shape->column.name) : rank_of_number(layout, index);
}

enum rank layout_rank(const struct layout *layout, size_t index)
{
	enum rank rank = rank_of(layout, index);
	if (rank != RANK_FIGURE || !is_figure(&layout->shapes[index]))
		return rank;
	for (size_t i = 0; i < index; i++) /* the first figure is what an answer is about */
		if (is_figure(&layout->shapes[i]) && rank_of(layout, i) == RANK_FIGURE)
			return RANK_FIGURE;
	return RANK_KEPT;
}
