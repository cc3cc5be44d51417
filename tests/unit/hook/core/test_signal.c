/* SPDX-License-Identifier: Apache-2.0
 *
 * test_signal.c - signal handlers may report, too, in the middle of an event of the thread that they interrupt.
 */
#include "tests/unit/hook/segment_reader.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/time.h>

#define SIGNALS 3000
#define FROM_HANDLER (1ull << 40)

static volatile uint64_t handled;

static void report_in_handler(int signal_number)
{
	(void)signal_number;
	ttalloc_label_push("handler");
	report_alloc(FROM_HANDLER + handled++, 1);
	ttalloc_label_pop();
}

static void start_timer(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval every = {.it_interval = {.tv_usec = 50}, .it_value = {.tv_usec = 50}};

	CHILD_CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHILD_CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
}

static void stop_timer(void)
{
	struct itimerval never = {.it_value = {.tv_usec = 0}};

	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_IGN);
}

struct totals {
	uint64_t issued;
	uint64_t handled;
};

static void run_interrupted(void *argument)
{
	struct totals *totals = argument;
	uint64_t i = 0;

	report_alloc(i++, 1); /* the flusher starts, which no signal handler may do: it needs malloc */
	start_timer(report_in_handler);
	while (handled < SIGNALS) {
		errno = 4711;
		report_alloc(i++, 1);
		CHILD_CHECK(errno == 4711);
	}
	stop_timer();
	totals->issued = i;
	totals->handled = handled;
}

/* Whatever was interrupted where: each side's events are all there or counted, in its order. */
static void check_totals(const struct recording *recording, const struct totals *totals)
{
	uint64_t outer = 0, inner = 0;
	char path[64];

	for (size_t i = 0; i < recording->count; i++) {
		const struct tta_event *event = &recording->events[i];
		bool is_inner = event->address >= FROM_HANDLER;
		uint64_t *next = is_inner ? &inner : &outer;

		if (event->kind == TTA_LOSS)
			continue;
		assert_int_equal(event->address, *next + (is_inner ? FROM_HANDLER : 0));
		++*next;
		if (is_inner) {
			recording_label(recording, event->label, path, sizeof(path));
			assert_string_equal(path, "handler");
		} else {
			assert_int_equal(event->label, 0);
		}
	}
	assert_int_equal(recording->lost, 0);
	assert_int_equal(outer, totals->issued);
	assert_int_equal(inner, totals->handled);
}

static void test_events_from_handlers(void **state)
{
	struct totals *totals = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct recording recording;
	char path[256];

	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	setenv("TTALLOC_RING_EVENTS", "256", 1); /* so that waits are interrupted, too */
	assert_true(find_segment(*state, run_child(run_interrupted, totals), path, sizeof(path)));
	recording = recording_open(path);
	check_totals(&recording, totals);
	recording_close(&recording);
	munmap(totals, 4096);
}

/* ---- A handler that does not come back ---- */

static sigjmp_buf away;
static volatile sig_atomic_t jumps;

static void jump_away(int signal_number)
{
	(void)signal_number;
	if (++jumps <= 200)
		siglongjmp(away, 1);
}

static void run_jumps(void *argument)
{
	struct totals *totals = argument;
	static volatile uint64_t i;

	if (sigsetjmp(away, 1) == 0) /* the first signal may come at once */
		start_timer(jump_away);
	while (jumps < 200) {
		i = i + 1;
		report_alloc(0, 1);
	}
	stop_timer();
	for (int more = 0; more < 1000; more++)
		report_alloc(1, 1);
	totals->issued = i;
	sleep_ms(150);
}

/* An event that was jumped out of may be missing; what comes after it is recorded, or counted. */
static void test_jumps_out_of_handlers(void **state)
{
	struct totals *totals = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct recording recording;
	uint64_t known;
	char path[256];

	if (ADDRESS_SANITIZER)
		skip(); /* its own run time is not made to be jumped out of */
	setenv("TTALLOC_FULL_WAIT_MS", "10000", 1);
	assert_true(find_segment(*state, run_child(run_jumps, totals), path, sizeof(path)));
	recording = recording_open(path);
	known = recording_events(&recording) + recording.lost;
	assert_in_range(known, totals->issued + 1000 - 200, totals->issued + 1000);
	recording_close(&recording);
	munmap(totals, 4096);
}

/* ---- What the flusher and the files must not do to the program's signals ---- */

static volatile sig_atomic_t on_wrong_thread;
static pthread_t main_thread;

static void note_thread(int signal_number)
{
	(void)signal_number;
	if (!pthread_equal(pthread_self(), main_thread))
		on_wrong_thread = 1;
}

