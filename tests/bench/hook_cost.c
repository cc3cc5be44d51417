/* SPDX-License-Identifier: Apache-2.0
 *
 * hook_cost - what reporting an event costs the program, through the shared library, against one
 * clock_gettime(CLOCK_MONOTONIC) measured by turns in the same run. Events come in bursts that fit a ring, with the
 * flusher at work and a recorder connected; all of them are recorded.
 *
 * usage: hook_cost [RECORDER]    RECORDER: path of ttalloc-recorder, under which the program runs itself
 */
#include <ttalloc.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BURST 8000
#define ROUNDS 101
#define PACED_EVENTS 5000
#define PACE_NS 20000
#define FLUSH_TIMEOUT_MS 10000

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[count / 2];
}

/* Each of these returns nanoseconds per call or event. */

static double time_clock(void)
{
	struct timespec now;
	double start = now_ns();

	for (int i = 0; i < BURST; i++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		__asm__ volatile("" : : "r"(&now) : "memory");
	}
	return (now_ns() - start) / BURST;
}

static double time_events(uint64_t base)
{
	struct ttalloc_block block = {.device = 0, .region = TTALLOC_L1, .size_bytes = 2048};
	double start = now_ns();

	for (uint64_t i = 0; i < BURST / 2; i++) {
		block.address = base + i * 2048;
		ttalloc_alloc(&block);
		ttalloc_free(0, TTALLOC_L1, block.address);
	}
	return (now_ns() - start) / BURST;
}

/* Allocs alone, from DEPTH more frames within each other: each has its call stack recorded. */
__attribute__((noinline)) static double time_stacks(unsigned depth)
{
	struct ttalloc_block block = {.device = 0, .region = TTALLOC_L1, .size_bytes = 2048};
	double start, spent;

	if (depth > 0) {
		spent = time_stacks(depth - 1);
		__asm__ volatile("" : : : "memory"); /* no tail call */
		return spent;
	}
	start = now_ns();
	for (uint64_t i = 0; i < BURST / 2; i++) {
		block.address = i * 2048;
		ttalloc_alloc(&block);
	}
	spent = (now_ns() - start) / (BURST / 2);
	for (uint64_t i = 0; i < BURST / 2; i++)
		ttalloc_free(0, TTALLOC_L1, i * 2048);
	return spent;
}

/* ---- Rounds ---- */

static void must_flush(void)
{
	if (!ttalloc_flush(FLUSH_TIMEOUT_MS)) {
		fprintf(stderr, "hook_cost: events are not committed: is there a recorder?\n");
		exit(1);
	}
}

static double measure_one_thread(double *clock_ns)
{
	double clocks[ROUNDS], events[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		clocks[i] = time_clock();
		events[i] = time_events(0);
		must_flush();
	}
	*clock_ns = median(clocks, ROUNDS);
	return median(events, ROUNDS);
}

static double measure_stacks(unsigned frames, double *clock_ns)
{
	double clocks[ROUNDS], events[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		clocks[i] = time_clock();
		events[i] = time_stacks(frames);
		must_flush();
	}
	*clock_ns = median(clocks, ROUNDS);
	return median(events, ROUNDS);
}

struct second_thread {
	pthread_barrier_t barrier;
	double events[ROUNDS];
};

static void *run_second_thread(void *argument)
{
	struct second_thread *second = argument;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&second->barrier);
		second->events[i] = time_events(1ull << 32);
		pthread_barrier_wait(&second->barrier);
	}
	return NULL;
}

static double measure_two_threads(void)
{
	static struct second_thread second;
	double events[ROUNDS], first, other;
	pthread_t thread;

	pthread_barrier_init(&second.barrier, NULL, 2);
	if (pthread_create(&thread, NULL, run_second_thread, &second))
		exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&second.barrier);
		events[i] = time_events(0);
		pthread_barrier_wait(&second.barrier);
		must_flush();
	}
	pthread_join(thread, NULL);
	first = median(events, ROUNDS);
	other = median(second.events, ROUNDS);
	return first > other ? first : other;
}

