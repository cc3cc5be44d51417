/* SPDX-License-Identifier: Apache-2.0
 *
 * ttalloc-torturer - a program that is hard to record: threads that come and go and issue calls without a common order,
 * children that are forked while they do so, images that are replaced or end in every way there is. Each thread writes
 * down what it issues (log.h), so that all of it is known when the program is killed.
 *
 * ttalloc-torturer LOGS SEED DEPTH CALLS PACE-US [IMAGE]
 *
 * DEPTH: of children of children. CALLS: of a thread at most. IMAGE: how often exec has replaced this process.
 *
 * An address is used for one block alone, in a process and all its images: so it says which call an event is of.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "ttalloc.h"

#define MOST_THREADS 4
#define MOST_LIVE 48
#define MOST_CHILDREN 2
#define MOST_IMAGES 3
#define ROUNDS 3
#define MOST_LABELS 6

static struct {
	const char *program, *logs, *depth_text, *calls_text, *pace_text;
	uint64_t seed;
	uint32_t depth, calls, pace_us, image;
	uint32_t threads; /* begun in this image */
	uint64_t random;  /* of the main thread */
} me;

struct worker {
	pthread_t thread;
	uint32_t number;
	uint64_t random;
	uint32_t calls;
	struct gen_log *log;
	uint64_t live[MOST_LIVE];
	uint32_t live_count, labels;
	uint64_t serial;
};

static uint64_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static uint32_t below(uint64_t *random, uint32_t bound)
{
	return (uint32_t)(next(random) >> 20) % bound;
}

/* Seeds of all threads of all processes differ. */
static uint64_t seed_of(uint32_t thread)
{
	uint64_t random = (me.seed << 32 ^ (uint64_t)getpid() << 8 ^ (uint64_t)me.image << 5 ^ thread) | 1;

	for (int i = 0; i < 8; i++)
		next(&random);
	return random;
}

static uint64_t address_of(const struct worker *worker, uint64_t serial)
{
	return (uint64_t)me.image << 44 | (uint64_t)worker->number << 32 | serial * 64;
}

/* ---- calls ---- */

static void issue_alloc(struct worker *worker)
{
	struct ttalloc_block block = {
	    .device = below(&worker->random, 3),
	    .region = (uint16_t)below(&worker->random, 2),
	    .address = address_of(worker, ++worker->serial),
	    .size_bytes = 64 + below(&worker->random, 1 << 20),
	};

	if (worker->live_count == MOST_LIVE)
		return;
	gen_log_before(worker->log, &(struct gen_record){.kind = GEN_ALLOC,
	                                                 .device = block.device,
	                                                 .region = block.region,
	                                                 .address = block.address,
	                                                 .size_bytes = block.size_bytes});
	ttalloc_alloc(&block);
	gen_log_after(worker->log);
	/* device and region go along, in bits that addresses leave free */
	worker->live[worker->live_count++] = block.address | (uint64_t)block.device << 2 | block.region;
}

static void issue_free(struct worker *worker)
{
	uint32_t at, device;
	uint64_t block;
	uint16_t region;

	if (!worker->live_count)
		return;
	at = below(&worker->random, worker->live_count);
	block = worker->live[at];
	worker->live[at] = worker->live[--worker->live_count];
	device = (uint32_t)(block >> 2 & 3);
	region = (uint16_t)(block & 3);
	gen_log_before(worker->log,
	               &(struct gen_record){
	                   .kind = GEN_FREE, .device = device, .region = region, .address = block & ~(uint64_t)63});
	ttalloc_free(device, region, block & ~(uint64_t)63);
	gen_log_after(worker->log);
}

static void issue_failed(struct worker *worker)
{
	struct ttalloc_block wanted = {.size_bytes = address_of(worker, ++worker->serial)};
	uint32_t name = 1 + below(&worker->random, 5);
	char why[32];

	snprintf(why, sizeof(why), "no room %u", name);
	gen_log_before(worker->log,
	               &(struct gen_record){.kind = GEN_ALLOC_FAILED, .size_bytes = wanted.size_bytes, .name = name});
	ttalloc_alloc_failed(&wanted, why);
	gen_log_after(worker->log);
}

