/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of ranges of a file that nobody vouches for. What is understood lies in its page, and comes out the same when
 * it is packed anew.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/store/range_page.h"

#define MOST_NUMBER INT64_C(999999999999999999) /* in 18 digits */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int right)
{
	if (!right)
		abort();
}

struct input {
	const uint8_t *data;
	size_t size;
};

static int64_t take_number(struct input *input, size_t bytes)
{
	int64_t number = 0;

	for (; bytes && input->size; bytes--, input->data++, input->size--)
		number = (int64_t)((uint64_t)number << 8 | *input->data);
	return number;
}

/* As many bytes as COUNT numbers of one of ten widths have, or as there are; a copy, so that reading beyond shows. */
static struct row_text take_digits(struct input *input, int64_t count, uint8_t **copy)
{
	size_t wanted = (size_t)(count & 1023) * ((size_t)take_number(input, 1) % 10);
	size_t bytes = wanted < input->size ? wanted : input->size;

	*copy = malloc(bytes ? bytes : 1);
	check(*copy != NULL);
	memcpy(*copy, input->data, bytes);
	input->data += bytes;
	input->size -= bytes;
	return row_text(*copy, bytes);
}

static void check_records(const struct range_page_row *row, const struct range_record *records, size_t count)
{
	struct range_record again[RANGE_PAGE_MOST];
	struct range_page_row packed = {.process = row->process};
	uint8_t digits[RANGE_PAGE_BYTES];

	check(count <= RANGE_PAGE_MOST && (int64_t)count == row->count);
	for (size_t i = 0; i < count; i++) {
		check(records[i].key >= row->key && records[i].life >= 0 && records[i].held_ns >= 0);
		check(records[i].key + records[i].life <= row->last_key);
		check(records[i].begin_ns >= row->from_ns && (i == 0 || records[i].key > records[i - 1].key));
	}
	range_page_pack(records, count, digits, &packed);
	if (packed.from_ns > MOST_NUMBER) /* the earliest begin, which a page says */
		return;
	check(range_page_unpack(&packed, again) == count);
	for (size_t i = 0; i < count; i++)
		check(again[i].key == records[i].key && again[i].life == records[i].life &&
		      again[i].begin_ns == records[i].begin_ns && again[i].held_ns == records[i].held_ns &&
		      again[i].what == records[i].what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct range_record records[RANGE_PAGE_MOST] = {{.key = 0}};
	uint8_t *copies[5];
	size_t count;
	struct range_page_row row = {.count = take_number(&input, 2)};

	row.key = take_number(&input, 8);
	row.last_key = take_number(&input, 8);
	row.from_ns = take_number(&input, 8);
	row.offsets = take_digits(&input, row.count, &copies[0]);
	row.lives = take_digits(&input, row.count, &copies[1]);
	row.begins = take_digits(&input, row.count, &copies[2]);
	row.helds = take_digits(&input, row.count, &copies[3]);
	row.whats = take_digits(&input, row.count, &copies[4]);
	count = range_page_unpack(&row, records);
	if (count)
		check_records(&row, records, count);
	for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++)
		free(copies[i]);
	return 0;
}
