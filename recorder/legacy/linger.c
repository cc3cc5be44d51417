/* SPDX-License-Identifier: Apache-2.0
 *
 * linger.c - reads from connections of old clients after the recording has ended.
 */
#include "linger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3
#define READ_AT_ONCE 65536

static int by_number(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* In the child of a program with threads: system calls only. In rising order no descriptor overwrites one that is yet
 * to be moved. */
static void become_reader(const int *fds, size_t count, char *const *arguments)
{
	int nowhere = open("/dev/null", O_RDWR);

	setsid(); /* out of reach of the terminal's keys */
	for (int fd = 0; fd < FIRST_FD && nowhere >= 0; fd++)
		dup2(nowhere, fd);
	for (size_t i = 0; i < count; i++) {
		int place = FIRST_FD + (int)i;

		if (fds[i] == place)
			fcntl(place, F_SETFD, 0);
		else
			dup2(fds[i], place);
	}
	execv("/proc/self/exe", arguments);
	_exit(125);
}

int legacy_linger_start(int *fds, size_t count)
{
	char number[24];
	char *arguments[] = {"ttalloc-recorder", LEGACY_LINGER_OPTION, number, NULL};
	pid_t child;

	if (!count)
		return 0;
	snprintf(number, sizeof(number), "%zu", count);
	qsort(fds, count, sizeof(*fds), by_number);
	for (size_t i = 0; i < count; i++)
		shutdown(fds[i], SHUT_WR); /* a monitor that waits for an answer is told that none will come */
	child = fork();
	if (child == 0)
		become_reader(fds, count, arguments);
	return child < 0 ? -1 : 0;
}

/* What the recorder had open besides belongs to nobody here. */
static void close_all_from(int first)
{
	struct rlimit limit;
	int end = 65536;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536)
		end = (int)limit.rlim_cur;
	for (int fd = first; fd < end; fd++)
		close(fd);
}

static void ignore_signals(void)
{
	static const int numbers[] = {SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
	sigset_t none;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		signal(numbers[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* SIGTERM ends it */
}

/* Reads what there is. False: the client has closed. */
static bool read_away(int fd)
{
	static char buffer[READ_AT_ONCE];
	ssize_t got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

int legacy_linger_run(const char *text)
{
	long count = strtol(text, NULL, 10);
	struct pollfd *polled;

	if (count < 1 || count > INT_MAX / 2 || !(polled = calloc((size_t)count, sizeof(*polled))))
		return 2;
	ignore_signals();
	close_all_from(FIRST_FD + (int)count);
	for (long i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = FIRST_FD + (int)i, .events = POLLIN};
	while (count > 0) {
		if (poll(polled, (nfds_t)count, -1) < 0 && errno != EINTR)
			break;
		for (long i = count - 1; i >= 0; i--) {
			if (!polled[i].revents || read_away(polled[i].fd))
				continue;
			close(polled[i].fd);
			polled[i] = polled[--count];
		}
	}
	free(polled);
	return 0;
}
