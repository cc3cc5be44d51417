/* SPDX-License-Identifier: Apache-2.0
 *
 * test_frame.c - streams of the old protocol, in every size and cut everywhere, and what is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/legacy/frame.h"

#define PID 4711
#define STREAM_MAX 4096

static const uint32_t sizes[] = {LEGACY_SMALL_BYTES, LEGACY_MIDDLE_BYTES, LEGACY_LARGE_BYTES};
#define SIZE_COUNT (sizeof(sizes) / sizeof(*sizes))

struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t count;
};

static void put(uint8_t *bytes, size_t at, const void *value, size_t count)
{
	memcpy(bytes + at, value, count);
}

static void add(struct stream *stream, uint32_t size, const struct legacy_message *message, uint64_t time)
{
	uint8_t *at = stream->bytes + stream->count;

	memset(at, 0, size);
	at[0] = (uint8_t)message->type;
	put(at, 4, &message->device, 4);
	put(at, 8, &message->size_bytes, 8);
	at[16] = message->buffer_type;
	put(at, 20, &message->pid, 4);
	put(at, 24, &message->id, 8);
	put(at, 32, &time, 8);
	stream->count += size;
}

static void add_helper(struct stream *stream, const struct legacy_message *message)
{
	uint8_t *at = stream->bytes + stream->count;

	memset(at, 0, LEGACY_HELPER_BYTES);
	at[0] = (uint8_t)message->type;
	put(at, 4, &message->device, 4);
	put(at, 8, &message->size_bytes, 8);
	put(at, 16, &message->id, 8);
	put(at, 24, &message->pid, 4);
	stream->count += LEGACY_HELPER_BYTES;
}

/* What a listener makes of a stream that comes in pieces. */
struct listening {
	struct legacy_framer framer;
	struct legacy_message messages[64];
	size_t count;
	bool bad;
};

static void hear(struct listening *listening, const uint8_t *bytes, size_t count)
{
	uint8_t buffer[LEGACY_LARGE_BYTES + STREAM_MAX];
	const uint8_t *at = buffer;
	struct legacy_message message;
	enum legacy_step step;

	if (listening->bad)
		return;
	memcpy(buffer, listening->framer.tail, listening->framer.tail_bytes);
	memcpy(buffer + listening->framer.tail_bytes, bytes, count);
	count += listening->framer.tail_bytes;
	while ((step = legacy_framer_next(&listening->framer, &at, &count, &message)) == LEGACY_STEP_MESSAGE)
		listening->messages[listening->count++] = message;
	listening->bad = step == LEGACY_STEP_BAD;
	if (!listening->bad)
		legacy_framer_keep(&listening->framer, at, count);
}

static const struct legacy_message sequence[] = {
    {.type = LEGACY_ALLOC, .device = 0, .size_bytes = 1 << 20, .buffer_type = 1, .pid = PID, .id = 1},
    {.type = LEGACY_ALLOC, .device = 3, .size_bytes = 0, .buffer_type = 0, .pid = PID, .id = 0x100},
    {.type = LEGACY_FREE, .device = 0, .id = 1}, /* the demo's: no pid, no device */
    {.type = LEGACY_FREE, .device = 3, .pid = PID, .id = 0x0200000000000100},
    {.type = LEGACY_QUERY, .device = 2},
    {.type = LEGACY_CB_ALLOC, .device = 1, .size_bytes = 2048, .pid = PID, .id = 0x1a000},
    {.type = LEGACY_CB_FREE, .device = 1, .size_bytes = 2048, .pid = PID, .id = 0x1a000},
    {.type = LEGACY_KERNEL_LOAD, .device = 1, .size_bytes = 9000, .buffer_type = 2, .pid = PID, .id = 0x7f0000001000},
    {.type = LEGACY_DEVICE_INFO_QUERY, .device = -1},
    {.type = LEGACY_DUMP_REMAINING},
    {.type = LEGACY_KERNEL_UNLOAD, .device = 1, .size_bytes = 9000, .pid = PID, .id = 0x7f0000001000},
};
#define SEQUENCE_COUNT (sizeof(sequence) / sizeof(*sequence))