static void run_process_signals(void *argument)
{
	sigset_t only;

	(void)argument;
	main_thread = pthread_self();
	signal(SIGUSR1, note_thread);
	report_alloc(1, 1);
	sigemptyset(&only);
	sigaddset(&only, SIGUSR1);
	sigprocmask(SIG_BLOCK, &only, NULL); /* the flusher is the only other thread */
	for (int i = 0; i < 20; i++) {
		kill(getpid(), SIGUSR1);
		sleep_ms(1);
	}
	CHILD_CHECK(!on_wrong_thread);
}

static void test_flusher_takes_no_signals(void **state)
{
	(void)state;
	run_child(run_process_signals, NULL);
}

/* The line on stderr, which is a file, too, must not exceed the limit, nor fall into a pipe that nobody reads. */
static void run_file_limit(void *argument)
{
	struct rlimit limit = {.rlim_cur = *(rlim_t *)argument, .rlim_max = *(rlim_t *)argument};
	FILE *file = tmpfile();

	CHILD_CHECK(file && dup2(fileno(file), STDERR_FILENO) == STDERR_FILENO);

	CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	for (uint64_t i = 0; i < 20000; i++)
		report_alloc(i, 1);
}

static void run_without_reader(void *argument)
{
	int ends[2];

	(void)argument;
	CHILD_CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	close(ends[0]);
	setenv("TTALLOC_SEGMENT_DIR", "/nowhere", 1);
	report_alloc(1, 1);
}

static void test_stderr_without_a_reader_kills_nobody(void **state)
{
	(void)state;
	run_child(run_without_reader, NULL);
}

static void test_file_size_limit_kills_nobody(void **state)
{
	rlim_t none = 0, small = 100 << 10, medium = 16 << 20;
	char path[256];

	assert_false(find_segment(*state, run_child(run_file_limit, &none), path, sizeof(path)));
	assert_false(find_segment(*state, run_child(run_file_limit, &small), path, sizeof(path)));
	assert_true(find_segment(*state, run_child(run_file_limit, &medium), path, sizeof(path)));
}

/* ---- The first event, on a small stack ---- */

/* As documented: beside the kernel's frame. One that overflows runs into a page without access. */
#define FIRST_EVENT_BYTES (8u << 10)

static void report_first(int signal_number)
{
	report_alloc((uint64_t)signal_number, 1);
}

static int count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = -2; /* . and .. */

	CHILD_CHECK(tasks);
	while (readdir(tasks))
		count++;
	closedir(tasks);
	return count;
}

static void run_first_on_small_stack(void *stacks)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), bytes = (size_t)sysconf(_SC_MINSIGSTKSZ) + FIRST_EVENT_BYTES;
	size_t pages_bytes = (bytes + page_bytes - 1) / page_bytes * page_bytes;
	char *pages = mmap(NULL, page_bytes + pages_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = pages + page_bytes, .ss_size = bytes};
	struct sigaction action = {.sa_handler = report_first, .sa_flags = SA_ONSTACK};

	setenv("TTALLOC_STACKS", stacks, 1);
	CHILD_CHECK(mprotect(pages + page_bytes, pages_bytes, PROT_READ | PROT_WRITE) == 0);
	CHILD_CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
	raise(SIGUSR1);
	CHILD_CHECK(count_threads() == 1); /* a handler may not make one */
	report_alloc(2, 2);
	CHILD_CHECK(count_threads() == 2);
}

static void check_first_on_small_stack(void **state, char *stacks)
{
	struct recording recording;
	char path[256];

	if (ADDRESS_SANITIZER)
		skip(); /* its frames are larger */
#if defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
	skip(); /* and so are these */
#endif
	assert_true(find_segment(*state, run_child(run_first_on_small_stack, stacks), path, sizeof(path)));
	recording = recording_open(path);
	assert_int_equal(recording.count, 2);
	recording_close(&recording);
}

static void test_first_event_on_a_small_stack(void **state)
{
	check_first_on_small_stack(state, "0");
}

static void test_first_call_stack_on_a_small_stack(void **state)
{
	check_first_on_small_stack(state, "16");
}

#define SIGNAL_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SIGNAL_TEST(test_events_from_handlers),
	    SIGNAL_TEST(test_jumps_out_of_handlers),
	    SIGNAL_TEST(test_flusher_takes_no_signals),
	    SIGNAL_TEST(test_file_size_limit_kills_nobody),
	    SIGNAL_TEST(test_stderr_without_a_reader_kills_nobody),
	    SIGNAL_TEST(test_first_event_on_a_small_stack),
	    SIGNAL_TEST(test_first_call_stack_on_a_small_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
