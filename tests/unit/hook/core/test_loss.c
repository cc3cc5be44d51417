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
			assert_int_equal(event->loss.reason, TTA_LOST_RING_FULL);
			assert_true(event->loss.first_ticks > 0 && event->loss.first_ticks <= event->ticks);
			next += event->loss.count;
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

static void test_small_ring_keeps_all(void **state)
{
	struct recording recording;

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	recording = record(state, run_many, NULL);
	assert_int_equal(recording.lost, 0);
	assert_int_equal(recording_rings(&recording)[0].capacity, 64);
	check_gaps(&recording, MANY);
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
	/* Without a recorder nobody waits: had each event waited, this would take days. */
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

/* ---- More names than fit ---- */

#define LABELS 8000

static void run_labels(void *argument)
{
	char name[64];

	(void)argument;
	ttalloc_label_push("outer");
	for (int i = 0; i < LABELS; i++) {
		snprintf(name, sizeof(name), "one of a great many labels: number %d", i);
		ttalloc_label_push(name);
		ttalloc_label_push("inner");
		report_alloc((uint64_t)i, 1);
		ttalloc_label_pop();
		ttalloc_label_pop();
	}
	report_alloc(LABELS, 1);
	ttalloc_note("what the producer cannot see", 0);
	ttalloc_device_open(&(struct ttalloc_device){.device = 1, .arch = "new"});
	ttalloc_kernel_load(&(struct ttalloc_kernel){.id = 1, .name = "a name that is new"});
}

static void test_what_has_no_room_in_the_table_is_said(void **state)
{
	struct recording recording;
	const struct tta_event *last;
	uint32_t without = 0, bytes;
	char path[300];

	setenv("TTALLOC_SPOOL_MIB", "1", 1);
	recording = record(state, run_labels, NULL);
	assert_int_equal(recording.lost, 0);
	assert_int_equal(recording.count, LABELS + 4);
	for (size_t i = 0; i < LABELS; i++) {
		uint32_t label = recording.events[i].label;

		recording_label(&recording, label & ~TTA_LEFT_OUT, path, sizeof(path));
		without += (label & TTA_LEFT_OUT) != 0;
		if (label & TTA_LEFT_OUT)
			assert_string_equal(path, "outer"); /* the innermost that is there */
		else
			assert_string_equal(strrchr(path, '/'), "/inner");
	}
	assert_in_range(without, LABELS / 2, LABELS - 1000);
	last = &recording.events[LABELS];
	recording_label(&recording, last[0].label, path, sizeof(path));
	assert_string_equal(path, "outer");
	recording_entry(&recording, (uint32_t)last[1].address, TTA_ENTRY_TEXT, &bytes);
	recording_entry(&recording, (uint32_t)last[2].bank_bytes, TTA_ENTRY_DEVICE, &bytes);
	assert_int_equal(last[3].bank_bytes, TTA_LEFT_OUT);
	recording_close(&recording);
}

#define LOSS_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LOSS_TEST(test_small_ring_keeps_all),
	    LOSS_TEST(test_outbox_full),
	    LOSS_TEST(test_hundreds_of_threads_fit),
	    LOSS_TEST(test_no_ring_is_counted),
	    LOSS_TEST(test_what_has_no_room_in_the_table_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
