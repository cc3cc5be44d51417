/* SPDX-License-Identifier: Apache-2.0
 *
 * test_uplink.c - what the hook says to a recorder, and what it does when there is none, or one that goes away. The
 * test plays the recorder; the program that is recorded is a child.
 */
#include "tests/unit/hook/fake_recorder.h"

#include <pthread.h>
#include <time.h>

/* ---- The program's side ---- */

static void report_pair(uint64_t address)
{
	report_alloc(address, 8);
	ttalloc_free(1, TTALLOC_L1, address);
}

static void run_flushed(void *argument)
{
	(void)argument;
	report_pair(1);
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
	report_pair(2);
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS)); /* nothing new */
}

static void test_flush_waits_for_the_commit(void **state)
{
	int listener = start_listening(*state);
	pid_t child = start_child(run_flushed, NULL);
	struct tta_message hello, sealed;
	int client = welcome_client(listener, 0, &hello);
	struct recording recording;

	assert_int_equal(hello.hello.pid, child);
	sealed = hear_sealed(client, 2);
	recording = recording_open(hello.hello.segment_path);
	assert_memory_equal(hello.hello.segment_id, recording.header->id, TTA_ID_BYTES);
	assert_int_equal(recording.header->outbox_released, 0);
	recording_close(&recording);
	sleep_ms(50);
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0); /* it waits */
	say(client, TTA_COMMITTED, sealed.sealed.sealed_number);
	hear_sealed(client, 4);
	say(client, TTA_COMMITTED, 4);
	assert_int_equal(wait_child(child), 0);
	recording = recording_open(hello.hello.segment_path);
	assert_int_equal(recording.header->outbox_released, recording.header->outbox_sealed);
	assert_int_equal(recording.count, 0);
	recording_close(&recording);
	close(client);
	close(listener);
}

static void run_flushed_once(void *argument)
{
	(void)argument;
	report_pair(1);
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
}

