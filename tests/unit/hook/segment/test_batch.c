/* SPDX-License-Identifier: Apache-2.0
 *
 * test_batch.c - the codec of batches: what goes in comes out, and nothing else is believed.
 */
#include "tests/unit/hook/harness.h"

#include "ttalloc/batch.h"

#define COUNT 1000

static uint64_t random_state = 88172645463325252u;

static uint64_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

struct sample {
	struct tta_event events[COUNT];
	uint32_t threads[COUNT];
};

/* Numbers of all lengths, so that varints of all lengths occur. */
static uint64_t random_length(void)
{
	return random_number() >> random_number() % 64;
}

static void fill_random(struct sample *sample)
{
	for (size_t i = 0; i < COUNT; i++) {
		sample->threads[i] = (uint32_t)random_length();
		sample->events[i] = (struct tta_event){.ticks = random_length(),
		                                       .address = random_length(),
		                                       .size_bytes = random_length(),
		                                       .bank_bytes = random_length(),
		                                       .device = (uint16_t)random_length(),
		                                       .allocator = (uint16_t)random_length(),
		                                       .label = (uint32_t)random_length(),
		                                       .stack = (uint32_t)random_length(),
		                                       .kind = (uint8_t)random_length(),
		                                       .flags = (uint8_t)random_length(),
		                                       .region = (uint16_t)random_length()};
	}
}

/* The events of SAMPLE, encoded in exactly as much memory as they need, so that a sanitizer sees each byte beyond. */
static uint8_t *encode(const struct sample *sample, uint32_t count, size_t *bytes)
{
	uint8_t *plain = malloc(tta_batch_bound(count) + 1);
	uint8_t *exact;

	assert_non_null(plain);
	*bytes = tta_batch_encode(sample->events, sample->threads, count, plain);
	assert_true(*bytes <= tta_batch_bound(count));
	exact = malloc(*bytes ? *bytes : 1);
	assert_non_null(exact);
	memcpy(exact, plain, *bytes);
	free(plain);
	return exact;
}

static void check_round_trip(const struct sample *in, uint32_t count)
{
	static struct sample out;
	size_t bytes;
	uint8_t *plain = encode(in, count, &bytes);

	assert_int_equal(tta_batch_decode(plain, bytes, count, out.events, out.threads), 0);
	assert_memory_equal(in->events, out.events, count * sizeof(in->events[0]));
	assert_memory_equal(in->threads, out.threads, count * sizeof(in->threads[0]));
	free(plain);
}

static void test_random_round_trips(void **state)
{
	static struct sample sample;

	(void)state;
	for (int round = 0; round < 50; round++) {
		fill_random(&sample);
		check_round_trip(&sample, COUNT);
	}
}

static void test_extremes(void **state)
{
	static struct sample sample;

	(void)state;
	check_round_trip(&sample, 0);
	check_round_trip(&sample, 1);
	memset(&sample, 0xFF, sizeof(sample));
	check_round_trip(&sample, COUNT);
	for (size_t i = 0; i < COUNT; i += 2)
		memset(&sample.events[i], 0, sizeof(sample.events[i]));
	check_round_trip(&sample, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		sample.events[i].address = i % 2 ? UINT64_MAX : 1ull << 63;
	check_round_trip(&sample, COUNT);
}

static void test_training_loop_is_small(void **state)
{
	static struct sample sample;
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		sample.threads[i] = 7;
		sample.events[i] = (struct tta_event){.ticks = 1000000 + i * 900,
		                                      .kind = i % 2 ? TTA_FREE : TTA_ALLOC,
		                                      .address = 4096 * (i / 2 % 300),
		                                      .size_bytes = i % 2 ? 0 : 2048};
	}
	free(encode(&sample, COUNT, &bytes));
	assert_true(bytes < 16 * COUNT);
}

static void test_cut_short_or_too_long(void **state)
{
	static struct sample sample, out;
	size_t bytes;
	uint8_t *plain;

	(void)state;
	fill_random(&sample);
	plain = encode(&sample, 20, &bytes);
	for (size_t i = 0; i < bytes; i++) {
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, plain, i);
		assert_int_equal(tta_batch_decode(cut, i, 20, out.events, out.threads), -1);
		free(cut);
	}
	assert_int_equal(tta_batch_decode(plain, bytes, 19, out.events, out.threads), -1);
	assert_int_equal(tta_batch_decode(plain, bytes, 21, out.events, out.threads), -1);
	assert_int_equal(tta_batch_decode(plain, 0, 0, out.events, out.threads), 0);
	free(plain);
}

static void test_numbers_too_big(void **state)
{
	struct tta_event event;
	uint32_t thread;
	uint8_t plain[24] = {0};

	(void)state;
	assert_int_equal(tta_batch_decode(plain, 11, 1, &event, &thread), 0);
	plain[1] = 0x80; /* kind: 256 */
	plain[2] = 0x02;
	assert_int_equal(tta_batch_decode(plain, 12, 1, &event, &thread), -1);
	memset(plain, 0x80, 9); /* ticks: 65 bits */
	plain[9] = 2;
	assert_int_equal(tta_batch_decode(plain, 20, 1, &event, &thread), -1);
	memset(plain, 0x80, 10); /* ticks: eleven bytes */
	plain[10] = 1;
	assert_int_equal(tta_batch_decode(plain, 21, 1, &event, &thread), -1);
}

static void test_garbage_is_survived(void **state)
{
	static struct sample sample, out;
	size_t bytes;
	uint8_t *plain;

	(void)state;
	fill_random(&sample);
	plain = encode(&sample, 200, &bytes);
	for (int round = 0; round < 2000; round++) {
		size_t at = random_number() % bytes;
		uint8_t before = plain[at];

		plain[at] = (uint8_t)random_number();
		tta_batch_decode(plain, bytes, 200, out.events, out.threads);
		plain[at] = before;
	}
	for (int round = 0; round < 500; round++) {
		for (size_t i = 0; i < bytes; i++)
			plain[i] = (uint8_t)random_number();
		tta_batch_decode(plain, bytes, 200, out.events, out.threads);
	}
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_round_trips),     cmocka_unit_test(test_extremes),
	    cmocka_unit_test(test_training_loop_is_small), cmocka_unit_test(test_cut_short_or_too_long),
	    cmocka_unit_test(test_numbers_too_big),        cmocka_unit_test(test_garbage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
