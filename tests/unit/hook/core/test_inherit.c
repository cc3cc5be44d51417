/* SPDX-License-Identifier: Apache-2.0
 *
 * test_inherit.c - threads without labels of their own have those of the thread that made them, and say so.
 */
#include "tests/unit/hook/segment_reader.h"

#include <pthread.h>
#include <stdatomic.h>

#include "hook/core/preload_threads.c" /* stands before pthread_create() in this program as the preload does elsewhere */

#define THREADS 600

static void alloc(uint64_t address)
{
	report_alloc(address, 64);
}

static void check_label(const struct recording *recording, uint64_t address, const char *name, bool is_inherited)
{
	for (size_t i = 0; i < recording->count; i++) {
		const struct tta_event *event = &recording->events[i];
		char path[512] = "";

		if (event->kind != TTA_ALLOC || event->address != address)
			continue;
		assert_int_equal(event->flags, is_inherited ? TTA_LABEL_INHERITED : 0);
		assert_int_equal(event->label != 0, name != NULL);
		if (name)
			recording_label(recording, event->label, path, sizeof(path));
		assert_string_equal(path, name ? name : "");
		return;
	}
	fail_msg("there is no block at %lu", (unsigned long)address);
}

static void join_new(void *(*routine)(void *), void *argument)
{
	pthread_t thread;

	CHILD_CHECK(pthread_create(&thread, NULL, routine, argument) == 0);
	CHILD_CHECK(pthread_join(thread, NULL) == 0);
}

static struct recording record(const struct place *place, void (*run)(void *), void *argument)
{
	char path[512];

	assert_true(find_segment(place, run_child(run, argument), path, sizeof(path)));
	return recording_open(path);
}

/* ---- A label that is open when the thread is made ---- */

static void *grandchild(void *argument)
{
	alloc(*(uint64_t *)argument + 3);
	return NULL;
}

static void *child(void *argument)
{
	uint64_t first = *(uint64_t *)argument;

	alloc(first);
	ttalloc_label_push("own");
	alloc(first + 1);
	ttalloc_label_pop();
	alloc(first + 2);
	join_new(grandchild, argument);
	return NULL;
}

static void run_open(void *argument)
{
	(void)argument;
	ttalloc_label_push("outer");
	ttalloc_label_push("maker's");
	join_new(child, &(uint64_t){100});
	alloc(200);
	ttalloc_label_pop();
	ttalloc_label_pop();
	alloc(201);
}

static void test_open_label(void **state)
{
	struct recording recording = record(*state, run_open, NULL);

	check_label(&recording, 100, "outer/maker's", true);
	check_label(&recording, 101, "own", false);
	check_label(&recording, 102, "outer/maker's", true);
	check_label(&recording, 103, "outer/maker's", true);
	check_label(&recording, 200, "outer/maker's", false);
	check_label(&recording, 201, NULL, false);
	recording_close(&recording);
}

/* ---- A pool that is made before there is a label ---- */

static pthread_barrier_t turn;

