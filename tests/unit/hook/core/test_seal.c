/* SPDX-License-Identifier: Apache-2.0
 *
 * test_seal.c - no event is lost while there is room: threads empty full rings themselves, take over the rings of ended
 * threads, and wait for the recorder when the outbox is full, as long as it lives and no longer than they may.
 */
#include "tests/unit/hook/fake_recorder.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- A process that cannot make the flusher ---- */

static bool without_flusher;
static _Thread_local bool makes_threads; /* of the test's own */

typedef int thread_maker(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
thread_maker pthread_create;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	static thread_maker *real;

	if (without_flusher && !makes_threads)
		return EAGAIN;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attributes, run, argument);
}

static void make_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
	makes_threads = true;
	CHILD_CHECK(pthread_create(thread, NULL, run, argument) == 0);
	makes_threads = false;
}

static void run_short_life(void *argument)
{
	(void)argument;
	without_flusher = true;
	report_alloc(1, 1);
}

/* A recorder hears of a process even when that one is gone before its flusher was ever scheduled. */
static void test_hello_comes_first(void **state)
{
	int listener = start_listening(*state);
	pid_t child = run_child(run_short_life, NULL);
	int client = accept_client(listener);
	struct tta_message hello = hear(client, TTA_HELLO);

	assert_int_equal(hello.hello.pid, child);
	close(client);
	close(listener);
}

/* ---- What threads report, and what has to be there ---- */

#define THREADS 4
#define EACH 20000

/* Thread NUMBER's address counts up. */
static void report_numbered(uint64_t number, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		report_alloc(number << 32 | i, 1);
}

static void *run_numbered(void *argument)
{
	report_numbered((uintptr_t)argument, EACH);
	return NULL;
}

