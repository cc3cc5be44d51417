/* SPDX-License-Identifier: Apache-2.0
 *
 * group.c - writing a body; group_decode.c reads it. sql/FILE.md describes it byte by byte.
 */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "leaf.h"
#include "numbers.h"
#include "sql/base/array.h"

struct encoding {
	const struct group_shape *shape;
	const uint8_t *pages;
	struct group_body *body;
	uint8_t *kinds;   /* of each page: 0 as it is, else the number of columns of its rows */
	int64_t *numbers; /* of one column */
	uint8_t *scratch; /* a page */
	bool no_memory;
};

void group_body_free(struct group_body *body)
{
	free(body->bytes);
	free(body->cuts);
	*body = (struct group_body){0};
}

static uint8_t *add_room(struct encoding *to, size_t count)
{
	struct group_body *body = to->body;
	size_t wanted = body->count + count;

	if (wanted > body->capacity) {
		size_t capacity = wanted < 2 * body->capacity ? 2 * body->capacity : wanted;
		uint8_t *grown = realloc(body->bytes, capacity);

		if (!grown) {
			to->no_memory = true;
			return NULL;
		}
		body->bytes = grown;
		body->capacity = capacity;
	}
	body->count = wanted;
	return body->bytes + wanted - count;
}

static void add(struct encoding *to, const void *bytes, size_t count)
{
	uint8_t *room = count ? add_room(to, count) : NULL;

	if (room)
		memcpy(room, bytes, count);
}

/* What comes next is of another kind. */
static void cut(struct encoding *to)
{
	struct group_body *body = to->body;

	if (array_reserve(&body->cuts, &body->cut_capacity, body->cut_count) < 0)
		to->no_memory = true;
	else
		body->cuts[body->cut_count++] = body->count;
}

static void add_numbers(struct encoding *to, size_t count)
{
	struct numbers_plan plan = numbers_plan(to->numbers, count);
	uint8_t head[2] = {(uint8_t)plan.way, (uint8_t)plan.planes};

	add(to, head, sizeof(head));
	cut(to);
	numbers_apply(&plan, to->numbers, count);
	for (unsigned plane = 0; plane < plan.planes; plane++) {
		uint8_t *room = add_room(to, count);

		if (!room)
			return;
		numbers_get_plane(to->numbers, count, plane, room);
		cut(to);
	}
}

/* ---- which pages ---- */

/* Whether the rows of PAGE fit when they are put together anew. */
static bool survives(struct encoding *to, const uint8_t *page, const struct leaf_shape *leaf)
{
	struct value values[PACKED_COLUMNS_MOST];
	struct leaf_writer writer;
	int64_t id;

	leaf_begin(&writer, to->scratch, to->shape->page_bytes, leaf->rows);
	for (uint32_t i = 0; i < leaf->rows; i++) {
		leaf_row(page, to->shape->page_bytes, i, &id, values);
		if (!leaf_add(&writer, id, values, leaf->columns))
			return false;
	}
	return true;
}

static void look_at_pages(struct encoding *to)
{
	for (uint32_t i = 0; i < to->shape->pages; i++) {
		const uint8_t *page = to->pages + (size_t)i * to->shape->page_bytes;
		struct leaf_shape leaf;

		if (leaf_look(page, to->shape->page_bytes, &leaf) && survives(to, page, &leaf))
			to->kinds[i] = (uint8_t)leaf.columns;
	}
}

/* ---- the pages whose rows have as many columns ---- */

/* A pass over their rows: what it takes of each. */
struct pass {
	uint32_t columns, column;
	size_t count; /* of what it has taken */
	enum value_kind kind;
	void (*take)(struct encoding *to, struct pass *pass, int64_t id, const struct value *value);
};

static void run(struct encoding *to, struct pass *pass)
{
	struct value values[PACKED_COLUMNS_MOST];
	struct leaf_shape leaf;
	int64_t id;

	for (uint32_t i = 0; i < to->shape->pages; i++) {
		const uint8_t *page = to->pages + (size_t)i * to->shape->page_bytes;

		if (to->kinds[i] != pass->columns)
			continue;
		leaf_look(page, to->shape->page_bytes, &leaf);
		for (uint32_t row = 0; row < leaf.rows; row++) {
			leaf_row(page, to->shape->page_bytes, row, &id, values);
			pass->take(to, pass, id, &values[pass->column]);
		}
	}
}

