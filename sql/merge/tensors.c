/* SPDX-License-Identifier: Apache-2.0
 *
 * tensors.c - see tensors.h. A list is JSON, [[output, index, spec, base, offset], ...], all integers or null, as the
 * recorder writes it: anything else is refused.
 */
#include "tensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sql/base/memory.h"

enum place { OUTPUT, INDEX, SPEC, BASE, OFFSET, PLACES };

struct number {
	bool is_null;
	int64_t value;
};

struct reader {
	const char *at, *end;
};

static bool skip(struct reader *reader, char wanted)
{
	while (reader->at < reader->end && *reader->at == ' ')
		reader->at++;
	if (reader->at == reader->end || *reader->at != wanted)
		return false;
	reader->at++;
	return true;
}

/* Up to 18 digits: no more fit, and none are written. */
static bool read_number(struct reader *reader, struct number *number)
{
	bool negative = skip(reader, '-');
	int digits = 0;

	*number = (struct number){.is_null = reader->end - reader->at >= 4 && memcmp(reader->at, "null", 4) == 0};
	if (number->is_null && !negative) {
		reader->at += 4;
		return true;
	}
	for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
		if (++digits > 18)
			return false;
		number->value = number->value * 10 + (*reader->at - '0');
	}
	if (negative)
		number->value = -number->value;
	return digits > 0;
}

static bool read_tensor(struct reader *reader, struct number numbers[PLACES])
{
	if (!skip(reader, '['))
		return false;
	for (int i = 0; i < PLACES; i++)
		if ((i > 0 && !skip(reader, ',')) || !read_number(reader, &numbers[i]))
			return false;
	return skip(reader, ']');
}

static void append(struct tensor_text *moved, const char *text)
{
	for (; *text; text++) {
		moved->text = memory_room(moved->text, moved->count, &moved->capacity, 1);
		moved->text[moved->count++] = *text;
	}
}

static void append_tensor(struct tensor_text *moved, const struct number numbers[PLACES], bool first)
{
	char digits[32];

	append(moved, first ? "[" : ",[");
	for (int i = 0; i < PLACES; i++) {
		snprintf(digits, sizeof(digits), "%" PRId64, numbers[i].value);
		append(moved, i ? "," : "");
		append(moved, numbers[i].is_null ? "null" : digits);
	}
	append(moved, "]");
}

int tensors_move(struct tensor_text *moved, const char *list, size_t bytes, const struct words *words,
                 int64_t key_offset)
{
	struct reader reader = {list, list + bytes};
	struct number numbers[PLACES];
	bool first = true;

	moved->count = 0;
	if (!skip(&reader, '['))
		return -1;
	append(moved, "[");
	while (!skip(&reader, ']')) {
		if ((!first && !skip(&reader, ',')) || !read_tensor(&reader, numbers))
			return -1;
		if (numbers[SPEC].value) {
			numbers[SPEC].value = words_find(words, WORD_SPEC, numbers[SPEC].value);
			if (!numbers[SPEC].value)
				return -1;
		}
		if (numbers[BASE].value == 0 && numbers[OFFSET].value) /* a key, rather than a distance */
			numbers[OFFSET].value += key_offset;
		append_tensor(moved, numbers, first);
		first = false;
	}
	append(moved, "]");
	return 0;
}