static void run_threads(void *argument)
{
	pthread_t threads[THREADS];

	without_flusher = *(bool *)argument;
	for (uintptr_t i = 0; i < THREADS; i++)
		make_thread(&threads[i], run_numbered, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* Everything is there once, each thread's events in its order, and time never runs back. */
static void check_threads(const struct recording *recording, uint32_t threads, uint64_t each)
{
	uint64_t *next = calloc(threads, sizeof(*next));

	assert_int_equal(recording->lost, 0);
	assert_int_equal(recording->count, threads * each);
	for (size_t i = 0; i < recording->count; i++) {
		uint64_t address = recording->events[i].address;

		assert_in_range(address >> 32, 0, threads - 1);
		assert_int_equal(address & UINT32_MAX, next[address >> 32]);
		next[address >> 32]++;
	}
	free(next);
}

static struct recording record(void **state, void (*run)(void *), void *argument)
{
	char path[256];

	assert_true(find_segment(*state, run_child(run, argument), path, sizeof(path)));
	return recording_open(path);
}

static void check_small_rings(void **state, bool no_flusher)
{
	struct recording recording;

	setenv("TTALLOC_RING_EVENTS", "256", 1);
	recording = record(state, run_threads, &no_flusher);
	check_threads(&recording, THREADS, EACH);
	assert_true(recording.sealed > THREADS * EACH / 2);
	recording_close(&recording);
}

static void test_threads_beside_the_flusher(void **state)
{
	check_small_rings(state, false);
}

static void test_threads_without_a_flusher(void **state)
{
	check_small_rings(state, true);
}

/* ---- Threads that come and go ---- */

#define SHORT_THREADS 1000

static void *run_short(void *argument)
{
	report_numbered((uintptr_t)argument, 5);
	return NULL;
}

static void run_short_threads(void *argument)
{
	(void)argument;
	without_flusher = true;
	for (uintptr_t i = 0; i < SHORT_THREADS; i += 4) {
		pthread_t threads[4];

		for (uintptr_t k = 0; k < 4; k++)
			make_thread(&threads[k], run_short, (void *)(i + k));
		for (int k = 0; k < 4; k++)
			pthread_join(threads[k], NULL);
	}
}

static void test_rings_of_ended_threads_are_taken_over(void **state)
{
	struct recording recording = record(state, run_short_threads, NULL);

	check_threads(&recording, SHORT_THREADS, 5);
	assert_in_range(recording.header->ring_count, 1, 32);
	recording_close(&recording);
}

/* ---- Signal handlers ---- */

static volatile uint64_t handled;

static void report_in_handler(int signal_number)
{
	(void)signal_number;
	report_alloc(UINT64_C(1) << 32 | handled++, 1);
}

static void run_handlers(void *argument)
{
	struct sigaction action = {.sa_handler = report_in_handler, .sa_flags = *(int *)argument};
	struct itimerval every = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
	stack_t stack = {.ss_sp = malloc(SIGSTKSZ), .ss_size = (size_t)SIGSTKSZ};
	uint64_t i = 0;

	report_alloc(i++, 1); /* the flusher starts here */
	CHILD_CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
	CHILD_CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
	while (handled < 500)
		report_alloc(i++, 1);
	signal(SIGALRM, SIG_IGN);
	report_alloc(UINT64_C(2) << 32, i); /* how many there were */
}

/* In the middle of anything: of an event, of a batch, of the wait for a batch. */
static void check_handlers(void **state, int flags)
{
	struct recording recording;
	uint64_t next[2] = {0, 0};

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	recording = record(state, run_handlers, &flags);
	assert_int_equal(recording.lost, 0);
	for (size_t i = 0; i < recording.count; i++) {
		uint64_t who = recording.events[i].address >> 32;

		if (who == 2) {
			assert_int_equal(recording.events[i].size_bytes, next[0]);
			continue;
		}
		assert_int_equal(recording.events[i].address & UINT32_MAX, next[who]);
		next[who]++;
	}
	assert_true(next[1] >= 500);
	recording_close(&recording);
}

static void test_handlers(void **state)
{
	check_handlers(state, SA_RESTART);
}

/* There they do not pack. */
static void test_handlers_on_a_small_stack(void **state)
{
	check_handlers(state, SA_RESTART | SA_ONSTACK);
}

/* ---- Forks while others seal ---- */

static bool stop;

static void *run_until_stopped(void *argument)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		report_numbered((uintptr_t)argument, 100);
	return NULL;
}

#define FORKS 30

static void run_forks(void *argument)
{
	pid_t *pids = argument;
	pthread_t threads[2];
	int status;

	for (uintptr_t i = 0; i < 2; i++)
		make_thread(&threads[i], run_until_stopped, (void *)i);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork();

		if (child == 0) {
			without_flusher = true; /* it has to seal itself */
			report_numbered(0, 500);
			_exit(0);
		}
		pids[i] = child;
		CHILD_CHECK(waitpid(child, &status, 0) == child);
		CHILD_CHECK(status == 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void test_forks_while_sealing(void **state)
{
	pid_t *pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct recording recording;
	char path[256];

	setenv("TTALLOC_RING_EVENTS", "64", 1);
	setenv("TTALLOC_SPOOL_MIB", "64", 1);
	run_child(run_forks, pids);
	for (int i = 0; i < FORKS; i++) {
		assert_true(find_segment(*state, pids[i], path, sizeof(path)));
		recording = recording_open(path);
		check_threads(&recording, 1, 500);
		recording_close(&recording);
	}
	munmap(pids, 4096);
}

/* ---- A full outbox ---- */

#define NOISY 150000

/* Random numbers in every column do not pack, so that the outbox of the smallest spool is soon full. */
static void report_noise(uint64_t number)
{
	uint64_t noise = (number + 1) * 0x9E3779B97F4A7C15u;

	ttalloc_alloc(
	    &(struct ttalloc_block){.address = number, .size_bytes = noise ^ noise >> 31, .bank_bytes = noise * noise});
}

struct noisy {
	double longest_s; /* of all reports */
	double all_s;
};

static void run_noise(void *argument)
{
	struct noisy *noisy = argument;
	double start = now_s(), before = start;

	for (uint64_t i = 0; i < NOISY; i++) {
		double now;

		report_noise(i);
		now = now_s();
		noisy->longest_s = now - before > noisy->longest_s ? now - before : noisy->longest_s;
		before = now;
	}
	noisy->all_s = now_s() - start;
}

struct outcome {
	struct noisy noisy;
	uint64_t lost;
	uint64_t sealed_number;
};

/* Plays the recorder: takes in so many frames' news as COMMITS says, then goes, or falls silent. */
static struct outcome run_against_recorder(void **state, uint32_t commits, bool goes)
{
	struct noisy *noisy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener = start_listening(*state);
	struct tta_message hello;
	struct outcome outcome;
	struct recording recording;
	pid_t child;
	int client, status;

	setenv("TTALLOC_SPOOL_MIB", "1", 1);
	setenv("TTALLOC_RING_EVENTS", "512", 1);
	child = start_child(run_noise, noisy);
	client = welcome_client(listener, 0, &hello);
	while (commits && waitpid(child, &status, WNOHANG) == 0) {
		struct tta_message message;

		if (recv(client, &message, sizeof(message), MSG_DONTWAIT) == (ssize_t)sizeof(message)) {
			try_to_say(client, TTA_COMMITTED, message.sealed.sealed_number);
			commits--;
		} else {
			sleep_ms(1);
		}
	}
	if (goes) {
		unlink(((const struct place *)*state)->socket); /* the child has the listener, too */
		close(client);
	}
	if (commits == 0)
		status = wait_child(child);
	assert_int_equal(status, 0);
	recording = recording_open(hello.hello.segment_path);
	outcome =
	    (struct outcome){.noisy = *noisy, .lost = recording.lost, .sealed_number = recording.header->sealed_number};
	recording_close(&recording);
	munmap(noisy, 4096);
	if (!goes)
		close(client);
	close(listener);
	return outcome;
}

static void test_waits_for_a_slow_recorder(void **state)
{
	struct outcome outcome = run_against_recorder(state, UINT32_MAX, false);

	assert_int_equal(outcome.lost, 0);
	assert_true(outcome.sealed_number > NOISY - 1024);
}

static void test_waits_once_for_a_recorder_that_is_stuck(void **state)
{
	struct outcome outcome;

	setenv("TTALLOC_FULL_WAIT_MS", "300", 1);
	outcome = run_against_recorder(state, 0, false);
	assert_true(outcome.lost > NOISY / 2);
	assert_true(outcome.noisy.longest_s > 0.15); /* counted since the outbox was found full */
	assert_true(outcome.noisy.all_s < 60);       /* had each event waited, this would take half a day */
}

static void test_does_not_wait_at_all_if_so_wished(void **state)
{
	struct outcome outcome;

	setenv("TTALLOC_FULL_WAIT_MS", "0", 1);
	outcome = run_against_recorder(state, 0, false);
	assert_true(outcome.lost > NOISY / 2);
}

/* Without end means: as long as there is a recorder. */
static void test_stops_waiting_when_the_recorder_goes(void **state)
{
	struct outcome outcome;

	setenv("TTALLOC_LOSSLESS", "1", 1);
	outcome = run_against_recorder(state, 1, true); /* which makes room for half of the noise at most */
	assert_true(outcome.lost > 0);
}

static void *commit_late(void *argument)
{
	int client = *(int *)argument;

	sleep_ms(500);
	commit_everything_of(client);
	return NULL;
}

static void test_lossless_waits_longer_than_the_limit(void **state)
{
	struct noisy *noisy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int listener = start_listening(*state);
	struct tta_message hello;
	struct recording recording;
	pthread_t recorder;
	pid_t child;
	int client;

	setenv("TTALLOC_SPOOL_MIB", "1", 1);
	setenv("TTALLOC_RING_EVENTS", "512", 1);
	setenv("TTALLOC_FULL_WAIT_MS", "1", 1);
	setenv("TTALLOC_LOSSLESS", "1", 1);
	child = start_child(run_noise, noisy);
	client = welcome_client(listener, 0, &hello);
	assert_int_equal(pthread_create(&recorder, NULL, commit_late, &client), 0);
	assert_int_equal(wait_child(child), 0);
	pthread_join(recorder, NULL);
	recording = recording_open(hello.hello.segment_path);
	assert_int_equal(recording.lost, 0);
	assert_true(noisy->longest_s > 0.1);
	recording_close(&recording);
	munmap(noisy, 4096);
	close(client);
	close(listener);
}

#define SEAL_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SEAL_TEST(test_hello_comes_first),
	    SEAL_TEST(test_threads_beside_the_flusher),
	    SEAL_TEST(test_threads_without_a_flusher),
	    SEAL_TEST(test_rings_of_ended_threads_are_taken_over),
	    SEAL_TEST(test_handlers),
	    SEAL_TEST(test_handlers_on_a_small_stack),
	    SEAL_TEST(test_forks_while_sealing),
	    SEAL_TEST(test_waits_for_a_slow_recorder),
	    SEAL_TEST(test_waits_once_for_a_recorder_that_is_stuck),
	    SEAL_TEST(test_does_not_wait_at_all_if_so_wished),
	    SEAL_TEST(test_stops_waiting_when_the_recorder_goes),
	    SEAL_TEST(test_lossless_waits_longer_than_the_limit),
	};

	if (!CAN_STAND_BEFORE_PTHREAD_CREATE)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
