/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fork.c - a forked child records under its own name, whatever its parent's threads were doing.
 */
#include "tests/unit/hook/segment_reader.h"

#include <pthread.h>
#include <sys/syscall.h>

/* Opens the segment of PID. */
static struct recording open_of(void **state, pid_t pid)
{
	char path[256];

	assert_true(find_segment(*state, pid, path, sizeof(path)));
	return recording_open(path);
}

/* Pids of a family, in memory that it shares with the test. */
static pid_t *shared_pids(void)
{
	pid_t *pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(pids != MAP_FAILED);
	return pids;
}

static void wait_for(pid_t child)
{
	int status;

	CHILD_CHECK(waitpid(child, &status, 0) == child && status == 0);
}

struct family {
	pid_t *pids;
	bool bypasses_libc;
};

static pid_t fork_somehow(bool bypasses_libc)
{
	return bypasses_libc ? (pid_t)syscall(SYS_fork) : fork();
}

static void run_family(void *argument)
{
	const struct family *family = argument;
	pid_t child;

	ttalloc_label_push("outer");
	ttalloc_label_push("inner");
	report_alloc(1, 10);
	child = fork_somehow(family->bypasses_libc);
	CHILD_CHECK(child >= 0);
	if (child == 0) {
		family->pids[0] = getpid();
		report_alloc(2, 20);
		ttalloc_label_pop();
		ttalloc_free(1, TTALLOC_L1, 1);
		child = fork_somehow(family->bypasses_libc);
		if (child == 0) {
			family->pids[1] = getpid();
			report_alloc(3, 30);
			_exit(0);
		}
		wait_for(child);
		_exit(0);
	}
	wait_for(child);
	report_alloc(4, 40);
}

static void check_family(void **state, bool bypasses_libc)
{
	struct family family = {.pids = shared_pids(), .bypasses_libc = bypasses_libc};
	struct recording first = open_of(state, run_child(run_family, &family));
	struct recording child = open_of(state, family.pids[0]);
	struct recording grandchild = open_of(state, family.pids[1]);
	char path[64];

	assert_int_equal(first.count, 2);
	assert_int_equal(first.events[1].address, 4);
	assert_int_equal(child.count, 2);
	assert_int_equal(child.events[0].address, 2);
	assert_memory_equal(child.header->parent_id, first.header->id, TTA_ID_BYTES);
	assert_int_equal(child.header->parent_pid, first.header->pid);
	assert_true(child.header->fork_ticks >= first.events[0].ticks);
	assert_true(child.header->fork_ticks <= child.events[0].ticks);
	recording_label(&child, child.events[0].label, path, sizeof(path));
	assert_string_equal(path, "outer/inner");
	recording_label(&child, child.events[1].label, path, sizeof(path));
	assert_string_equal(path, "outer");
	assert_int_equal(grandchild.count, 1);
	assert_memory_equal(grandchild.header->parent_id, child.header->id, TTA_ID_BYTES);
	recording_label(&grandchild, grandchild.events[0].label, path, sizeof(path));
	assert_string_equal(path, "outer");
	recording_close(&first);
	recording_close(&child);
	recording_close(&grandchild);
	munmap(family.pids, 4096);
}

static void test_fork(void **state)
{
	check_family(state, false);
}

/* A fork that pthread_atfork() does not hear of: the wiped page tells. glibc's own locks are not held here. */
static void test_fork_that_bypasses_libc(void **state)
{
#if defined(__SANITIZE_THREAD__) || !defined(SYS_fork)
	skip();
#endif
	check_family(state, true);
}

/* ---- A fork amid the activity of other threads ---- */

#define FORKS 10 /* in each of four builds; a child competes with three busy threads, on a busy machine for seconds */

static bool stop;

static void *run_busy(void *argument)
{
	char name[32];

	for (uint64_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		snprintf(name, sizeof(name), "label %d", (int)(i % 1000));
		ttalloc_label_push(name);
		report_alloc((uintptr_t)argument, i);
		ttalloc_label_pop();
	}
	return NULL;
}

