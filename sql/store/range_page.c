/* SPDX-License-Identifier: Apache-2.0
 *
 * range_page.c - see range_page.h.
 */
#include "range_page.h"

#include <stdbool.h>
#include <string.h>

#define MOST_DIGITS 18
#define MOST_NUMBER INT64_C(999999999999999999)

enum range_column { OFFSET, LIFE, BEGIN, HELD, WHAT, RANGE_COLUMNS };

static int64_t number_of(const struct range_record *record, enum range_column column, const struct range_page_row *row)
{
	int64_t number = column == OFFSET  ? record->key - row->key
	                 : column == LIFE  ? record->life
	                 : column == BEGIN ? record->begin_ns - row->from_ns
	                 : column == HELD  ? record->held_ns
	                                   : record->what;

	return number < 0 ? 0 : number > MOST_NUMBER ? MOST_NUMBER : number;
}

/* WIDTH digits, the first of which is at PLACE of all digits in BYTES. */
static void put_number(int64_t number, uint8_t *bytes, size_t place, size_t width)
{
	for (size_t i = place + width; i-- > place; number /= 10)
		bytes[i / 2] |= (uint8_t)(number % 10 << (i % 2 ? 0 : 4));
}

/* An odd number of digits has a 0 before it. */
static struct row_text pack_column(const struct range_record *records, size_t count, enum range_column column,
                                   const struct range_page_row *row, uint8_t *to)
{
	int64_t largest = 0;
	size_t width = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t number = number_of(&records[i], column, row);

		largest = number > largest ? number : largest;
	}
	for (; largest; largest /= 10)
		width++;
	size_t bytes = (count * width + 1) / 2, first = bytes * 2 - count * width;
	memset(to, 0, bytes);
	for (size_t i = 0; i < count; i++)
		put_number(number_of(&records[i], column, row), to, first + i * width, width);
	return row_text(to, bytes);
}

static struct row_text *digits_of(struct range_page_row *row, enum range_column column)
{
	struct row_text *const columns[] = {&row->offsets, &row->lives, &row->begins, &row->helds, &row->whats};

	return columns[column];
}

void range_page_pack(const struct range_record *records, size_t count, uint8_t bytes[RANGE_PAGE_BYTES],
                     struct range_page_row *row)
{
	row->key = records[0].key;
	row->count = (int64_t)count;
	row->from_ns = records[0].begin_ns;
	row->last_key = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t end_key = records[i].key + records[i].life;

		row->last_key = end_key > row->last_key ? end_key : row->last_key;
		row->from_ns = records[i].begin_ns < row->from_ns ? records[i].begin_ns : row->from_ns;
	}
	for (enum range_column column = OFFSET; column < RANGE_COLUMNS; column++) {
		struct row_text packed = pack_column(records, count, column, row, bytes);

		*digits_of(row, column) = packed;
		bytes += packed.count;
	}
}

static struct row_text blob(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return row_text(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

void range_page_take(sqlite3_stmt *statement, int column, struct range_page_row *row)
{
	*row = (struct range_page_row){.key = sqlite3_column_int64(statement, column),
	                               .count = sqlite3_column_int64(statement, column + 1),
	                               .last_key = sqlite3_column_int64(statement, column + 2),
	                               .from_ns = sqlite3_column_int64(statement, column + 3),
	                               .offsets = blob(statement, column + 4),
	                               .lives = blob(statement, column + 5),
	                               .begins = blob(statement, column + 6),
	                               .helds = blob(statement, column + 7),
	                               .whats = blob(statement, column + 8)};
}

static unsigned digit_at(const uint8_t *bytes, size_t place)
{
	return place % 2 ? bytes[place / 2] & 15 : bytes[place / 2] >> 4;
}

/* -1: these are not digits. */
static int64_t get_number(const uint8_t *bytes, size_t place, size_t width)
{
	int64_t number = 0;

	for (size_t i = place; i < place + width; i++) {
		unsigned digit = digit_at(bytes, i);

		if (digit > 9)
			return -1;
		number = number * 10 + digit;
	}
	return number;
}

static void set_number(struct range_record *record, enum range_column column, int64_t number)
{
	int64_t *const members[] = {&record->key, &record->life, &record->begin_ns, &record->held_ns};

	if (column == WHAT)
		record->what = number > UINT32_MAX ? 0 : (uint32_t)number;
	else
		*members[column] = number;
}

static bool unpack_column(struct row_text digits, enum range_column column, struct range_record *records, size_t count)
{
	const uint8_t *bytes = (const uint8_t *)digits.bytes;
	size_t width = digits.count * 2 / count, first = digits.count * 2 - width * count;

	if (width > MOST_DIGITS || first > 1 || (first && digit_at(bytes, 0)))
		return false;
	for (size_t i = 0; i < count; i++) { /* a column of zeros has no digits */
		int64_t number = get_number(bytes, first + i * width, width);

		if (number < 0)
			return false;
		set_number(&records[i], column, number);
	}
	return true;
}

/* From differences to numbers, which are to be those of a page: none before the begin before it, or beyond the last. */
static bool place(const struct range_page_row *row, struct range_record *records, size_t count)
{
	int64_t before = -1;

	for (size_t i = 0; i < count; i++) {
		struct range_record *record = &records[i];

		if (record->key <= before || record->key > row->last_key - row->key ||
		    record->life > row->last_key - row->key - record->key)
			return false;
		before = record->key;
		record->key += row->key;
		record->begin_ns += row->from_ns;
	}
	return true;
}

size_t range_page_unpack(const struct range_page_row *row, struct range_record records[RANGE_PAGE_MOST])
{
	struct range_page_row digits = *row;
	size_t count = row->count > 0 && row->count <= RANGE_PAGE_MOST ? (size_t)row->count : 0;

	if (!count || row->key < 0 || row->last_key < row->key || row->from_ns < 0 || row->from_ns > MOST_NUMBER)
		return 0;
	for (enum range_column column = OFFSET; column < RANGE_COLUMNS; column++)
		if (!unpack_column(*digits_of(&digits, column), column, records, count))
			return 0;
	return place(row, records, count) ? count : 0;
}
