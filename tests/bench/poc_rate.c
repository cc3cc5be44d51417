/* SPDX-License-Identifier: Apache-2.0
 *
 * poc_rate.c - messages per second over the old protocol's socket, and how long a QUERY takes meanwhile.
 *
 *	ttalloc-recorder --poc-socket=/tmp/p -o r.db -- poc_rate /tmp/p CLIENTS MESSAGES [MONITORS [BYTES]]
 *
 * Each client sends MESSAGES as old clients do, one send per message of BYTES (72, 112, 144): an alloc and the free of
 * an earlier one in turn. It is over when a QUERY gives the sum that is left, so everything sent was handled.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIVE 1000u /* blocks of each client at a time */
#define BLOCK_BYTES 4096u
#define PAUSE_NS 500000
#define MOST_SAMPLES 200000u

struct shared {
	volatile int over;
	uint32_t samples;
	uint32_t ns[MOST_SAMPLES];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int join_server(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), bytes = 1 << 20;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(path);
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return fd;
}

static void fill(uint8_t *message, uint8_t type, uint64_t id)
{
	int32_t pid = getpid();
	uint64_t size_bytes = type == 1 ? BLOCK_BYTES : 0;

	memset(message, 0, 144);
	message[0] = type;
	memcpy(message + 8, &size_bytes, 8);
	memcpy(message + 20, &pid, 4);
	memcpy(message + 24, &id, 8);
}

static void send_all(const char *path, unsigned messages, size_t bytes, int wait_fd)
{
	int fd = join_server(path);
	uint8_t message[144];

	for (unsigned i = 0; i < messages + LIVE; i++) {
		unsigned pair = i < LIVE ? i : LIVE + (i - LIVE) / 2;
		int frees = i >= LIVE && (i - LIVE) % 2;

		fill(message, frees ? 2 : 1, frees ? pair - LIVE + 1 : pair + 1);
		if (send(fd, message, bytes, 0) != (ssize_t)bytes)
			exit(1);
	}
	if (read(wait_fd, message, 1) < 0) /* holds what it has until all is counted */
		exit(1);
	exit(0);
}

static uint64_t ask(int fd, size_t bytes)
{
	uint8_t message[144];
	uint64_t dram_bytes;

	fill(message, 3, 0);
	if (send(fd, message, bytes, 0) != (ssize_t)bytes || recv(fd, message, sizeof(message), 0) != (ssize_t)bytes)
		exit(1);
	memcpy(&dram_bytes, message + 40, 8);
	return dram_bytes;
}

static void monitor(const char *path, size_t bytes, struct shared *shared)
{
	int fd = join_server(path);

	while (!shared->over && shared->samples < MOST_SAMPLES) {
		uint64_t began_ns = now_ns();

		ask(fd, bytes);
		shared->ns[shared->samples++] = (uint32_t)(now_ns() - began_ns);
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	}
	exit(0);
}

static int by_size(const void *a, const void *b)
{
	return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static void print_times(struct shared *shared)
{
	uint32_t count = shared->samples;

	if (!count)
		return;
	qsort(shared->ns, count, sizeof(*shared->ns), by_size);
	printf("QUERY: %u asked, median %.1f us, 90 %% %.1f us, 99 %% %.1f us, most %.1f us\n", count,
	       shared->ns[count / 2] / 1e3, shared->ns[(uint64_t)count * 90 / 100] / 1e3,
	       shared->ns[(uint64_t)count * 99 / 100] / 1e3, shared->ns[count - 1] / 1e3);
}

int main(int argc, char **argv)
{
	unsigned clients = argc > 2 ? (unsigned)atoi(argv[2]) : 1,
	         messages = argc > 3 ? (unsigned)atoi(argv[3]) : 500000;
	unsigned monitors = argc > 4 ? (unsigned)atoi(argv[4]) : 3;
	size_t bytes = argc > 5 ? (size_t)atoi(argv[5]) : 72;
	struct shared *shared[16];
	uint64_t began_ns, sent_ns = 0, left_bytes;
	int hold[2], asking;

	if (argc < 2 || monitors > 16 || pipe(hold) < 0)
		return 2;
	messages &= ~1u;
	left_bytes = (uint64_t)clients * LIVE * BLOCK_BYTES;
	for (unsigned i = 0; i < monitors; i++) {
		shared[i] = mmap(NULL, sizeof(*shared[i]), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (fork() == 0)
			monitor(argv[1], bytes, shared[i]);
	}
	asking = join_server(argv[1]);
	usleep(100000);
	began_ns = now_ns();
	for (unsigned i = 0; i < clients; i++)
		if (fork() == 0) {
			close(hold[1]);
			send_all(argv[1], messages, bytes, hold[0]);
		}
	usleep(200000);
	for (unsigned same = 0; same < 20;) { /* the sum passes through the right one while it goes on */
		uint64_t asked_ns = now_ns();

		if (ask(asking, bytes) != left_bytes)
			same = 0;
		else if (!same++)
			sent_ns = asked_ns;
		usleep(5000);
	}
	printf("%u clients, %zu bytes: %.0f messages per second\n", clients, bytes,
	       (double)clients * (messages + LIVE) / ((double)(sent_ns - began_ns) / 1e9));
	for (unsigned i = 0; i < monitors; i++)
		shared[i]->over = 1;
	close(hold[1]);
	while (wait(NULL) > 0)
		;
	for (unsigned i = 0; i < monitors; i++)
		print_times(shared[i]);
	return 0;
}
