/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c - cuts a stream into messages of the old protocol.
 */
#include "frame.h"

#include <string.h>

static bool is_size(size_t bytes)
{
	return bytes == LEGACY_SMALL_BYTES || bytes == LEGACY_MIDDLE_BYTES || bytes == LEGACY_LARGE_BYTES;
}

/* Length of the message at AT as far as it has come: its head and the zeros after it. */
static size_t span(const uint8_t *at, size_t count)
{
	size_t end = count < LEGACY_LARGE_BYTES ? count : LEGACY_LARGE_BYTES;
	size_t length = LEGACY_HEAD_BYTES;

	while (length < end && !at[length])
		length++;
	return length;
}

static enum legacy_step next_of_known_size(const struct legacy_framer *framer, const uint8_t **at, size_t *count,
                                           struct legacy_message *message)
{
	bool good;

	if (*count < framer->size_bytes)
		return LEGACY_STEP_MORE;
	good = framer->size_bytes == LEGACY_HELPER_BYTES ? legacy_decode_helper(*at, message)
	                                                 : legacy_decode(*at, message);
	*at += framer->size_bytes;
	*count -= framer->size_bytes;
	return good ? LEGACY_STEP_MESSAGE : LEGACY_STEP_BAD;
}

/* The size is known from here on, and so is that the message was given out before, if it was. */
static enum legacy_step settle(struct legacy_framer *framer, size_t size_bytes, const uint8_t **at, size_t *count,
                               struct legacy_message *message)
{
	framer->size_bytes = (uint32_t)size_bytes;
	if (framer->seems_bytes) {
		*at += size_bytes;
		*count -= size_bytes;
	}
	return next_of_known_size(framer, at, count, message);
}

static enum legacy_step next_of_unknown_size(struct legacy_framer *framer, const uint8_t **at, size_t *count,
                                             struct legacy_message *message)
{
	size_t length;

	if (legacy_is_helper(*at, *count < LEGACY_SMALL_BYTES ? (uint32_t)*count : LEGACY_SMALL_BYTES, framer->pid))
		return settle(framer, LEGACY_HELPER_BYTES, at, count, message);
	if (*count < LEGACY_SMALL_BYTES)
		return LEGACY_STEP_MORE; /* no message is shorter, and what it is shows in all of it */
	length = span(*at, *count);
	if (length == LEGACY_LARGE_BYTES || (length < *count && is_size(length)))
		return settle(framer, length, at, count, message);
	if (length < *count)
		return LEGACY_STEP_BAD;
	if (framer->seems_bytes || !is_size(length))
		return LEGACY_STEP_MORE;
	framer->seems_bytes = (uint32_t)length;
	return legacy_decode(*at, message) ? LEGACY_STEP_MESSAGE : LEGACY_STEP_BAD;
}

enum legacy_step legacy_framer_next(struct legacy_framer *framer, const uint8_t **at, size_t *count,
                                    struct legacy_message *message)
{
	if (framer->size_bytes)
		return next_of_known_size(framer, at, count, message);
	return next_of_unknown_size(framer, at, count, message);
}

void legacy_framer_keep(struct legacy_framer *framer, const uint8_t *at, size_t count)
{
	if (count > sizeof(framer->tail))
		count = 0; /* cannot be: the size is known then, and less */
	memmove(framer->tail, at, count);
	framer->tail_bytes = (uint32_t)count;
}

uint32_t legacy_framer_answer_bytes(const struct legacy_framer *framer)
{
	return framer->size_bytes ? framer->size_bytes : framer->seems_bytes;
}

bool legacy_framer_is_whole(const struct legacy_framer *framer)
{
	return !framer->tail_bytes || (!framer->size_bytes && framer->tail_bytes == framer->seems_bytes);
}