static void assert_same(const struct legacy_message *is, const struct legacy_message *should)
{
	assert_int_equal(is->type, should->type);
	assert_int_equal(is->device, should->device);
	assert_int_equal(is->size_bytes, should->size_bytes);
	assert_int_equal(is->buffer_type, should->buffer_type);
	assert_int_equal(is->pid, should->pid);
	assert_int_equal(is->id, should->id);
}

/* The sequence from FIRST on, so that each kind of message is the first of a stream. */
static struct stream stream_of(uint32_t size, size_t first)
{
	struct stream stream = {.count = 0};

	for (size_t i = first; i < SEQUENCE_COUNT; i++)
		add(&stream, size, &sequence[i], sequence[i].type == LEGACY_ALLOC ? 0x0102030405060708 : 0);
	return stream;
}

static void assert_heard(const struct listening *listening, uint32_t size, size_t first)
{
	assert_false(listening->bad);
	assert_int_equal(listening->count, SEQUENCE_COUNT - first);
	for (size_t i = first; i < SEQUENCE_COUNT; i++)
		assert_same(&listening->messages[i - first], &sequence[i]);
	assert_int_equal(legacy_framer_answer_bytes(&listening->framer), size);
	assert_true(legacy_framer_is_whole(&listening->framer));
}

static void glued(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE_COUNT; i++)
		for (size_t first = 0; first + 1 < SEQUENCE_COUNT; first++) {
			struct listening listening = {.framer.pid = PID};
			struct stream stream = stream_of(sizes[i], first);

			hear(&listening, stream.bytes, stream.count);
			assert_heard(&listening, sizes[i], first);
		}
}

static void one_by_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE_COUNT; i++) {
		struct listening listening = {.framer.pid = PID};
		struct stream stream = stream_of(sizes[i], 0);

		for (size_t n = 0; n < SEQUENCE_COUNT; n++) {
			hear(&listening, stream.bytes + n * sizes[i], sizes[i]);
			assert_int_equal(listening.count, n + 1); /* at once: who asks waits for the answer */
			assert_int_equal(legacy_framer_answer_bytes(&listening.framer), sizes[i]);
		}
		assert_heard(&listening, sizes[i], 0);
	}
}

static void cut_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE_COUNT; i++)
		for (size_t first = 0; first + 1 < SEQUENCE_COUNT; first += 2) {
			struct stream stream = stream_of(sizes[i], first);

			for (size_t cut = 0; cut <= stream.count; cut++) {
				struct listening listening = {.framer.pid = PID};

				hear(&listening, stream.bytes, cut);
				hear(&listening, stream.bytes + cut, stream.count - cut);
				assert_heard(&listening, sizes[i], first);
			}
		}
}

static void in_pieces_of_every_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZE_COUNT; i++)
		for (size_t piece = 1; piece < 300; piece++) {
			struct listening listening = {.framer.pid = PID};
			struct stream stream = stream_of(sizes[i], 0);

			for (size_t at = 0; at < stream.count; at += piece)
				hear(&listening, stream.bytes + at,
				     stream.count - at < piece ? stream.count - at : piece);
			assert_heard(&listening, sizes[i], 0);
		}
}