static void issue_label(struct worker *worker)
{
	bool push = worker->labels == 0 || (worker->labels < MOST_LABELS && below(&worker->random, 2));
	struct gen_record record = {.kind = push ? GEN_PUSH : GEN_POP, .name = below(&worker->random, 9)};
	char name[32];

	snprintf(name, sizeof(name), "label%u", record.name);
	gen_log_before(worker->log, &record);
	if (push)
		ttalloc_label_push(name);
	else
		ttalloc_label_pop();
	gen_log_after(worker->log);
	worker->labels += push ? 1u : -1u;
}

static void issue(struct worker *worker)
{
	uint32_t choice = below(&worker->random, 100);

	if (choice < 47)
		issue_alloc(worker);
	else if (choice < 92)
		issue_free(worker);
	else if (choice < 94)
		issue_failed(worker);
	else
		issue_label(worker);
	if (me.pace_us && below(&worker->random, 16) == 0)
		usleep(below(&worker->random, 32 * me.pace_us));
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->log =
	    gen_log_create(me.logs, (uint32_t)getpid() * 4 + me.image, worker->number, me.seed, worker->calls);
	if (!worker->log)
		_exit(3);
	for (uint32_t i = 0; i < worker->calls; i++)
		issue(worker);
	return NULL;
}

/* ---- what the process does meanwhile ---- */

/* The threads, but for the caller, are the parent's. */
static void be_a_child(void)
{
	me.depth--;
	me.threads = 0;
	me.image = 0;
	me.random = seed_of(0);
}

/* Replaces this image, with all its threads. */
static void replace(void)
{
	char seed[32], depth[32], image[32];

	if (me.image + 1 == MOST_IMAGES)
		return;
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)me.seed);
	snprintf(depth, sizeof(depth), "%u", me.depth ? me.depth - 1 : 0);
	snprintf(image, sizeof(image), "%u", me.image + 1);
	execl("/proc/self/exe", me.program, me.logs, seed, depth, me.calls_text, me.pace_text, image, (char *)NULL);
	_exit(3);
}

/* Ends this process; with threads at work, in some ways. */
static void end(void)
{
	switch (below(&me.random, 6)) {
	case 0:
		_exit(0);
	case 1:
		kill(getpid(), SIGKILL);
		break;
	case 2:
		pthread_exit(NULL);
	case 3:
		replace();
		break;
	default:
		break;
	}
	exit(0);
}

static void start(struct worker *worker)
{
	*worker = (struct worker){.number = ++me.threads, .calls = 1 + below(&me.random, me.calls)};
	worker->random = seed_of(worker->number);
	if (pthread_create(&worker->thread, NULL, work, worker))
		_exit(3);
}

/* Some threads, and a child while they are at work. Some are not waited for when the process is to end early. */
static void one_round(bool last)
{
	struct worker *workers = calloc(MOST_THREADS, sizeof(*workers)); /* a thread may outlive this function */
	uint32_t count = 1 + below(&me.random, MOST_THREADS);

	if (!workers)
		_exit(3);
	for (uint32_t i = 0; i < count; i++)
		start(&workers[i]);
	for (uint32_t i = below(&me.random, MOST_CHILDREN + 1); i > 0 && me.depth; i--) {
		usleep(below(&me.random, 20000));
		if (fork() == 0) {
			be_a_child();
			i = 1;
			count = 0; /* they are not here */
		}
	}
	if (last && below(&me.random, 3) == 0)
		end();
	for (uint32_t i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	me.program = argv[0];
	me.logs = argv[1];
	me.seed = strtoull(argv[2], NULL, 10);
	me.depth = (uint32_t)strtoul(argv[3], NULL, 10);
	me.calls_text = argv[4];
	me.calls = (uint32_t)strtoul(argv[4], NULL, 10);
	me.pace_text = argv[5];
	me.pace_us = (uint32_t)strtoul(argv[5], NULL, 10);
	me.image = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0;
	me.random = seed_of(0);
	for (int round = 1; round <= ROUNDS; round++)
		one_round(round == ROUNDS);
	end();
}
