/* SPDX-License-Identifier: Apache-2.0
 *
 * leaf.c - see leaf.h.
 */
#include "leaf.h"

#include <string.h>

#include "format.h"

#define TABLE_LEAF 13
#define HEADER_BYTES 8u
#define CELL_LEAST_BYTES 4u /* so that a free block fits in its place */
#define OVERFLOW_RESERVE 35u

/* ---- numbers as SQLite stores them, big-endian ---- */

static uint32_t get_2(const uint8_t *in)
{
	return (uint32_t)in[0] << 8 | in[1];
}

static void put_2(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

/* Reads a varint at *AT, before END, and moves on. False: it is cut off. */
static bool get_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	uint64_t result = 0;

	for (int i = 0; i < 9 && *at < end; i++) {
		uint8_t byte = *(*at)++;

		if (i == 8) {
			*value = result << 8 | byte;
			return true;
		}
		result = result << 7 | (byte & 0x7f);
		if (!(byte & 0x80)) {
			*value = result;
			return true;
		}
	}
	return false;
}

static uint32_t varint_bytes(uint64_t value)
{
	uint32_t bytes = 1;

	while (bytes < 9 && value >= (uint64_t)1 << (7 * bytes))
		bytes++;
	return bytes;
}

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
	uint32_t bytes = varint_bytes(value);

	if (bytes == 9) {
		for (int i = 0; i < 8; i++)
			*out++ = (uint8_t)(0x80 | value >> (57 - 7 * i));
		*out++ = (uint8_t)value;
		return out;
	}
	while (bytes-- > 0)
		*out++ = (uint8_t)((bytes ? 0x80 : 0) | ((value >> (7 * bytes)) & 0x7f));
	return out;
}

/* ---- values ---- */

/* Bytes of the body of a value with that serial type; UINT64_MAX: there is no such type. */
static uint64_t body_bytes(uint64_t type)
{
	static const uint8_t fixed[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};

	if (type < sizeof(fixed))
		return fixed[type];
	return type < 12 ? UINT64_MAX : (type - 12) / 2;
}

static uint64_t type_of(const struct value *value)
{
	int64_t integer = value->integer;

	switch (value->kind) {
	case VALUE_NULL:
		return 0;
	case VALUE_REAL:
		return 7;
	case VALUE_TEXT:
		return 13 + 2 * (uint64_t)value->byte_count;
	case VALUE_BLOB:
		return 12 + 2 * (uint64_t)value->byte_count;
	default:
		break;
	}
	if (integer == 0 || integer == 1)
		return 8 + (uint64_t)integer;
	if (integer == (int8_t)integer)
		return 1;
	if (integer == (int16_t)integer)
		return 2;
	if (integer >= -(1 << 23) && integer < 1 << 23)
		return 3;
	if (integer == (int32_t)integer)
		return 4;
	return integer >= -((int64_t)1 << 47) && integer < (int64_t)1 << 47 ? 5 : 6;
}

static void get_value(struct value *value, uint64_t type, const uint8_t *body)
{
	uint32_t bytes = (uint32_t)body_bytes(type);

	*value = (struct value){.kind = type == 0 ? VALUE_NULL : type == 7 ? VALUE_REAL : VALUE_INTEGER};
	if (type >= 12) {
		*value = (struct value){.kind = type & 1 ? VALUE_TEXT : VALUE_BLOB, .bytes = body, .byte_count = bytes};
	} else if (type >= 8) {
		value->integer = (int64_t)type - 8;
	} else if (bytes) {
		uint64_t bits = (uint64_t)(int64_t)(int8_t)body[0];

		for (uint32_t i = 1; i < bytes; i++)
			bits = bits << 8 | body[i];
		value->integer = (int64_t)bits;
	}
}

static uint8_t *put_value(uint8_t *out, uint64_t type, const struct value *value)
{
	uint32_t bytes = (uint32_t)body_bytes(type);

	if (type >= 12)
		return bytes ? (uint8_t *)memcpy(out, value->bytes, bytes) + bytes : out;
	for (uint32_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)((uint64_t)value->integer >> (8 * (bytes - 1 - i)));
	return out + bytes;
}

/* ---- taking apart ---- */

/* A row in its page. */
struct cell {
	const uint8_t *types, *body, *end; /* of its record: serial types up to body, bodies up to end */
	int64_t id;
};