static void take_id(struct encoding *to, struct pass *pass, int64_t id, const struct value *value)
{
	(void)value;
	to->numbers[pass->count++] = id;
}

static void take_kind(struct encoding *to, struct pass *pass, int64_t id, const struct value *value)
{
	(void)pass;
	(void)id;
	add(to, &(uint8_t){(uint8_t)value->kind}, 1);
}

/* Integers and reals of the kind that is asked for, or how long texts and blobs are. */
static void take_number(struct encoding *to, struct pass *pass, int64_t id, const struct value *value)
{
	(void)id;
	if (value->kind == pass->kind)
		to->numbers[pass->count++] = value->kind >= VALUE_TEXT ? value->byte_count : value->integer;
}

static void take_bytes(struct encoding *to, struct pass *pass, int64_t id, const struct value *value)
{
	(void)id;
	if (value->kind == pass->kind)
		add(to, value->bytes, value->byte_count);
}

static void add_column(struct encoding *to, uint32_t columns, uint32_t column)
{
	run(to, &(struct pass){.columns = columns, .column = column, .take = take_kind});
	cut(to);
	for (enum value_kind kind = VALUE_INTEGER; kind < VALUE_KINDS; kind++) {
		struct pass pass = {.columns = columns, .column = column, .kind = kind, .take = take_number};

		run(to, &pass);
		if (pass.count)
			add_numbers(to, pass.count);
		if (pass.count && kind >= VALUE_TEXT) {
			pass.take = take_bytes;
			run(to, &pass);
			cut(to);
		}
	}
}

static void add_rows(struct encoding *to, uint32_t columns)
{
	struct pass ids = {.columns = columns, .take = take_id};
	struct leaf_shape leaf;
	bool any = false;

	for (uint32_t i = 0; i < to->shape->pages; i++) {
		if (to->kinds[i] != columns)
			continue;
		leaf_look(to->pages + (size_t)i * to->shape->page_bytes, to->shape->page_bytes, &leaf);
		add(to, (uint8_t[]){(uint8_t)leaf.rows, (uint8_t)(leaf.rows >> 8)}, 2);
		any = true;
	}
	if (!any)
		return;
	run(to, &ids);
	add_numbers(to, ids.count);
	for (uint32_t column = 0; column < columns; column++)
		add_column(to, columns, column);
}

static void add_all(struct encoding *to)
{
	add(to, to->kinds, to->shape->pages);
	for (uint32_t i = 0; i < to->shape->pages; i++)
		if (!to->kinds[i])
			add(to, to->pages + (size_t)i * to->shape->page_bytes, to->shape->page_bytes);
	cut(to);
	for (uint32_t columns = 1; columns <= PACKED_COLUMNS_MOST; columns++)
		add_rows(to, columns);
}

int group_encode(const struct group_shape *shape, const uint8_t *pages, struct group_body *body)
{
	size_t bytes = (size_t)shape->pages * shape->page_bytes;
	struct encoding to = {.shape = shape, .pages = pages, .body = body};

	body->count = body->cut_count = 0;
	to.kinds = calloc(shape->pages, 1);
	to.numbers = malloc(bytes / 4 * sizeof(*to.numbers)); /* a row takes more than four bytes */
	to.scratch = malloc(shape->page_bytes);
	to.no_memory = !to.kinds || !to.numbers || !to.scratch;
	if (!to.no_memory) {
		look_at_pages(&to);
		add_all(&to);
	}
	if (!to.no_memory && body->count > packed_body_most_bytes((uint32_t)bytes)) {
		memset(to.kinds, 0, shape->pages); /* columns are much wider here and there than as a rule */
		body->count = body->cut_count = 0;
		add_all(&to);
	}
	free(to.kinds);
	free(to.numbers);
	free(to.scratch);
	return to.no_memory ? -1 : 0;
}
