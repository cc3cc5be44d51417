/* SPDX-License-Identifier: Apache-2.0
 *
 * ttalloc-player - issues the calls that it reads from standard input, one a line, and answers each with a line
 * "BEFORE-NS AFTER-NS RESULT". So a script decides what happens in which process and thread, and when.
 *
 * Strings are words without blanks; "-" is NULL. "thread N" has the following calls made by thread N (0: the main one).
 * "fork IN OUT" forks a child that goes on with the named pipes IN and OUT; "exec" starts the player anew; "leave" ends
 * the main thread, and another one goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hook/core/producer.h"
#include "ttalloc.h"

#define MAX_WORDS 64
#define MAX_THREADS 512

struct words {
	char *word[MAX_WORDS];
	int count;
};

struct command {
	const char *name;
	int words; /* after the name, at least */
	unsigned long long (*run)(const struct words *);
};

/* A thread that waits for lines to be handed to it. */
struct worker {
	pthread_t thread;
	pid_t pid; /* of the process that the thread is in */
	sem_t go, done;
	const struct command *command;
	const struct words *words;
	unsigned long long result;
	uint64_t before_ns, after_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t number(const struct words *words, int index)
{
	return index < words->count ? strtoull(words->word[index], NULL, 0) : 0;
}

static const char *string(const struct words *words, int index)
{
	return index < words->count && strcmp(words->word[index], "-") ? words->word[index] : NULL;
}

static struct ttalloc_block block_of(const struct words *words)
{
	return (struct ttalloc_block){
	    .device = (uint32_t)number(words, 1),
	    .region = (uint16_t)number(words, 2),
	    .flags = (uint16_t)number(words, 3),
	    .address = number(words, 4),
	    .size_bytes = number(words, 5),
	    .bank_bytes = number(words, 6),
	};
}

static unsigned long long run_alloc(const struct words *words)
{
	struct ttalloc_block block = block_of(words);

	ttalloc_alloc(&block);
	return 0;
}

static unsigned long long run_failed(const struct words *words)
{
	struct ttalloc_block block = block_of(words);

	ttalloc_alloc_failed(&block, string(words, 7));
	return 0;
}

static unsigned long long run_free(const struct words *words)
{
	ttalloc_free((uint32_t)number(words, 1), (uint16_t)number(words, 2), number(words, 3));
	return 0;
}

/* burst DEVICE REGION ADDRESS SIZE PAIRS: allocs, each freed at once. */
static unsigned long long run_burst(const struct words *words)
{
	struct ttalloc_block block = {
	    .device = (uint32_t)number(words, 1),
	    .region = (uint16_t)number(words, 2),
	    .address = number(words, 3),
	    .size_bytes = number(words, 4),
	};

	for (uint64_t i = 0, pairs = number(words, 5); i < pairs; i++) {
		ttalloc_alloc(&block);
		ttalloc_free(block.device, block.region, block.address);
	}
	return 0;
}

/* cb DEVICE PROGRAM ADDRESS SIZE INDEX ALIASED+2*KIND [X0 Y0 X1 Y1]... */
static unsigned long long run_cb(const struct words *words)
{
	struct ttalloc_core_range cores[MAX_WORDS / 4];
	uint32_t ranges = 0;
	struct ttalloc_cb cb = {
	    .struct_size = sizeof(cb),
	    .device = (uint32_t)number(words, 1),
	    .program = number(words, 2),
	    .address = number(words, 3),
	    .size_bytes = number(words, 4),
	    .index = (uint32_t)number(words, 5),
	    .aliased = (uint32_t)number(words, 6) & 1,
	    .kind = (uint32_t)number(words, 6) >> 1,
	};

	for (int i = 7; i + 3 < words->count; i += 4)
		cores[ranges++] = (struct ttalloc_core_range){
		    .x0 = (uint16_t)number(words, i),
		    .y0 = (uint16_t)number(words, i + 1),
		    .x1 = (uint16_t)number(words, i + 2),
		    .y1 = (uint16_t)number(words, i + 3),
		};
	cb.cores = ranges ? cores : NULL;
	cb.core_ranges = ranges;
	ttalloc_cb_alloc(&cb);
	return 0;
}

static unsigned long long run_cb_free(const struct words *words)
{
	ttalloc_cb_free((uint32_t)number(words, 1), number(words, 2));
	return 0;
}

static unsigned long long run_program(const struct words *words)
{
	ttalloc_program_run((uint32_t)number(words, 1), number(words, 2));
	return 0;
}

/* kload DEVICE ID SIZE NAME KIND CORE-TYPE */
static unsigned long long run_kernel_load(const struct words *words)
{
	ttalloc_kernel_load(&(struct ttalloc_kernel){
	    .struct_size = sizeof(struct ttalloc_kernel),
	    .device = (uint32_t)number(words, 1),
	    .id = number(words, 2),
	    .size_bytes = number(words, 3),
	    .name = string(words, 4),
	    .kind = string(words, 5),
	    .core_type = string(words, 6),
	});
	return 0;
}

static unsigned long long run_kernel_unload(const struct words *words)
{
	ttalloc_kernel_unload((uint32_t)number(words, 1), number(words, 2));
	return 0;
}

/* open DEVICE ARCH[@CHIP] [REGION TOP-DOWN BANKS BANK-BYTES BASE ALIGNMENT]... */
static unsigned long long run_open(const struct words *words)
{
	struct ttalloc_bank_layout layouts[MAX_WORDS / 6];
	const char *named = string(words, 2), *chip = named ? strchr(named, '@') : NULL;
	uint32_t count = 0;
	char arch[64];

	for (int i = 3; i + 5 < words->count; i += 6)
		layouts[count++] = (struct ttalloc_bank_layout){
		    .region = (uint16_t)number(words, i),
		    .top_down = (uint16_t)number(words, i + 1),
		    .banks = (uint32_t)number(words, i + 2),
		    .bank_bytes = number(words, i + 3),
		    .base_address = number(words, i + 4),
		    .alignment_bytes = number(words, i + 5),
		};
	snprintf(arch, sizeof(arch), "%.*s", chip ? (int)(chip - named) : 63, named ? named : "");
	ttalloc_device_open(&(struct ttalloc_device){
	    .struct_size = sizeof(struct ttalloc_device),
	    .device = (uint32_t)number(words, 1),
	    .arch = arch,
	    .chip = chip ? chip + 1 : NULL,
	    .layouts = layouts,
	    .layout_count = count,
	});
	return 0;
}

/* cores DEVICE NAME IN-STEP X0 Y0 X1 Y1...: what an allocator of DEVICE serves alone */
static unsigned long long run_cores(const struct words *words)
{
	struct ttalloc_core_range ranges[MAX_WORDS / 4];
	uint32_t count = 0, cores = 0;

	for (int i = 4; i + 3 < words->count; i += 4) {
		struct ttalloc_core_range *range = &ranges[count++];

		*range = (struct ttalloc_core_range){(uint16_t)number(words, i), (uint16_t)number(words, i + 1),
		                                     (uint16_t)number(words, i + 2), (uint16_t)number(words, i + 3)};
		cores += (range->x1 - range->x0 + 1u) * (range->y1 - range->y0 + 1u);
	}
	ttalloc_device_open(&(struct ttalloc_device){
	    .struct_size = sizeof(struct ttalloc_device),
	    .device = (uint32_t)number(words, 1),
	    .allocator = string(words, 2),
	    .in_step = (uint32_t)number(words, 3),
	    .cores = cores,
	    .core_ranges = count,
	    .core_range_list = ranges,
	});
	return 0;
}

static unsigned long long run_close(const struct words *words)
{
	ttalloc_device_close((uint32_t)number(words, 1));
	return 0;
}

static unsigned long long run_push(const struct words *words)
{
	ttalloc_label_push(string(words, 1));
	return 0;
}

static unsigned long long run_pop(const struct words *words)
{
	(void)words;
	ttalloc_label_pop();
	return 0;
}

/* op NAME [ARGUMENTS] */
static unsigned long long run_op(const struct words *words)
{
	const char *arguments = string(words, 2);

	ttalloc_operation_begin_with(words->word[1], arguments, arguments ? strlen(arguments) : 0);
	return 0;
}

/* end-op ABORTED */
static unsigned long long run_end_op(const struct words *words)
{
	ttalloc_operation_end(number(words, 1) != 0);
	return 0;
}

/* tensor DEVICE REGION ADDRESS INDEX GIVEN SHAPE: of the innermost operation. */
static unsigned long long run_tensor(const struct words *words)
{
	struct ttalloc_tensor_spec spec = {
	    .shape = words->word[6], .dtype = "bfloat16", .layout = "TILE", .memory = "interleaved"};

	ttalloc_tensor(&(struct ttalloc_tensor){.device = (uint32_t)number(words, 1),
	                                        .region = (uint16_t)number(words, 2),
	                                        .address = number(words, 3),
	                                        .index = (uint32_t)number(words, 4),
	                                        .given = number(words, 5) != 0,
	                                        .spec = &spec});
	return 0;
}

/* ops NAME ADDRESS COUNT: operations, in each of which another one allocates a block of DRAM, which is freed behind. */
static unsigned long long run_ops(const struct words *words)
{
	struct ttalloc_block block = {.region = TTALLOC_DRAM, .address = number(words, 2), .size_bytes = 64};

	for (uint64_t i = 0, count = number(words, 3); i < count; i++) {
		ttalloc_operation_begin(words->word[1]);
		ttalloc_operation_begin("inner");
		ttalloc_alloc(&block);
		ttalloc_operation_end(false);
		ttalloc_operation_end(false);
		ttalloc_free(0, TTALLOC_DRAM, block.address);
	}
	return 0;
}

static unsigned long long run_snapshot(const struct words *words)
{
	ttalloc_snapshot(string(words, 1));
	return 0;
}

static unsigned long long run_step(const struct words *words)
{
	ttalloc_step(number(words, 1));
	return 0;
}

static unsigned long long run_flush(const struct words *words)
{
	return ttalloc_flush((unsigned)number(words, 1));
}

static unsigned long long run_enabled(const struct words *words)
{
	(void)words;
	return ttalloc_enabled();
}

/* Goes on as a child whose standard streams are the named pipes; the parent gets its pid. */
static unsigned long long run_fork(const struct words *words)
{
	pid_t pid = fork();

	if (pid)
		return (unsigned long long)pid;
	int in = open(words->word[1], O_RDONLY), out = open(words->word[2], O_WRONLY);

	if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(9);
	close(in);
	close(out);
	return 0;
}

static unsigned long long run_exec(const struct words *words)
{
	(void)words;
	execl("/proc/self/exe", "ttalloc-player", (char *)NULL);
	return (unsigned long long)errno;
}

static unsigned long long run_exit(const struct words *words)
{
	exit((int)number(words, 1));
}

static unsigned long long run_vanish(const struct words *words)
{
	_exit((int)number(words, 1));
}

static const struct command commands[] = {
    {"alloc", 5, run_alloc},
    {"failed", 5, run_failed},
    {"free", 3, run_free},
    {"burst", 5, run_burst},
    {"cb", 6, run_cb},
    {"cbfree", 2, run_cb_free},
    {"run", 2, run_program},
    {"kload", 3, run_kernel_load},
    {"kunload", 2, run_kernel_unload},
    {"open", 2, run_open},
    {"cores", 3, run_cores},
    {"close", 1, run_close},
    {"push", 1, run_push},
    {"pop", 0, run_pop},
    {"step", 1, run_step},
    {"op", 1, run_op},
    {"end-op", 1, run_end_op},
    {"tensor", 6, run_tensor},
    {"ops", 3, run_ops},
    {"snapshot", 1, run_snapshot},
    {"flush", 1, run_flush},
    {"enabled", 0, run_enabled},
    {"fork", 2, run_fork},
    {"exec", 0, run_exec},
    {"exit", 1, run_exit},
    {"vanish", 1, run_vanish},
};

static const struct command *find_command(const struct words *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (words->count > commands[i].words && !strcmp(words->word[0], commands[i].name))
			return &commands[i];
	return NULL;
}

static void split(char *line, struct words *words)
{
	char *rest = NULL;

	words->count = 0;
	for (char *word = strtok_r(line, " \n", &rest); word && words->count < MAX_WORDS;
	     word = strtok_r(NULL, " \n", &rest))
		words->word[words->count++] = word;
}

static void execute(struct worker *worker)
{
	worker->before_ns = now_ns();
	worker->result = worker->command->run(worker->words);
	worker->after_ns = now_ns();
}

static void *serve(void *argument)
{
	struct worker *worker = argument;

	for (;;) {
		while (sem_wait(&worker->go) && errno == EINTR)
			;
		if (!worker->command)
			return NULL;
		execute(worker);
		sem_post(&worker->done);
	}
}

static void hand_over(struct worker *worker)
{
	if (!worker->thread || worker->pid != getpid()) { /* a child has none of its parent's threads */
		worker->pid = getpid();
		sem_init(&worker->go, 0, 0);
		sem_init(&worker->done, 0, 0);
		if (pthread_create(&worker->thread, NULL, serve, worker)) {
			fputs("ttalloc-player: no thread\n", stderr);
			exit(2);
		}
	}
	sem_post(&worker->go);
	while (sem_wait(&worker->done) && errno == EINTR)
		;
}

/* A line, read byte by byte, so that nothing that follows is lost over exec. False at the end. */
static bool read_line(char *line, size_t bytes)
{
	size_t used = 0;
	ssize_t got;

	while (used + 1 < bytes) {
		got = read(STDIN_FILENO, &line[used], 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = 0;
	return true;
}

static void end_thread(struct worker *worker)
{
	if (!worker->thread || worker->pid != getpid())
		return;
	worker->command = NULL;
	sem_post(&worker->go);
	pthread_join(worker->thread, NULL);
	worker->thread = 0;
}

static int play(void);

static void *go_on(void *nothing)
{
	(void)nothing;
	exit(play());
}

/* The main thread ends, and another one reads on. */
static void leave(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, go_on, NULL)) {
		fputs("ttalloc-player: no thread\n", stderr);
		exit(2);
	}
	dprintf(STDOUT_FILENO, "0 0 0\n");
	pthread_exit(NULL);
}

static int play(void)
{
	static struct worker workers[MAX_THREADS];
	struct worker *current = &workers[0];
	struct words words;
	char line[4096];

	while (read_line(line, sizeof(line))) {
		split(line, &words);
		if (words.count == 1 && !strcmp(words.word[0], "leave"))
			leave();
		if (words.count == 2 && (!strcmp(words.word[0], "thread") || !strcmp(words.word[0], "end-thread"))) {
			current = &workers[number(&words, 1) % MAX_THREADS];
			if (words.word[0][0] == 'e' && current != &workers[0])
				end_thread(current);
			current = words.word[0][0] == 'e' ? &workers[0] : current;
			dprintf(STDOUT_FILENO, "0 0 0\n");
			continue;
		}
		current->command = find_command(&words);
		if (!current->command) {
			fprintf(stderr, "ttalloc-player: what is %s?\n", words.count ? words.word[0] : "an empty line");
			return 2;
		}
		current->words = &words;
		if (current == &workers[0])
			execute(current);
		else
			hand_over(current);
		dprintf(STDOUT_FILENO, "%llu %llu %llu\n", (unsigned long long)current->before_ns,
		        (unsigned long long)current->after_ns, current->result);
	}
	return 0;
}

int main(void)
{
	return play();
}