static void run_forks_amid_threads(void *argument)
{
	pid_t *pids = argument;
	pthread_t threads[3];

	report_alloc(0, 1);
	for (uintptr_t i = 0; i < 3; i++)
		CHILD_CHECK(pthread_create(&threads[i], NULL, run_busy, (void *)i) == 0);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork();

		if (child == 0) {
			ttalloc_label_push("child");
			for (uint64_t n = 0; n < 1000; n++)
				report_alloc(n, 1);
			_exit(0);
		}
		CHILD_CHECK(child > 0);
		pids[i] = child;
		wait_for(child);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void test_fork_amid_threads(void **state)
{
	pid_t *pids = shared_pids();
	struct recording parent = open_of(state, run_child(run_forks_amid_threads, pids));

	for (int i = 0; i < FORKS; i++) {
		struct recording child = open_of(state, pids[i]);
		char path[64];

		assert_int_equal(child.count, 1000);
		assert_int_equal(child.lost, 0);
		assert_memory_equal(child.header->parent_id, parent.header->id, TTA_ID_BYTES);
		for (size_t n = 0; n < child.count; n++)
			assert_int_equal(child.events[n].address, n);
		recording_label(&child, child.events[0].label, path, sizeof(path));
		assert_string_equal(path, "child");
		recording_close(&child);
	}
	recording_close(&parent);
	munmap(pids, 4096);
}

static void run_fork_amid_start(void *argument)
{
	pid_t *pids = argument;
	pthread_t threads[3];
	pid_t child;

	for (uintptr_t i = 0; i < 3; i++)
		CHILD_CHECK(pthread_create(&threads[i], NULL, run_busy, (void *)i) == 0);
	child = fork();
	if (child == 0) {
		for (uint64_t n = 0; n < 1000; n++)
			report_alloc(n, 1);
		_exit(0);
	}
	pids[0] = child;
	wait_for(child);
	_exit(0);
}

/* The child finds locks that threads of its parent hold, and files half made. */
static void test_fork_amid_start(void **state)
{
	pid_t *pids = shared_pids();

	for (int i = 0; i < FORKS; i++) {
		struct recording child;

		run_child(run_fork_amid_start, pids);
		child = open_of(state, pids[0]);
		assert_int_equal(child.count, 1000);
		recording_close(&child);
	}
	munmap(pids, 4096);
}

/* ---- Others ---- */

static void *report_first_in_thread(void *argument)
{
	report_alloc(7, 1);
	return argument;
}

static void run_thread_is_first(void *argument)
{
	pid_t *pids = argument;
	pid_t child;

	report_alloc(1, 1);
	child = fork();
	if (child == 0) {
		pthread_t thread;

		CHILD_CHECK(pthread_create(&thread, NULL, report_first_in_thread, NULL) == 0);
		pthread_join(thread, NULL);
		report_alloc(8, 1); /* the thread that forked knows the parent's ring */
		_exit(0);
	}
	pids[0] = child;
	wait_for(child);
}

/* A thread that is made in a forked child allocates, and clang 14's AddressSanitizer leaves the lock of its allocator
 * to threads that the child does not have. */
static void test_another_thread_is_first_in_the_child(void **state)
{
	if (ADDRESS_SANITIZER)
		skip();
	pid_t *pids = shared_pids();
	struct recording parent = open_of(state, run_child(run_thread_is_first, pids));
	struct recording child = open_of(state, pids[0]);

	assert_int_equal(parent.count, 1);
	assert_int_equal(child.count, 2);
	assert_int_equal(child.events[0].address, 7);
	assert_int_equal(child.events[1].address, 8);
	recording_close(&parent);
	recording_close(&child);
	munmap(pids, 4096);
}

static void run_vfork(void *argument)
{
	pid_t child;

	(void)argument;
	report_alloc(1, 1);
	child = vfork();
	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	wait_for(child);
	report_alloc(2, 1);
}

static void test_vfork_and_exec(void **state)
{
	struct recording recording = open_of(state, run_child(run_vfork, NULL));

	assert_int_equal(recording.count, 2);
	recording_close(&recording);
}

static void run_silent_child(void *argument)
{
	pid_t child;

	(void)argument;
	report_alloc(1, 1);
	child = fork();
	if (child == 0)
		_exit(0);
	wait_for(child);
	for (uint64_t i = 2; i < 50000; i++)
		report_alloc(i, 1);
}

static void test_silent_child_disturbs_nothing(void **state)
{
	struct recording recording;

	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	recording = open_of(state, run_child(run_silent_child, NULL));
	assert_int_equal(recording.count, 49999);
	assert_int_equal(recording.lost, 0);
	recording_close(&recording);
}

#define FORK_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FORK_TEST(test_fork),
	    FORK_TEST(test_fork_that_bypasses_libc),
	    FORK_TEST(test_fork_amid_threads),
	    FORK_TEST(test_fork_amid_start),
	    FORK_TEST(test_another_thread_is_first_in_the_child),
	    FORK_TEST(test_vfork_and_exec),
	    FORK_TEST(test_silent_child_disturbs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