/* One event per 20 us, as a real allocator may do: caches are cold by then. Net of the clock that times it. */
static double measure_paced(void)
{
	static double costs[PACED_EVENTS];
	struct ttalloc_block block = {.region = TTALLOC_DRAM, .size_bytes = 4096};
	double next = now_ns();

	for (int i = 0; i < PACED_EVENTS; i++) {
		double start, overhead;

		do
			start = now_ns();
		while (start < next);
		next = start + PACE_NS;
		start = now_ns();
		overhead = now_ns() - start;
		start = now_ns();
		block.address = (uint64_t)i * 4096;
		ttalloc_alloc(&block);
		costs[i] = now_ns() - start - overhead;
	}
	return median(costs, PACED_EVENTS);
}

static double measure_disabled(double *clock_ns)
{
	double clocks[ROUNDS], events[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		clocks[i] = time_clock();
		events[i] = time_events(0);
	}
	*clock_ns = median(clocks, ROUNDS);
	return median(events, ROUNDS);
}

static void print_ratio(const char *what, double event_ns, double clock_ns, double limit)
{
	printf("  %-32s %6.2f ns  %5.2f x clock_gettime (%.1f ns)", what, event_ns, event_ns / clock_ns, clock_ns);
	if (limit > 0)
		printf("  at most %.1f: %s", limit, event_ns / clock_ns <= limit ? "met" : "MISSED");
	putchar('\n');
	fflush(stdout);
}

static void run_disabled(void)
{
	double clock_ns, event_ns;

	unsetenv("TT_ALLOC_TRACKING_ENABLED");
	event_ns = measure_disabled(&clock_ns);
	print_ratio("disabled", event_ns, clock_ns, 0.1);
}

static int run_recorded(void)
{
	double clock_ns, one, two;
	pid_t child = fork(); /* whether recording is on is decided once per process */

	if (child == 0) {
		run_disabled();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	if (!ttalloc_enabled()) {
		fprintf(stderr, "hook_cost: recording is off\n");
		return 1;
	}
	ttalloc_step(0);
	must_flush();
	one = measure_one_thread(&clock_ns);
	print_ratio("one thread", one, clock_ns, 1.2);
	two = measure_two_threads();
	print_ratio("two threads", two, clock_ns, 1.3);
	print_ratio("one event per 20 us, net", measure_paced(), clock_ns, 0);
	must_flush();
	return 0;
}

/* In a process of its own, since the environment is read once. */
static void run_stacks(const char *self, const char *frames, const char *unwinder)
{
	pid_t child = fork();

	if (child == 0) {
		setenv("TTALLOC_STACKS", frames, 1);
		setenv("TTALLOC_UNWINDER", unwinder, 1);
		execl(self, self, "stacks", (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static int run_stacked(void)
{
	const char *frames = getenv("TTALLOC_STACKS"), *unwinder = getenv("TTALLOC_UNWINDER");
	bool plain = strcmp(unwinder, "fp") == 0;
	char name[64];
	double clock_ns, event_ns = measure_stacks((unsigned)atoi(frames), &clock_ns);

	snprintf(name, sizeof(name), "%s frames%s", frames, plain ? "" : ", by libunwind");
	print_ratio(name, event_ns, clock_ns, plain && atoi(frames) == 8 ? 2 : 0);
	return 0;
}

static int run_all(const char *self)
{
	int status = run_recorded();

	run_stacks(self, "8", "fp");
	run_stacks(self, "16", "fp");
	run_stacks(self, "8", "libunwind");
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "stacks") == 0)
		return run_stacked();
	if (argc < 2)
		return run_all(argv[0]);
	printf("hook: nanoseconds per event, medians of %d bursts of %d events\n", ROUNDS, BURST);
	fflush(stdout);
	execl(argv[1], argv[1], "--force", "--quiet", "-o", "hook_cost.db", "--", argv[0], (char *)NULL);
	perror(argv[1]);
	return 127;
}
