/* SPDX-License-Identifier: Apache-2.0
 *
 * first_event - how long it takes from the start of a program until its first event is safe: once in the segment, which
 * outlives a kill, and once committed to the file. The program starts by itself and under a recorder, by turns; both
 * times count from before it, or the recorder, is started.
 *
 * usage: first_event RECORDER FILE    FILE: where to record to; it is replaced
 */
#include <ttalloc.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 41
#define FLUSH_TIMEOUT_MS 10000
#define TARGET_MS 20.0

/* What a program that was started says: nanoseconds. */
struct moments {
	double in_main, in_segment, in_file;
};

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

static void print_median(const char *what, double *values_ns, const char *judged)
{
	qsort(values_ns, ROUNDS, sizeof(values_ns[0]), compare);
	printf("  %-44s %6.2f ms  (%.2f to %.2f)", what, values_ns[ROUNDS / 2] / 1e6, values_ns[ROUNDS / 10] / 1e6,
	       values_ns[ROUNDS - 1 - ROUNDS / 10] / 1e6);
	if (judged)
		printf("  %s %.0f ms: %s", judged, TARGET_MS,
		       values_ns[ROUNDS / 2] / 1e6 <= TARGET_MS ? "met" : "MISSED");
	putchar('\n');
}

/* The program that is measured: tells on descriptor SAY when its first event was where. */
static int run_program(int say)
{
	struct ttalloc_block block = {.region = TTALLOC_DRAM, .address = 4096, .size_bytes = 4096};
	struct moments moments = {.in_main = now_ns()};

	ttalloc_alloc(&block);
	moments.in_segment = now_ns();
	if (ttalloc_enabled() && !ttalloc_flush(FLUSH_TIMEOUT_MS))
		return 1;
	moments.in_file = now_ns();
	return write(say, &moments, sizeof(moments)) != sizeof(moments);
}

/* Starts COMMAND, whose descriptor 3 is the end of a pipe. Moments since the start. */
static struct moments start(char *const command[])
{
	struct moments moments = {.in_main = 0};
	int ends[2], status;
	double began_ns;
	pid_t child;

	if (pipe(ends))
		exit(1);
	began_ns = now_ns();
	child = fork();
	if (child == 0) {
		if (dup2(ends[1], 3) == 3)
			execv(command[0], command);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], &moments, sizeof(moments)) != sizeof(moments)) {
		fprintf(stderr, "first_event: %s has not reported\n", command[0]);
		exit(1);
	}
	close(ends[0]);
	waitpid(child, &status, 0);
	moments.in_main -= began_ns;
	moments.in_segment -= began_ns;
	moments.in_file -= began_ns;
	return moments;
}

int main(int count, char **words)
{
	static double alone[ROUNDS], in_main[ROUNDS], call[ROUNDS], in_segment[ROUNDS], in_file[ROUNDS];

	if (count == 2 && strcmp(words[1], "program") == 0)
		return run_program(3);
	if (count != 3)
		return 2;
	for (int i = 0; i < ROUNDS; i++) {
		char *by_itself[] = {words[0], "program", NULL};
		char *recorded[] = {words[1], "--force", "--quiet", "-o", words[2], "--", words[0], "program", NULL};
		struct moments moments;

		alone[i] = start(by_itself).in_main;
		moments = start(recorded);
		in_main[i] = moments.in_main;
		call[i] = moments.in_segment - moments.in_main;
		in_segment[i] = moments.in_segment;
		in_file[i] = moments.in_file;
	}
	print_median("not recorded: main() begins after", alone, NULL);
	print_median("recorded: main() begins after", in_main, NULL);
	print_median("the first event's call takes", call, NULL);
	print_median("the event is in the segment after", in_segment, "at most");
	print_median("and in the file after", in_file, "at most");
	return 0;
}
