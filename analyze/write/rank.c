/* SPDX-License-Identifier: Apache-2.0
 *
 * rank.c - which columns of a table matter most, where not all have room: figures and labels do; who, where and when
 * say more about them. What the query declares decides, else units and places.
 */
#include "layout.h"

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

static enum rank rank_of_number(const struct layout *layout, size_t index)
{
	switch (layout->shapes[index].column.unit) {
	case UNIT_ADDRESS:
	case UNIT_ID:
		return RANK_CONTEXT;
	case UNIT_NS:
		return is_key_time(layout, index) ? RANK_KEY : RANK_MOMENT;
	case UNIT_COUNT:
		return RANK_COUNT;
	default:
		return RANK_FIGURE;
	}
}

static enum rank rank_of(const struct layout *layout, size_t index)
{
	const struct shape *shape = &layout->shapes[index];
	switch (shape->column.rank) {
	case QUERY_RANK_KEY:
		return RANK_KEY;
	case QUERY_RANK_CONTEXT:
		return RANK_CONTEXT;
	case QUERY_RANK_DERIVED:
		return RANK_DERIVED;
	case QUERY_RANK_REMARK:
		return RANK_REMARK;
	default:
		return shape->left ? RANK_FIGURE : rank_of_number(layout, index);
	}
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
