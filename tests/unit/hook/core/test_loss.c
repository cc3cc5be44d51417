/* SPDX-License-Identifier: Apache-2.0
 *
 * test_loss.c - what could not be kept is counted: accepted and lost events are exactly those that were reported.
 */
#include "tests/unit/hook/segment_reader.h"

#include <pthread.h>
#include <time.h>

#define MANY 300000

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct recording record(void **state, void (*run)(void *), void *argument)
{
	pid_t child = run_child(run, argument);
	char path[256];

	assert_true(find_segment(*state, child, path, sizeof(path)));
	return recording_open(path);
}

/* Addresses count up on each thread. What is missing before an event must be what the marks before it say. */
static void check_gaps(const struct recording *recording, uint64_t issued)
{
	uint64_t next = 0;

	for (size_t i = 0; i < recording->count; i++) {
		const struct tta_event *event = &recording->events[i];

		if (event->kind == TTA_LOSS) {
			assert_int_equal(event->bank_bytes, TTA_LOST_RING_FULL);
			assert_true(event->address > 0 && event->address <= event->ticks);
			next += event->size_bytes;
			continue;
		}
		assert_int_equal(event->address, next);
		next++;
	}
	assert_true(next <= issued);
	assert_int_equal(recording_events(recording) + recording->lost, issued);
}

static void run_many(void *argument)
{
	(void)argument;
	for (uint64_t i = 0; i < MANY; i++)
		report_alloc(i, 1);
}

static void test_small_ring_drops_and_counts(void **state)
{
	struct recording recording;

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "0", 1);
	recording = record(state, run_many, NULL);
	assert_true(recording.lost > 0);
	assert_true(recording_count(&recording, TTA_LOSS) > 0);
	assert_int_equal(recording_rings(&recording)[0].capacity, 64);
	check_gaps(&recording, MANY);
	recording_close(&recording);
}

static void run_some(void *argument)
{
	(void)argument;
	for (uint64_t i = 0; i < 20000; i++)
		report_alloc(i, 1);
}

static void test_small_ring_waits_and_keeps_all(void **state)
{
	struct recording recording;

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	recording = record(state, run_some, NULL);
	assert_int_equal(recording.lost, 0);
	check_gaps(&recording, 20000);
	recording_close(&recording);
}

/* Random numbers in every column do not pack, so that the outbox of the smallest spool is soon full. */
static void report_noise(uint64_t number)
{
	uint64_t noise = number * 0x9E3779B97F4A7C15u;

	ttalloc_alloc(
	    &(struct ttalloc_block){.address = number, .size_bytes = noise ^ noise >> 31, .bank_bytes = noise * noise});
}

static void run_outbox_full(void *argument)
{
	double start = now_s();

	(void)argument;
	for (uint64_t i = 0; i < MANY; i++)
		report_noise(i);
	/* One wait of 10 ms in vain, then no more: had each event waited, this would take an hour. */
	CHILD_CHECK(now_s() - start < 20);
}

static void test_outbox_full(void **state)
{
	struct recording recording;

	setenv("TTALLOC_SPOOL_MIB", "1", 1);
	setenv("TTALLOC_RING_EVENTS", "512", 1);
	recording = record(state, run_outbox_full, NULL);
	assert_true(recording.lost > MANY / 2);
	assert_true(recording_events(&recording) > 10000);
	assert_true(recording.header->outbox_sealed <= recording.header->outbox_capacity);
	check_gaps(&recording, MANY);
	recording_close(&recording);
}

static void run_drop_then_idle(void *argument)
{
	(void)argument;
	for (uint64_t i = 0; i < 5000; i++)
		report_alloc(i, 1);
	sleep_ms(400);
}

/* A thread that does not report again cannot say what it dropped: the flusher says it. */
static void test_loss_of_an_idle_thread_is_said(void **state)
{
	struct recording recording;

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "0", 1);
	recording = record(state, run_drop_then_idle, NULL);
	assert_true(recording.lost > 0);
	assert_int_equal(recording.sealed, recording.count);
	assert_int_equal(recording_rings(&recording)[0].dropped, recording_rings(&recording)[0].marked_sealed);
	check_gaps(&recording, 5000);
	recording_close(&recording);
}

static void *run_dropping_thread(void *argument)
{
	for (uint64_t i = 0; i < 2000; i++)
		report_alloc((uintptr_t)argument, 1);
	return NULL;
}

static void run_dropping_threads(void *argument)
{
	(void)argument;
	for (uintptr_t round = 0; round < 20; round++) {
		pthread_t threads[4];

		for (uintptr_t i = 0; i < 4; i++)
			CHILD_CHECK(pthread_create(&threads[i], NULL, run_dropping_thread, (void *)i) == 0);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		sleep_ms(5);
	}
}

static void test_threads_that_drop_and_end(void **state)
{
	struct recording recording;

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "0", 1);
	setenv("TTALLOC_FLUSH_MS", "2", 1);
	recording = record(state, run_dropping_threads, NULL);
	assert_true(recording.lost > 0);
	assert_int_equal(recording_events(&recording) + recording.lost, 20 * 4 * 2000);
	assert_in_range(recording.header->ring_count, 1, 40);
	recording_close(&recording);
}

/* ---- More threads than fit ---- */

static pthread_barrier_t all_have_reported;

static void *run_crowd(void *argument)
{
	report_alloc((uintptr_t)argument, 1);
	report_alloc((uintptr_t)argument, 1);
	pthread_barrier_wait(&all_have_reported);
	return NULL;
}

static void run_crowds(void *argument)
{
	int count = *(int *)argument;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536 * 4);
	pthread_barrier_init(&all_have_reported, NULL, (unsigned)count);
	for (int i = 0; i < count; i++)
		CHILD_CHECK(pthread_create(&threads[i], &attributes, run_crowd, NULL) == 0);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void test_hundreds_of_threads_fit(void **state)
{
	int count = 600;
	struct recording recording = record(state, run_crowds, &count);

	assert_int_equal(recording.lost, 0);
	assert_int_equal(recording.count, 2 * 600);
	recording_close(&recording);
}

static void test_no_ring_is_counted(void **state)
{
	int count = 600;
	struct recording recording;

	setenv("TTALLOC_SPOOL_MIB", "1", 1);
	setenv("TTALLOC_RING_EVENTS", "1024", 1);
	recording = record(state, run_crowds, &count);
	assert_true(recording.header->no_ring_lost > 0);
	assert_int_equal(recording.count + recording.lost, 2 * 600);
	recording_close(&recording);
}

#define LOSS_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LOSS_TEST(test_small_ring_drops_and_counts),
	    LOSS_TEST(test_small_ring_waits_and_keeps_all),
	    LOSS_TEST(test_outbox_full),
	    LOSS_TEST(test_loss_of_an_idle_thread_is_said),
	    LOSS_TEST(test_threads_that_drop_and_end),
	    LOSS_TEST(test_hundreds_of_threads_fit),
	    LOSS_TEST(test_no_ring_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
