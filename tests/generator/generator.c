/* SPDX-License-Identifier: Apache-2.0
 *
 * ttalloc-generator - issues random streams of calls through the public API, from several processes and threads, and
 * logs what it issued. With the common lock (the default) all calls of all processes have one order; with --apart each
 * thread has devices of its own, and nothing but the order within a thread is promised.
 *
 * Prints "started" when its processes run and "issued" when all calls were made; with --hold they then live on until
 * standard input ends. The parent itself reports nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream.h"

struct options {
	uint64_t seed, calls, burst;
	uint32_t processes, threads, devices, pace_us;
	bool apart, hold, abrupt, chips;
	const char *directory;
};

struct worker {
	const struct options *options;
	struct gen_shared *shared;
	struct gen_thread thread;
	uint32_t process, number;
};

static void fail(const char *what)
{
	fprintf(stderr, "ttalloc-generator: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct gen_shared *make_shared(void)
{
	pthread_mutexattr_t attributes;
	struct gen_shared *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		fail("mmap");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->lock, &attributes);
	return shared;
}

/* Threads of all processes begin together, as far as they come: one that was killed is not waited for. */
static void await_others(struct gen_shared *shared, uint32_t all)
{
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 500 && __atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) < all; i++)
		usleep(1000);
}

static void *run_worker(void *argument)
{
	struct worker *worker = argument;
	const struct options *options = worker->options;

	if (options->burst) {
		gen_burst(worker->number, 4096 + 64 * (uint64_t)worker->process, options->burst);
		return NULL;
	}
	/* The log is made here, so that it names the thread that issues. */
	worker->thread.log =
	    gen_log_create(options->directory, worker->process, worker->number, options->seed, options->calls + 64);
	if (!worker->thread.log)
		fail(options->directory);
	await_others(worker->shared, options->processes * options->threads);
	if (worker->number == 0 || options->apart)
		gen_open_devices(&worker->thread, options->seed);
	gen_run(&worker->thread, options->calls);
	return NULL;
}

static struct gen_space *make_space(const struct options *options, uint32_t process, uint32_t number)
{
	struct gen_space *space = calloc(1, sizeof(*space));

	if (!space)
		fail("calloc");
	space->process = options->apart ? 0 : process;
	space->first_device = options->apart ? (process * options->threads + number) * options->devices : 0;
	space->devices = options->devices;
	space->steps = !options->apart;
	space->chips = options->chips;
	return space;
}

/* One recorded process: its threads, then a byte to the parent, then waiting until RELEASE_FD ends. */
static void run_process(const struct options *options, struct gen_shared *shared, uint32_t process, int issued_fd,
                        int release_fd)
{
	struct worker *workers = calloc(options->threads, sizeof(*workers));
	pthread_t *threads = calloc(options->threads, sizeof(*threads));
	struct gen_space *space = NULL;
	char byte = 0;

	if (!workers || !threads)
		fail("calloc");
	for (uint32_t i = 0; i < options->threads; i++) {
		if (!space || options->apart)
			space = make_space(options, process, i);
		workers[i] = (struct worker){
		    .options = options,
		    .shared = shared,
		    .process = process,
		    .number = i,
		    .thread =
		        {
		            .shared = options->apart ? NULL : shared,
		            .space = space,
		            .random = (options->seed * 1000003 + process * 1009 + i) * 2654435761u + 88172645463325252u,
		            .pace_us = options->pace_us,
		        },
		};
	}
	for (uint32_t i = 1; i < options->threads; i++)
		if (pthread_create(&threads[i], NULL, run_worker, &workers[i]))
			fail("pthread_create");
	run_worker(&workers[0]);
	for (uint32_t i = 1; i < options->threads; i++)
		pthread_join(threads[i], NULL);
	if (write(issued_fd, &byte, 1) != 1)
		fail("write");
	close(issued_fd);
	while (read(release_fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (options->abrupt)
		_exit(0);
	exit(0);
}

static uint32_t number_of(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static void parse(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
	    {"seed", required_argument, NULL, 's'},
	    {"processes", required_argument, NULL, 'p'},
	    {"threads", required_argument, NULL, 't'},
	    {"calls", required_argument, NULL, 'c'},
	    {"devices", required_argument, NULL, 'd'},
	    {"pace-us", required_argument, NULL, 'u'},
	    {"log", required_argument, NULL, 'l'},
	    {"burst", required_argument, NULL, 'b'},
	    {"apart", no_argument, NULL, 'a'},
	    {"hold", no_argument, NULL, 'h'},
	    {"abrupt", no_argument, NULL, 'x'},
	    {"chips", no_argument, NULL, 'i'},
	    {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (option) {
		case 's':
			options->seed = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			options->processes = number_of(optarg);
			break;
		case 't':
			options->threads = number_of(optarg);
			break;
		case 'c':
			options->calls = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			options->devices = number_of(optarg);
			break;
		case 'u':
			options->pace_us = number_of(optarg);
			break;
		case 'l':
			options->directory = optarg;
			break;
		case 'b':
			options->burst = strtoull(optarg, NULL, 10);
			break;
		case 'a':
			options->apart = true;
			break;
		case 'h':
			options->hold = true;
			break;
		case 'x':
			options->abrupt = true;
			break;
		case 'i':
			options->chips = true;
			break;
		default:
			exit(2);
		}
	if (options->devices < 1 || options->devices > GEN_DEVICES || (!options->directory && !options->burst)) {
		fprintf(stderr, "ttalloc-generator: --log DIR is needed, and 1 to %u --devices\n", GEN_DEVICES);
		exit(2);
	}
}

/* Waits until every process has issued all it had, or has died. */
static void await_issued(int fd)
{
	char bytes[64];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR))
		;
	puts("issued");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct options options = {
	    .seed = 1, .calls = 2000, .processes = 1, .threads = 1, .devices = 2, .directory = NULL};
	struct gen_shared *shared = make_shared();
	int issued[2], release[2], status, worst = 0;
	char byte;

	parse(&options, argc, argv);
	if (pipe(issued) || pipe(release))
		fail("pipe");
	for (uint32_t i = 0; i < options.processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			close(issued[0]);
			close(release[1]);
			run_process(&options, shared, i, issued[1], release[0]);
		}
		printf("process %d\n", (int)pid);
		fflush(stdout);
	}
	puts("started");
	fflush(stdout);
	close(issued[1]);
	await_issued(issued[0]);
	while (options.hold && read(STDIN_FILENO, &byte, 1) > 0)
		;
	close(release[1]);
	while (wait(&status) > 0)
		worst = status ? 1 : worst;
	return worst;
}
