/* SPDX-License-Identifier: Apache-2.0
 *
 * group_decode.c - reading a body. Nothing in it is trusted: every count is held against what is left of it, and
 * against what fits into the pages.
 */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "leaf.h"
#include "numbers.h"

#define ROW_LEAST_BYTES 6u /* in a page, its pointer included */

struct decoding {
	const struct group_shape *shape;
	const uint8_t *at, *end, *kinds;
	uint8_t *pages;
};

/* The numbers of one kind in a column, and where its texts begin. */
struct part {
	int64_t *numbers;
	const uint8_t *bytes;
};

/* A column while rows are put together: each part is used up from its beginning. */
struct column {
	const uint8_t *kinds;
	struct part parts[VALUE_KINDS];
};

/* COUNT bytes, which it goes over; NULL: there are fewer. */
static const uint8_t *take(struct decoding *from, size_t count)
{
	const uint8_t *bytes = from->at;

	if (count > (size_t)(from->end - from->at))
		return NULL;
	from->at += count;
	return bytes;
}

/* COUNT numbers, which the caller frees; NULL: there are fewer, or no memory. */
static int64_t *take_numbers(struct decoding *from, size_t count)
{
	const uint8_t *head = take(from, 2), *planes;
	struct numbers_plan plan;

	if (!head || head[0] >= NUMBERS_WAYS || head[1] > 8)
		return NULL;
	plan = (struct numbers_plan){.way = (enum numbers_way)head[0], .planes = head[1]};
	planes = take(from, count * plan.planes);
	int64_t *numbers = planes ? calloc(count, sizeof(*numbers)) : NULL;
	if (!numbers)
		return NULL;
	for (unsigned plane = 0; plane < plan.planes; plane++)
		numbers_add_plane(numbers, count, plane, planes + plane * count);
	numbers_undo(&plan, numbers, count);
	return numbers;
}

/* The bytes of COUNT texts, which are as long as NUMBERS says. */
static const uint8_t *take_texts(struct decoding *from, const int64_t *numbers, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (numbers[i] < 0 || numbers[i] > from->shape->page_bytes)
			return NULL;
		sum += (uint64_t)numbers[i];
	}
	return take(from, sum);
}

static bool take_column(struct decoding *from, size_t rows, struct column *column)
{
	size_t counts[VALUE_KINDS] = {0};

	column->kinds = take(from, rows);
	for (size_t i = 0; column->kinds && i < rows; i++) {
		if (column->kinds[i] >= VALUE_KINDS)
			return false;
		counts[column->kinds[i]]++;
	}
	for (unsigned kind = VALUE_INTEGER; column->kinds && kind < VALUE_KINDS; kind++) {
		struct part *part = &column->parts[kind];

		if (!counts[kind])
			continue;
		part->numbers = take_numbers(from, counts[kind]);
		if (!part->numbers)
			return false;
		if (kind >= VALUE_TEXT && !(part->bytes = take_texts(from, part->numbers, counts[kind])))
			return false;
	}
	return column->kinds;
}

/* The value of the next row. USED is how many of each part were used up. */
static struct value next_value(struct column *column, size_t used[VALUE_KINDS])
{
	struct value value = {.kind = (enum value_kind) * column->kinds++};
	struct part *part = &column->parts[value.kind];

	if (value.kind == VALUE_NULL)
		return value;
	value.integer = part->numbers[used[value.kind]++];
	if (value.kind >= VALUE_TEXT) {
		value.bytes = part->bytes;
		value.byte_count = (uint32_t)value.integer;
		part->bytes += value.byte_count;
	}
	return value;
}

static bool put_page(uint8_t *page, uint32_t page_bytes, uint32_t rows, const int64_t *ids, struct column *columns,
                     size_t (*used)[VALUE_KINDS], uint32_t column_count)
{
	struct value values[PACKED_COLUMNS_MOST];
	struct leaf_writer writer;

	leaf_begin(&writer, page, page_bytes, rows);
	for (uint32_t row = 0; row < rows; row++) {
		for (uint32_t i = 0; i < column_count; i++)
			values[i] = next_value(&columns[i], used[i]);
		if (!leaf_add(&writer, ids[row], values, column_count))
			return false;
	}
	leaf_finish(&writer);
	return true;
}

/* ROWS_OF has two bytes for each page of that many columns. */
static bool put_pages(struct decoding *from, const uint8_t *rows_of, const int64_t *ids, struct column *columns,
                      uint32_t column_count)
{
	size_t used[PACKED_COLUMNS_MOST][VALUE_KINDS] = {{0}};

	for (uint32_t i = 0; i < from->shape->pages; i++) {
		if (from->kinds[i] != column_count)
			continue;
		uint32_t rows = (uint32_t)(rows_of[0] | rows_of[1] << 8);

		if (!put_page(from->pages + (size_t)i * from->shape->page_bytes, from->shape->page_bytes, rows, ids,
		              columns, used, column_count))
			return false;
		ids += rows;
		rows_of += 2;
	}
	return true;
}

/* Reads the pages whose rows have COLUMN_COUNT columns, PAGES of them. */
static bool read_rows(struct decoding *from, uint32_t column_count, uint32_t pages)
{
	struct column columns[PACKED_COLUMNS_MOST] = {{0}};
	const uint8_t *rows_of = take(from, 2 * (size_t)pages);
	size_t rows = 0;
	bool sound = rows_of;

	for (uint32_t i = 0; sound && i < pages; i++)
		rows += (size_t)(rows_of[2 * i] | rows_of[2 * i + 1] << 8);
	sound = sound && rows && rows <= (size_t)pages * from->shape->page_bytes / ROW_LEAST_BYTES;
	int64_t *ids = sound ? take_numbers(from, rows) : NULL;
	sound = ids;
	for (uint32_t i = 0; sound && i < column_count; i++)
		sound = take_column(from, rows, &columns[i]);
	sound = sound && put_pages(from, rows_of, ids, columns, column_count);
	for (uint32_t i = 0; i < column_count; i++)
		for (unsigned kind = 0; kind < VALUE_KINDS; kind++)
			free(columns[i].parts[kind].numbers);
	free(ids);
	return sound;
}

bool group_decode(const struct group_shape *shape, const uint8_t *body, size_t body_bytes, uint8_t *pages)
{
	struct decoding from = {.shape = shape, .at = body, .end = body + body_bytes, .pages = pages};
	uint32_t counts[PACKED_COLUMNS_MOST + 1] = {0};

	from.kinds = take(&from, shape->pages);
	if (!from.kinds)
		return false;
	for (uint32_t i = 0; i < shape->pages; i++) {
		const uint8_t *page;

		if (from.kinds[i] > PACKED_COLUMNS_MOST)
			return false;
		counts[from.kinds[i]]++;
		if (from.kinds[i])
			continue;
		page = take(&from, shape->page_bytes);
		if (!page)
			return false;
		memcpy(pages + (size_t)i * shape->page_bytes, page, shape->page_bytes);
	}
	for (uint32_t columns = 1; columns <= PACKED_COLUMNS_MOST; columns++)
		if (counts[columns] && !read_rows(&from, columns, counts[columns]))
			return false;
	return from.at == from.end;
}
