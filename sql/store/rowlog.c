/* SPDX-License-Identifier: Apache-2.0
 *
 * rowlog.c - rows of many kinds in one buffer: of each a head, its struct, then its texts, which the struct in the log
 * names by their places, since the buffer moves when it grows.
 */
#include <stdio.h>
#include <stdlib.h>

#include "shapes.h"
#include "sql/base/text.h"

#define KEPT_CAPACITY (1u << 20)

struct head {
	uint32_t kind;
	uint32_t bytes; /* to the next one */
};

static void reserve(struct rowlog *log, size_t bytes)
{
	size_t capacity = log->capacity ? log->capacity : 4096;

	while (capacity < log->used + bytes)
		capacity *= 2;
	if (capacity == log->capacity)
		return;
	log->bytes = realloc(log->bytes, capacity);
	if (!log->bytes) {
		fputs("ttalloc: out of memory\n", stderr);
		abort();
	}
	log->capacity = capacity;
}

static struct row_text *text_in(uint8_t *row, const struct row_column *column)
{
	bool is_text = column->type == COLUMN_TEXT || column->type == COLUMN_BLOB;

	return is_text ? (struct row_text *)(void *)(row + column->offset) : NULL;
}

/* Appends the bytes of a text, and says where they are. */
static struct row_text append_text(struct rowlog *log, const struct row_column *column, struct row_text text)
{
	size_t place = log->used;

	if (!text.bytes)
		return text;
	if (column->type == COLUMN_TEXT)
		text.count = strnlen(text.bytes, text.count);
	reserve(log, TEXT_CLEAN_BOUND(text.count));
	if (column->type == COLUMN_TEXT)
		text.count = text_clean(text.bytes, text.count, (char *)log->bytes + place);
	else
		memcpy(log->bytes + place, text.bytes, text.count);
	log->used += text.count;
	return (struct row_text){(void *)place, text.count}; /* never 0: a head lies before it */
}

void rowlog_add(struct rowlog *log, enum row_kind kind, const void *row)
{
	const struct row_shape *shape = row_statements[kind].shape();
	size_t begin = log->used, at = begin + sizeof(struct head);

	reserve(log, sizeof(struct head) + shape->row_bytes);
	memcpy(log->bytes + at, row, shape->row_bytes);
	log->used = at + shape->row_bytes;
	for (size_t i = 0; i < shape->column_count; i++) {
		struct row_text *text = text_in(log->bytes + at, &shape->columns[i]), appended;

		if (!text)
			continue;
		appended = append_text(log, &shape->columns[i], *text);
		*text_in(log->bytes + at, &shape->columns[i]) = appended;
	}
	reserve(log, 8);
	log->used = (log->used + 7) & ~(size_t)7;
	memcpy(log->bytes + begin, &(struct head){(uint32_t)kind, (uint32_t)(log->used - begin)}, sizeof(struct head));
}

void rowlog_clear(struct rowlog *log)
{
	log->used = 0;
	if (log->capacity > KEPT_CAPACITY)
		rowlog_free(log);
}

void rowlog_free(struct rowlog *log)
{
	free(log->bytes);
	*log = (struct rowlog){0};
}

const void *rowlog_next(const struct rowlog *log, size_t *at, enum row_kind *kind, void *row)
{
	const struct row_shape *shape;
	struct head head;

	if (*at >= log->used)
		return NULL;
	memcpy(&head, log->bytes + *at, sizeof(head));
	*kind = head.kind;
	shape = row_statements[head.kind].shape();
	memcpy(row, log->bytes + *at + sizeof(head), shape->row_bytes);
	*at += head.bytes;
	for (size_t i = 0; i < shape->column_count; i++) {
		struct row_text *text = text_in(row, &shape->columns[i]);

		if (text && text->bytes)
			text->bytes = log->bytes + (size_t)text->bytes;
	}
	return row;
}
