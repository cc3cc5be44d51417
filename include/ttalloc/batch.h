/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - a batch's columns: events turned into delta varints, one column after the other, before zstd packs them
 * and after zstd has unpacked them. Neither direction allocates.
 */
#ifndef TTALLOC_BATCH_H
#define TTALLOC_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ttalloc/event.h"
#include "ttalloc/segment.h"

/* The most bytes that COUNT events can take. */
static inline size_t tta_batch_bound(uint32_t count);

/* Encodes COUNT events and the table entries of their threads. PLAIN must have tta_batch_bound(COUNT) bytes. Returns
 * the bytes used. */
static inline size_t tta_batch_encode(const struct tta_event *events, const uint32_t *thread_entries, uint32_t count,
                                      uint8_t *plain);

/* Decodes exactly COUNT events out of exactly PLAIN_BYTES bytes that nobody vouches for. 0, or -1 when they are not
 * such. */
static inline int tta_batch_decode(const uint8_t *plain, size_t plain_bytes, uint32_t count, struct tta_event *events,
                                   uint32_t *thread_entries);

/* ---- How: eleven columns, one after the other, COUNT values in each, little-endian base-128 varints. ---- */

#define TTA_VARINT_MAX_BYTES 10u

/* What a column's varints stand for. */
enum tta_column {
	TTA_COLUMN_PLAIN,  /* the values */
	TTA_COLUMN_RISING, /* the distance to the value before: never negative in a batch that is in order */
	TTA_COLUMN_DELTA,  /* the same, zigzag: small either way */
};

/* Where a column's values lie: one of WIDTH bytes in each STRIDE. */
struct tta_field {
	size_t offset;
	size_t width;
	size_t stride;
};

#define TTA_EVENT_FIELD(member)                                                                                        \
	(struct tta_field)                                                                                             \
	{                                                                                                              \
		.offset = offsetof(struct tta_event, member), .width = sizeof(((struct tta_event *)0)->member),        \
		.stride = sizeof(struct tta_event)                                                                     \
	}
/* Device and allocator in one: most events have the allocator of the event before. */
#define TTA_PLACE_FIELD                                                                                                \
	(struct tta_field)                                                                                             \
	{                                                                                                              \
		.offset = offsetof(struct tta_event, device), .width = sizeof(uint32_t),                               \
		.stride = sizeof(struct tta_event)                                                                     \
	}
#define TTA_THREAD_FIELD                                                                                               \
	(struct tta_field)                                                                                             \
	{                                                                                                              \
		.offset = 0, .width = sizeof(uint32_t), .stride = sizeof(uint32_t)                                     \
	}

/* Loads and stores the INDEX-th value. WIDTH is a constant wherever these are inlined. */
static inline uint64_t tta_field_load(struct tta_field field, const void *first, size_t index)
{
	const uint8_t *at = (const uint8_t *)first + field.offset + index * field.stride;
	uint64_t value = 0;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	memcpy((uint8_t *)&value + sizeof(value) - field.width, at, field.width);
#else
	memcpy(&value, at, field.width);
#endif
	return value;
}

static inline void tta_field_store(struct tta_field field, void *first, size_t index, uint64_t value)
{
	uint8_t *at = (uint8_t *)first + field.offset + index * field.stride;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	memcpy(at, (const uint8_t *)&value + sizeof(value) - field.width, field.width);
#else
	memcpy(at, &value, field.width);
#endif
}