/* That somebody waits is said to a recorder, too, who answers the hello when he waits already. */
static void test_flush_before_the_welcome_is_urgent(void **state)
{
	int listener = start_listening(*state);
	pid_t child = start_child(run_flushed_once, NULL);
	int client = accept_client(listener);

	hear(client, TTA_HELLO);
	sleep_ms(100); /* until he does */
	say(client, TTA_WELCOME, 0);
	assert_int_equal(hear_sealed(client, 2).sealed.urgent, 1);
	say(client, TTA_COMMITTED, 2);
	assert_int_equal(wait_child(child), 0);
	close(client);
	close(listener);
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void run_flush_alone(void *argument)
{
	struct timespec start;

	(void)argument;
	clock_gettime(CLOCK_MONOTONIC, &start);
	report_pair(1);
	CHILD_CHECK(!ttalloc_flush(60000));
	CHILD_CHECK(seconds_since(&start) < 50);
}

static void test_flush_without_a_recorder_returns(void **state)
{
	(void)state;
	run_child(run_flush_alone, NULL);
}

static void run_flush_timeout(void *argument)
{
	struct timespec start;

	(void)argument;
	report_pair(1);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHILD_CHECK(!ttalloc_flush(200));
	CHILD_CHECK(seconds_since(&start) > 0.19);
}

static void test_flush_times_out(void **state)
{
	int listener = start_listening(*state);
	pid_t child = start_child(run_flush_timeout, NULL);
	struct tta_message hello;
	int client = welcome_client(listener, 0, &hello);

	assert_int_equal(wait_child(child), 0);
	close(client);
	close(listener);
}

/* ---- Recorders that come late, go away, and come again ---- */

static void run_until_told(void *argument)
{
	const volatile int *stop = argument;

	for (uint64_t i = 0; !*stop; i++) {
		report_pair(i);
		sleep_ms(1);
	}
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
}

static void test_recorder_comes_late_and_again(void **state)
{
	volatile int *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = start_child(run_until_told, (void *)stop);
	struct tta_message hello, sealed;
	struct recording recording;
	uint64_t committed;
	int listener, client;

	sleep_ms(300);
	listener = start_listening(*state);
	client = welcome_client(listener, 0, &hello);
	committed = hear_sealed(client, 20).sealed.sealed_number;
	hear_sealed(client, committed + 1); /* sealed, never committed */
	say(client, TTA_COMMITTED, committed);
	sleep_ms(250); /* until the hook has heard it */
	close(client);
	client = welcome_client(listener, committed, &hello);
	sealed = hear_sealed(client, committed + 2);
	recording = recording_open(hello.hello.segment_path);
	assert_int_equal(recording.first_number, committed + 1); /* kept since it was not committed */
	recording_close(&recording);
	*stop = 1;
	commit_everything_of(client);
	assert_true(sealed.sealed.sealed_number > committed);
	assert_int_equal(wait_child(child), 0);
	close(client);
	close(listener);
	munmap((void *)stop, 4096);
}

/* ---- A recording that has ended ---- */

static void run_shut(void *argument)
{
	(void)argument;
	CHILD_CHECK(!ttalloc_enabled());
}

static void run_until_shut(void *argument)
{
	const volatile int *is_kept = argument;
	uint64_t rounds = 0, most = *is_kept ? 750 : PATIENCE_MS;

	for (; ttalloc_enabled() && rounds < most; rounds++) {
		report_pair(rounds);
		sleep_ms(1);
	}
	CHILD_CHECK(ttalloc_enabled() == (*is_kept != 0));
	if (*is_kept)
		return;
	CHILD_CHECK(!ttalloc_flush(PATIENCE_MS));
	run_child(run_shut, NULL); /* nor are its children recorded */
}

/* Plays the recorder up to its last word, before which it may remove the segment. */
static void end_recording(const struct place *place, bool removes)
{
	volatile int *is_kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener = start_listening(place);
	struct tta_message hello;
	pid_t child;
	int client;

	*is_kept = !removes;
	child = start_child(run_until_shut, (void *)is_kept);
	client = welcome_client(listener, 0, &hello);
	hear_sealed(client, 2);
	if (removes)
		assert_int_equal(unlink(hello.hello.segment_path), 0);
	say(client, TTA_REFUSED, 0);
	assert_int_equal(wait_child(child), 0);
	close(client);
	close(listener);
	munmap((void *)is_kept, 4096);
}

static void test_recording_that_has_ended(void **state)
{
	end_recording(*state, true);
}

/* Another recorder may take what a refused process has. */
static void test_refusal_does_not_end_recording(void **state)
{
	end_recording(*state, false);
}

/* A recorder that knows more than the hook has sealed is not believed. */
static void test_commit_of_the_future_is_not_believed(void **state)
{
	volatile int *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener = start_listening(*state);
	pid_t child = start_child(run_until_told, (void *)stop);
	struct tta_message hello;
	int client = welcome_client(listener, UINT64_MAX, &hello);
	struct recording recording;

	hear_sealed(client, 50);
	sleep_ms(50);
	recording = recording_open(hello.hello.segment_path);
	assert_true(recording.sealed >= 50);
	assert_int_equal(recording.first_number, 1);
	recording_close(&recording);
	kill(child, SIGKILL);
	wait_child(child);
	close(client);
	close(listener);
	munmap((void *)stop, 4096);
}

static void run_closing(void *argument)
{
	int own[300]; /* the numbers are the program's now; one may be in use while the hook moves a new one up */

	(void)argument;
	report_pair(1);
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	for (int i = 0; i < 300; i++) {
		own[i] = dup(STDERR_FILENO);
		CHILD_CHECK(own[i] >= 0);
	}
	for (uint64_t i = 0; i < 100000; i++)
		report_alloc(i * i * 7919, i * i * 31); /* the outbox grows */
	CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
	for (int i = 0; i < 300; i++)
		CHILD_CHECK(write(own[i], "", 0) == 0);
}

static void *commit_everything(void *argument)
{
	int listener = *(int *)argument;

	for (;;) {
		int client = accept(listener, NULL, NULL);

		if (client < 0)
			return NULL;
		commit_everything_of(client);
		close(client);
	}
}

static void test_program_closes_all_descriptors(void **state)
{
	int listener = start_listening(*state);
	pthread_t thread;
	pid_t child;

#if defined(__SANITIZE_THREAD__)
	close(listener);
	skip(); /* it sees the race that this is about */
#endif
	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	child = start_child(run_closing, NULL);
	assert_int_equal(pthread_create(&thread, NULL, commit_everything, &listener), 0);
	assert_int_equal(wait_child(child), 0);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
}

/* With a recorder that keeps up, a long run touches little of the file. */
static void run_long(void *argument)
{
	uint64_t noise = 1;

	(void)argument;
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 8000; i++) {
			noise = noise * 6364136223846793005u + 1442695040888963407u;
			report_alloc(noise, noise >> 7);
		}
		CHILD_CHECK(ttalloc_flush(PATIENCE_MS));
	}
}

static void test_outbox_starts_over(void **state)
{
	int listener = start_listening(*state);
	struct recording recording;
	pthread_t thread;
	struct stat status;
	char path[256];
	pid_t child;

	child = start_child(run_long, NULL);
	assert_int_equal(pthread_create(&thread, NULL, commit_everything, &listener), 0);
	assert_int_equal(wait_child(child), 0);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	assert_true(find_segment(*state, child, path, sizeof(path)));
	recording = recording_open(path);
	assert_true(recording.header->sealed_number == 40 * 8000);
	assert_true(recording.header->outbox_sealed > recording.header->outbox_capacity / 4);
	recording_close(&recording);
	assert_int_equal(stat(path, &status), 0);
	assert_in_range(status.st_blocks * 512, 1 << 20, 6 << 20);
	close(listener);
}

#define UPLINK_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    UPLINK_TEST(test_flush_waits_for_the_commit),       UPLINK_TEST(test_flush_before_the_welcome_is_urgent),
	    UPLINK_TEST(test_flush_without_a_recorder_returns), UPLINK_TEST(test_flush_times_out),
	    UPLINK_TEST(test_recorder_comes_late_and_again),    UPLINK_TEST(test_recording_that_has_ended),
	    UPLINK_TEST(test_refusal_does_not_end_recording),   UPLINK_TEST(test_commit_of_the_future_is_not_believed),
	    UPLINK_TEST(test_program_closes_all_descriptors),   UPLINK_TEST(test_outbox_starts_over),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