/* False: it is damaged, or goes on in other pages. */
static bool find_cell(const uint8_t *page, uint32_t page_bytes, uint32_t number, struct cell *cell)
{
	const uint8_t *end = page + page_bytes, *at = page + get_2(page + HEADER_BYTES + 2 * number);
	uint64_t payload, id, header;

	if (at < page + HEADER_BYTES || at >= end || !get_varint(&at, end, &payload) || !get_varint(&at, end, &id) ||
	    payload > page_bytes - OVERFLOW_RESERVE || payload > (uint64_t)(end - at))
		return false;
	const uint8_t *record = at;
	cell->end = record + payload;
	cell->id = (int64_t)id;
	if (!get_varint(&at, cell->end, &header) || header < (uint64_t)(at - record) || header > payload)
		return false;
	cell->types = at;
	cell->body = record + header;
	return true;
}

/* Counts the columns of CELL; false: they do not fill its record exactly. */
static bool count_columns(const struct cell *cell, uint32_t *columns)
{
	const uint8_t *at = cell->types;
	uint64_t type, left = (uint64_t)(cell->end - cell->body);

	for (*columns = 0; at < cell->body; ++*columns) {
		if (!get_varint(&at, cell->body, &type) || body_bytes(type) > left)
			return false;
		left -= body_bytes(type);
	}
	return left == 0 && *columns > 0 && *columns <= PACKED_COLUMNS_MOST;
}

bool leaf_look(const uint8_t *page, uint32_t page_bytes, struct leaf_shape *shape)
{
	uint32_t rows = get_2(page + 3), columns;

	if (page[0] != TABLE_LEAF || rows == 0 || rows > (page_bytes - HEADER_BYTES) / 2)
		return false;
	shape->rows = rows;
	for (uint32_t i = 0; i < rows; i++) {
		struct cell cell;

		if (!find_cell(page, page_bytes, i, &cell) || !count_columns(&cell, &columns) ||
		    (i > 0 && columns != shape->columns))
			return false;
		shape->columns = columns;
	}
	return true;
}

void leaf_row(const uint8_t *page, uint32_t page_bytes, uint32_t number, int64_t *id, struct value *values)
{
	struct cell cell = {0};
	uint64_t type = 0;

	find_cell(page, page_bytes, number, &cell);
	*id = cell.id;
	for (const uint8_t *at = cell.types, *body = cell.body; at < cell.body; body += body_bytes(type)) {
		get_varint(&at, cell.body, &type);
		get_value(values++, type, body);
	}
}

/* ---- putting together ---- */

void leaf_begin(struct leaf_writer *writer, uint8_t *page, uint32_t page_bytes, uint32_t row_count)
{
	*writer =
	    (struct leaf_writer){.page = page, .page_bytes = page_bytes, .row_count = row_count, .content = page_bytes};
	memset(page, 0, page_bytes);
}

bool leaf_add(struct leaf_writer *writer, int64_t id, const struct value *values, uint32_t columns)
{
	uint64_t types = 0, bodies = 0, header, payload, bytes;
	uint32_t taken = HEADER_BYTES + 2 * writer->row_count;

	for (uint32_t i = 0; i < columns; i++) {
		uint64_t type = type_of(&values[i]);

		types += varint_bytes(type);
		bodies += body_bytes(type);
	}
	header = types + 1;
	if (varint_bytes(header) > 1)
		header = types + varint_bytes(types + 2);
	payload = header + bodies;
	bytes = varint_bytes(payload) + varint_bytes((uint64_t)id) + payload;
	if (bytes < CELL_LEAST_BYTES)
		bytes = CELL_LEAST_BYTES;
	if (writer->rows == writer->row_count || payload > writer->page_bytes - OVERFLOW_RESERVE ||
	    taken > writer->content || bytes > writer->content - taken)
		return false;
	writer->content -= (uint32_t)bytes;
	put_2(writer->page + HEADER_BYTES + 2 * writer->rows++, writer->content);
	uint8_t *at = put_varint(writer->page + writer->content, payload);
	at = put_varint(put_varint(at, (uint64_t)id), header);
	for (uint32_t i = 0; i < columns; i++)
		at = put_varint(at, type_of(&values[i]));
	for (uint32_t i = 0; i < columns; i++)
		at = put_value(at, type_of(&values[i]), &values[i]);
	return true;
}

void leaf_finish(struct leaf_writer *writer)
{
	writer->page[0] = TABLE_LEAF;
	put_2(writer->page + 3, writer->rows);
	put_2(writer->page + 5, writer->content); /* 0: 65536 */
}