static inline uint8_t *tta_varint_put(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

/* The place after the varint at IN, or NULL when it does not end before END or is longer than 64 bits. */
static inline const uint8_t *tta_varint_get(const uint8_t *in, const uint8_t *end, uint64_t *value)
{
	uint64_t sum = 0;

	if (in < end && *in < 0x80) {
		*value = *in;
		return in + 1;
	}
	for (unsigned shift = 0; in < end && shift < 64; shift += 7) {
		uint64_t byte = *in++;

		if (shift == 63 && byte > 1)
			return NULL;
		sum |= (byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = sum;
			return in;
		}
	}
	return NULL;
}

/* A difference modulo 2^(8*WIDTH), as the small number that it stands for, with the sign in bit 0. */
static inline uint64_t tta_zigzag(uint64_t difference, size_t width)
{
	unsigned unused_bits = 64u - 8u * (unsigned)width;
	int64_t signed_difference = (int64_t)(difference << unused_bits) >> unused_bits;

	return ((uint64_t)signed_difference << 1) ^ (uint64_t)(signed_difference >> 63);
}

__attribute__((always_inline)) static inline uint8_t *tta_column_encode(enum tta_column column, struct tta_field field,
                                                                        const void *first, uint32_t count, uint8_t *out)
{
	uint64_t previous = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = tta_field_load(field, first, i);
		uint64_t coded = column == TTA_COLUMN_PLAIN ? value : value - previous;

		out = tta_varint_put(out, column == TTA_COLUMN_DELTA ? tta_zigzag(coded, field.width) : coded);
		previous = value;
	}
	return out;
}

__attribute__((always_inline)) static inline const uint8_t *tta_column_decode(enum tta_column column,
                                                                              struct tta_field field, void *first,
                                                                              uint32_t count, const uint8_t *in,
                                                                              const uint8_t *end)
{
	uint64_t previous = 0;
	uint64_t coded = 0;

	for (uint32_t i = 0; in && i < count; i++) {
		in = tta_varint_get(in, end, &coded);
		if (!in || (field.width < 8 && coded >> (8u * field.width)))
			return NULL;
		if (column == TTA_COLUMN_DELTA)
			coded = (coded >> 1) ^ (0 - (coded & 1));
		if (column != TTA_COLUMN_PLAIN)
			coded += previous;
		tta_field_store(field, first, i, coded);
		previous = coded;
	}
	return in;
}

static inline size_t tta_batch_bound(uint32_t count)
{
	/* four of 64 bits, four of 32, one of 16, two bytes, which may need two each */
	return (size_t)count * (4 * TTA_VARINT_MAX_BYTES + 4 * 5 + 3 + 2 * 2);
}

static inline size_t tta_batch_encode(const struct tta_event *events, const uint32_t *thread_entries, uint32_t count,
                                      uint8_t *plain)
{
	uint8_t *out = plain;

	out = tta_column_encode(TTA_COLUMN_RISING, TTA_EVENT_FIELD(ticks), events, count, out);
	out = tta_column_encode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(kind), events, count, out);
	out = tta_column_encode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(flags), events, count, out);
	out = tta_column_encode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(region), events, count, out);
	out = tta_column_encode(TTA_COLUMN_DELTA, TTA_PLACE_FIELD, events, count, out);
	out = tta_column_encode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(address), events, count, out);
	out = tta_column_encode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(size_bytes), events, count, out);
	out = tta_column_encode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(bank_bytes), events, count, out);
	out = tta_column_encode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(label), events, count, out);
	out = tta_column_encode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(stack), events, count, out);
	out = tta_column_encode(TTA_COLUMN_DELTA, TTA_THREAD_FIELD, thread_entries, count, out);
	return (size_t)(out - plain);
}

static inline int tta_batch_decode(const uint8_t *plain, size_t plain_bytes, uint32_t count, struct tta_event *events,
                                   uint32_t *thread_entries)
{
	const uint8_t *end = plain + plain_bytes;
	const uint8_t *in = plain;

	in = tta_column_decode(TTA_COLUMN_RISING, TTA_EVENT_FIELD(ticks), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(kind), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(flags), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(region), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_DELTA, TTA_PLACE_FIELD, events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(address), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(size_bytes), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_PLAIN, TTA_EVENT_FIELD(bank_bytes), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(label), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_DELTA, TTA_EVENT_FIELD(stack), events, count, in, end);
	in = tta_column_decode(TTA_COLUMN_DELTA, TTA_THREAD_FIELD, thread_entries, count, in, end);
	return in && in == end ? 0 : -1;
}

#endif