static void the_helper(void **state)
{
	static const struct legacy_message helped[] = {
	    {.type = LEGACY_CB_ALLOC, .device = 1, .size_bytes = 2048, .pid = PID, .id = 0x1a000},
	    {.type = LEGACY_KERNEL_LOAD, .device = 0, .size_bytes = 51200, .pid = PID, .id = 0x55aa00001000},
	    {.type = LEGACY_CB_FREE, .device = 1, .size_bytes = 2048, .pid = PID, .id = 0x1a000},
	    {.type = LEGACY_KERNEL_UNLOAD, .device = 0, .size_bytes = 51200, .pid = PID, .id = 0x55aa00001000},
	};
	static const int32_t known[] = {PID, 0, PID + 1}; /* pids of the connection */
	struct stream stream = {.count = 0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		add_helper(&stream, &helped[i]);
	for (size_t i = 0; i < 3; i++)
		for (size_t cut = 0; cut <= stream.count; cut++) {
			struct listening listening = {.framer.pid = known[i]};

			hear(&listening, stream.bytes, cut);
			hear(&listening, stream.bytes + cut, stream.count - cut);
			assert_false(listening.bad);
			assert_int_equal(listening.count, 4);
			for (size_t n = 0; n < 4; n++)
				assert_same(&listening.messages[n], &helped[n]);
		}
}

/* A monitor of its own dialect: 24 bytes of which only the first, 2, is not zero. It is no FREE. */
static void the_monitor_of_24_bytes(void **state)
{
	struct listening listening = {.framer.pid = PID};
	uint8_t message[24] = {LEGACY_FREE};

	(void)state;
	for (int i = 0; i < 10; i++)
		hear(&listening, message, sizeof(message));
	assert_int_equal(listening.count, 0);
	assert_true(listening.bad);
}

static void other_sizes(void **state)
{
	struct legacy_message message = sequence[0];

	(void)state;
	for (uint32_t size = LEGACY_HEAD_BYTES; size < 200; size++) {
		struct listening listening = {.framer.pid = PID};
		struct stream stream = {.count = 0};

		if (size == LEGACY_SMALL_BYTES || size == LEGACY_MIDDLE_BYTES || size == LEGACY_LARGE_BYTES)
			continue;
		for (int i = 0; i < 10; i++)
			add(&stream, size, &message, 1);
		hear(&listening, stream.bytes, stream.count);
		assert_true(listening.bad);
		assert_true(listening.count <= 1); /* what follows a message of the largest size shows too late */
		assert_true(size > LEGACY_LARGE_BYTES || listening.count == 0);
	}
}

static void rubbish(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct listening listening = {.framer.pid = PID};
		uint8_t bytes[512];

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
		hear(&listening, bytes, sizeof(bytes));
		assert_int_equal(listening.count, 0);
		assert_true(listening.bad);
	}
}

static void half_a_message(void **state)
{
	(void)state;
	for (size_t count = 1; count < LEGACY_LARGE_BYTES; count++) {
		struct listening listening = {.framer.pid = PID};
		struct stream stream = stream_of(LEGACY_LARGE_BYTES, 0);

		hear(&listening, stream.bytes, count);
		if (count != LEGACY_SMALL_BYTES && count != LEGACY_MIDDLE_BYTES) {
			assert_int_equal(listening.count, 0);
			assert_false(legacy_framer_is_whole(&listening.framer));
		}
	}
}

static void answers(void **state)
{
	const struct legacy_totals totals = {.dram = 1, .l1 = 2, .l1_small = 3, .trace = 4, .cb = 5, .kernel = 6};
	uint8_t bytes[LEGACY_LARGE_BYTES];
	uint64_t words[6];
	uint32_t count;

	(void)state;
	for (size_t i = 0; i < SIZE_COUNT; i++) {
		legacy_encode_totals(bytes, sizes[i], 7, &totals);
		memcpy(words, bytes + 40, 32);
		assert_int_equal(bytes[0], LEGACY_RESPONSE);
		assert_int_equal(bytes[4], 7);
		for (unsigned n = 0; n < 4; n++)
			assert_int_equal(words[n], n + 1);
	}
	memcpy(words, bytes + 72, 16);
	assert_int_equal(words[0], 5);
	assert_int_equal(words[1], 6);
	legacy_encode_device_count(bytes, LEGACY_MIDDLE_BYTES, 8);
	memcpy(&count, bytes + 108, 4);
	assert_int_equal(count, 8);
	legacy_encode_device_count(bytes, LEGACY_LARGE_BYTES, 9);
	memcpy(&count, bytes + 124, 4);
	assert_int_equal(count, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(glued),          cmocka_unit_test(one_by_one),
	    cmocka_unit_test(cut_everywhere), cmocka_unit_test(in_pieces_of_every_length),
	    cmocka_unit_test(the_helper),     cmocka_unit_test(the_monitor_of_24_bytes),
	    cmocka_unit_test(other_sizes),    cmocka_unit_test(rubbish),
	    cmocka_unit_test(half_a_message), cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