static void *worker(void *argument)
{
	for (uint64_t address = *(uint64_t *)argument; address < 104; address++) {
		pthread_barrier_wait(&turn);
		alloc(address);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

static void work_once(void)
{
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
}

static void run_pool(void *argument)
{
	uint64_t first = 100;
	pthread_t thread;

	(void)argument;
	pthread_barrier_init(&turn, NULL, 2);
	CHILD_CHECK(pthread_create(&thread, NULL, worker, &first) == 0);
	work_once();
	ttalloc_label_push("first");
	work_once();
	ttalloc_label_push("second");
	work_once();
	ttalloc_label_pop();
	ttalloc_label_pop();
	work_once();
	pthread_join(thread, NULL);
}

static void test_pool(void **state)
{
	struct recording recording = record(*state, run_pool, NULL);

	check_label(&recording, 100, NULL, false);
	check_label(&recording, 101, "first", true);
	check_label(&recording, 102, "first/second", true);
	check_label(&recording, 103, NULL, false);
	recording_close(&recording);
}

/* ---- Whose maker is gone, many of them, in forks, and none ---- */

static atomic_bool maker_ended;

static void *orphan(void *argument)
{
	(void)argument;
	while (!atomic_load(&maker_ended))
		usleep(100);
	alloc(100);
	return NULL;
}

static void *make_detached(void *thread)
{
	CHILD_CHECK(pthread_create(thread, NULL, orphan, NULL) == 0);
	ttalloc_label_push("never closed");
	alloc(99);
	return NULL;
}

static void run_orphan(void *argument)
{
	pthread_t thread;

	(void)argument;
	join_new(make_detached, &thread);
	atomic_store(&maker_ended, true);
	pthread_join(thread, NULL);
}

static void test_maker_that_ended(void **state)
{
	struct recording recording = record(*state, run_orphan, NULL);

	check_label(&recording, 99, "never closed", false);
	check_label(&recording, 100, NULL, false);
	recording_close(&recording);
}

static void *one_of_many(void *argument)
{
	alloc((uintptr_t)argument);
	return NULL;
}

static void *maker_of_many(void *argument)
{
	join_new(one_of_many, argument);
	return NULL;
}

/* More makers than there are label slots: they are given back. */
static void run_many(void *argument)
{
	(void)argument;
	for (uintptr_t i = 1; i <= THREADS; i++)
		join_new(maker_of_many, (void *)i);
	join_new(worker, &(uint64_t){104});
	ttalloc_label_push("last");
	join_new(maker_of_many, (void *)(uintptr_t)(THREADS + 1));
}

static void test_many(void **state)
{
	struct recording recording = record(*state, run_many, NULL);

	check_label(&recording, 1, NULL, false);
	check_label(&recording, THREADS, NULL, false);
	check_label(&recording, THREADS + 1, "last", true);
	recording_close(&recording);
}

static void *fork_one(void *argument)
{
	pid_t child = fork();

	if (child == 0) {
		alloc(100);
		_exit(0);
	}
	*(pid_t *)argument = child;
	waitpid(child, NULL, 0);
	alloc(101);
	return NULL;
}

static void run_fork(void *argument)
{
	ttalloc_label_push("of the parent");
	join_new(fork_one, argument);
}

static void test_fork(void **state)
{
	struct place *place = *state;
	pid_t *forked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct recording recording = record(place, run_fork, forked);
	char path[512];

	check_label(&recording, 101, "of the parent", true);
	recording_close(&recording);
	assert_true(find_segment(place, *forked, path, sizeof(path)));
	recording = recording_open(path);
	check_label(&recording, 100, NULL, false);
	recording_close(&recording);
	munmap(forked, 4096);
}

static void *return_argument(void *argument)
{
	return argument;
}

/* Without recording, and with a thread that cannot be made, pthread_create() is what it always was. */
static void run_off(void *argument)
{
	pthread_t thread;
	pthread_attr_t attributes;
	void *result;

	setenv("TT_ALLOC_TRACKING_ENABLED", argument ? "1" : "0", 1);
	errno = 5;
	CHILD_CHECK(pthread_create(&thread, NULL, return_argument, &attributes) == 0 && errno == 5);
	CHILD_CHECK(pthread_join(thread, &result) == 0 && result == &attributes);
	pthread_attr_init(&attributes);
	CHILD_CHECK(pthread_attr_setstacksize(&attributes, (size_t)1 << 46) == 0);
	for (int i = 0; i < THREADS; i++)
		CHILD_CHECK(pthread_create(&thread, &attributes, return_argument, NULL) == EAGAIN);
}

static void test_pthread_create_as_always(void **state)
{
	(void)state;
	run_child(run_off, NULL);
	run_child(run_off, "on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_open_label, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_pool, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_maker_that_ended, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_many, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_fork, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_pthread_create_as_always, place_setup, place_teardown),
	};

	if (!CAN_STAND_BEFORE_PTHREAD_CREATE)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
