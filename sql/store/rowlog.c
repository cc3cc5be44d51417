/* SPDX-License-Identifier: Apache-2.0
 *
 * rowlog.c - rows of many kinds in one buffer.
 */
#include "rowlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/text.h"

#define KEPT_CAPACITY (1u << 20)

static uint8_t *reserve(struct rowlog *log, size_t bytes)
{
	if (log->used + bytes > log->capacity) {
		size_t capacity = log->capacity ? log->capacity * 2 : 4096;

		while (capacity < log->used + bytes)
			capacity *= 2;
		log->bytes = realloc(log->bytes, capacity);
		if (!log->bytes) {
			fputs("ttalloc: out of memory\n", stderr);
			abort();
		}
		log->capacity = capacity;
	}
	return log->bytes + log->used;
}

/* A value is its type and 8 bytes: the integer, or how many bytes follow. */
static void append(struct rowlog *log, enum row_value_type type, int64_t integer)
{
	uint8_t *place = reserve(log, 9);

	place[0] = (uint8_t)type;
	memcpy(place + 1, &integer, 8);
	log->used += 9;
}

void rowlog_begin(struct rowlog *log, enum row_kind kind)
{
	append(log, ROW_ROW, kind);
}

void rowlog_integer(struct rowlog *log, int64_t value)
{
	append(log, ROW_INTEGER, value);
}

void rowlog_null(struct rowlog *log)
{
	append(log, ROW_NULL, 0);
}

void rowlog_text(struct rowlog *log, const char *text, size_t bytes)
{
	size_t place = log->used, cleaned;

	bytes = strnlen(text, bytes);
	append(log, ROW_TEXT, 0);
	cleaned = text_clean(text, bytes, (char *)reserve(log, TEXT_CLEAN_BOUND(bytes)));
	memcpy(log->bytes + place + 1, &(int64_t){(int64_t)cleaned}, 8);
	log->used += cleaned;
}

void rowlog_string(struct rowlog *log, const char *text)
{
	if (text)
		rowlog_text(log, text, strlen(text));
	else
		rowlog_null(log);
}

void rowlog_blob(struct rowlog *log, const void *bytes, size_t count)
{
	append(log, ROW_BLOB, (int64_t)count);
	memcpy(reserve(log, count), bytes, count);
	log->used += count;
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

int rowlog_next(const struct rowlog *log, size_t *at, struct row_value *value)
{
	if (*at >= log->used)
		return 0;
	value->type = (enum row_value_type)log->bytes[*at];
	memcpy(&value->integer, log->bytes + *at + 1, 8);
	*at += 9;
	if (value->type == ROW_TEXT || value->type == ROW_BLOB) {
		value->bytes = log->bytes + *at;
		value->count = (size_t)value->integer;
		*at += value->count;
	}
	return 1;
}
