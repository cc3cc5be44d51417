/* SPDX-License-Identifier: Apache-2.0
 *
 * liveness.c - whether a process still lives.
 */
#include "liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Field 22 of /proc/PID/stat; the command in field 2 may hold blanks and parentheses. 0: there is no such process. */
static uint64_t start_time_of(pid_t pid)
{
	unsigned long long start_time = 0;
	char name[64], text[1024];
	size_t got = 0;
	char *after;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	file = fopen(name, "re");
	if (!file)
		return 0;
	got = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[got] = '\0';
	after = strrchr(text, ')');
	if (!after ||
	    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	           &start_time) != 1)
		return 0;
	return start_time;
}

bool liveness_watch(pid_t pid, uint64_t start_time, int *pidfd)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};

	*pidfd = -1;
	if (fd < 0 && errno == ESRCH)
		return false;
	/* first the descriptor, then the question whom it names: the pid cannot be given away between */
	if (start_time_of(pid) != start_time || (fd >= 0 && poll(&ended, 1, 0) == 1)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	*pidfd = fd;
	return true;
}

bool liveness_ask(pid_t pid, uint64_t start_time)
{
	int pidfd;
	bool lives = liveness_watch(pid, start_time, &pidfd);

	if (pidfd >= 0)
		close(pidfd);
	return lives;
}

void liveness_boot_id(char *boot_id, size_t bytes)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, boot_id, bytes - 1);

	if (fd >= 0)
		close(fd);
	boot_id[got > 0 ? got : 0] = '\0';
	boot_id[strcspn(boot_id, "\n")] = '\0';
}
