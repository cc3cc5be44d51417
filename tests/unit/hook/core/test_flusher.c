/* SPDX-License-Identifier: Apache-2.0
 *
 * test_flusher.c - the hook's own thread keeps no program alive.
 */
#include "tests/unit/hook/segment_reader.h"

#include <pthread.h>

struct ending {
	bool handler_ran;
	bool signal_is_blocked;
	size_t stack_bytes;
};

static struct ending *ending;

static void at_exit(void)
{
	pthread_attr_t attributes;
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	ending->signal_is_blocked = sigismember(&blocked, SIGUSR1);
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstacksize(&attributes, &ending->stack_bytes);
	report_alloc(3, 3);
	ending->handler_ran = true;
}

static void *run_late(void *argument)
{
	sleep_ms(50);
	report_alloc(2, 2);
	return argument;
}

static void run_main_ends_first(void *argument)
{
	pthread_t thread;

	ending = argument;
	alarm(300);
	CHILD_CHECK(atexit(at_exit) == 0);
	report_alloc(1, 1);
	CHILD_CHECK(pthread_create(&thread, NULL, run_late, NULL) == 0);
	pthread_detach(thread);
	pthread_exit(NULL);
}

/* Its exit handlers run like those of a program that has no such thread, and what they report is recorded. */
static void test_program_ends_with_its_last_thread(void **state)
{
	struct ending *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct recording recording;
	char path[256];

#if defined(__SANITIZE_THREAD__) || ADDRESS_SANITIZER
	skip(); /* the one has threads of its own; to the other, what the ended main thread knew of is a leak */
#endif
	setenv("TTALLOC_FLUSH_MS", "10000", 1);
	assert_true(find_segment(*state, run_child(run_main_ends_first, seen), path, sizeof(path)));
	assert_true(seen->handler_ran);
	assert_false(seen->signal_is_blocked);
	assert_true(seen->stack_bytes > (512u << 10));
	recording = recording_open(path);
	assert_int_equal(recording.count, 3);
	assert_int_equal(recording.events[2].address, 3);
	recording_close(&recording);
	munmap(seen, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_program_ends_with_its_last_thread, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
