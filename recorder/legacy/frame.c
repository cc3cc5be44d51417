/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c - cuts a stream into messages of the old protocol.
 */
#include "frame.h"

#include <string.h>

static bool is_size(size_t bytes)
{
	return bytes == POC_SMALL_BYTES || bytes == POC_MIDDLE_BYTES || bytes == POC_LARGE_BYTES;
}

/* Length of the message at AT as far as it has come: its head and the zeros after it. */
static size_t span(const uint8_t *at, size_t count)
{
	size_t end = count < POC_LARGE_BYTES ? count : POC_LARGE_BYTES;
	size_t length = POC_HEAD_BYTES;

	while (length < end && !at[length])
		length++;
	return length;
}

static enum poc_step next_of_known_size(const struct poc_framer *framer, const uint8_t **at, size_t *count,
                                        struct poc_message *message)
{
	bool good;

	if (*count < framer->size_bytes)
		return POC_STEP_MORE;
	good = framer->size_bytes == POC_HELPER_BYTES ? poc_decode_helper(*at, message) : poc_decode(*at, message);
	*at += framer->size_bytes;
	*count -= framer->size_bytes;
	return good ? POC_STEP_MESSAGE : POC_STEP_BAD;
}

/* The size is known from here on, and so is that the message was given out before, if it was. */
static enum poc_step settle(struct poc_framer *framer, size_t size_bytes, const uint8_t **at, size_t *count,
                            struct poc_message *message)
{
	framer->size_bytes = (uint32_t)size_bytes;
	if (framer->seems_bytes) {
		*at += size_bytes;
		*count -= size_bytes;
	}
	return next_of_known_size(framer, at, count, message);
}

static enum poc_step next_of_unknown_size(struct poc_framer *framer, const uint8_t **at, size_t *count,
                                          struct poc_message *message)
{
	size_t length;

	if (poc_is_helper(*at, *count < POC_SMALL_BYTES ? (uint32_t)*count : POC_SMALL_BYTES, framer->pid))
		return settle(framer, POC_HELPER_BYTES, at, count, message);
	if (*count < POC_SMALL_BYTES)
		return POC_STEP_MORE; /* no message is shorter, and what it is shows in all of it */
	length = span(*at, *count);
	if (length == POC_LARGE_BYTES || (length < *count && is_size(length)))
		return settle(framer, length, at, count, message);
	if (length < *count)
		return POC_STEP_BAD;
	if (framer->seems_bytes || !is_size(length))
		return POC_STEP_MORE;
	framer->seems_bytes = (uint32_t)length;
	return poc_decode(*at, message) ? POC_STEP_MESSAGE : POC_STEP_BAD;
}

enum poc_step poc_framer_next(struct poc_framer *framer, const uint8_t **at, size_t *count, struct poc_message *message)
{
	if (framer->size_bytes)
		return next_of_known_size(framer, at, count, message);
	return next_of_unknown_size(framer, at, count, message);
}

void poc_framer_keep(struct poc_framer *framer, const uint8_t *at, size_t count)
{
	if (count > sizeof(framer->tail))
		count = 0; /* cannot be: the size is known then, and less */
	memmove(framer->tail, at, count);
	framer->tail_bytes = (uint32_t)count;
}

uint32_t poc_framer_answer_bytes(const struct poc_framer *framer)
{
	return framer->size_bytes ? framer->size_bytes : framer->seems_bytes;
}

bool poc_framer_is_whole(const struct poc_framer *framer)
{
	return !framer->tail_bytes || (!framer->size_bytes && framer->tail_bytes == framer->seems_bytes);
}
