/* SPDX-License-Identifier: Apache-2.0
 *
 * liveness.c - whether a process still lives.
 */
#include "liveness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Reads NAME of /proc/PID, which ends with NUL then. Returns the bytes; -1: it cannot be read. */
static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t text_bytes)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, text_bytes - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

/* The command in field 2 may hold blanks and parentheses. */
uint64_t liveness_start_time(pid_t pid)
{
	unsigned long long start_time = 0;
	char text[1024], *after;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0 || !(after = strrchr(text, ')')))
		return 0;
	if (sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	           &start_time) != 1)
		return 0;
	return start_time;
}

uint64_t liveness_pid_namespace(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

void liveness_describe(pid_t pid, char *executable, size_t executable_bytes, char *command, size_t command_bytes)
{
	char path[64];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	got = readlink(path, executable, executable_bytes - 1);
	executable[got > 0 ? got : 0] = '\0';
	got = read_proc(pid, "cmdline", command, command_bytes);
	while (got > 0 && !command[got - 1])
		got--;
	for (ssize_t i = 0; i < got; i++)
		if (!command[i])
			command[i] = ' ';
}

static bool read_task_offsets(pid_t task, struct liveness_shift *offsets)
{
	char text[256];
	long long seconds[2];
	long ns[2];

	if (read_proc(task, "timens_offsets", text, sizeof(text)) <= 0 ||
	    sscanf(text, "monotonic %lld %ld boottime %lld %ld", &seconds[0], &ns[0], &seconds[1], &ns[1]) != 4)
		return false;
	offsets->monotonic_ns = (int64_t)seconds[0] * 1000000000 + ns[0];
	offsets->boottime_ns = (int64_t)seconds[1] * 1000000000 + ns[1];
	return true;
}

/* A thread that has ended has no clocks any more, and so has a process whose first thread has: its others have. */
static bool read_offsets(pid_t pid, struct liveness_shift *offsets)
{
	bool found = read_task_offsets(pid, offsets);
	char path[64];
	DIR *threads;

	if (found)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	for (const struct dirent *entry; !found && threads && (entry = readdir(threads));)
		found = atoi(entry->d_name) > 0 && read_task_offsets(atoi(entry->d_name), offsets);
	if (threads)
		closedir(threads);
	return found;
}

bool liveness_clock_shift(pid_t pid, struct liveness_shift *shift)
{
	struct liveness_shift ours;

	if (!read_offsets(getpid(), &ours) || !read_offsets(pid, shift))
		return false;
	shift->monotonic_ns -= ours.monotonic_ns;
	shift->boottime_ns -= ours.boottime_ns;
	return shift->monotonic_ns || shift->boottime_ns;
}

int64_t liveness_shift_of(int64_t offset_ns)
{
	struct liveness_shift ours = {0};

	read_offsets(getpid(), &ours);
	return (int64_t)((uint64_t)offset_ns - (uint64_t)ours.monotonic_ns);
}

/* What the process said itself holds also when it is dead; hooks before 1.3 say nothing, and a dead process cannot be
 * asked any more. */
int64_t liveness_segment_shift(const struct tta_segment_header *header)
{
	struct liveness_shift shift = {0};

	if (header->knows_time_offset)
		return liveness_shift_of(header->time_offset_ns);
	liveness_clock_shift((pid_t)header->pid, &shift);
	return shift.monotonic_ns;
}

bool liveness_watch(pid_t pid, uint64_t start_time, int *pidfd)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};

	*pidfd = -1;
	if (fd < 0 && errno == ESRCH)
		return false;
	/* first the descriptor, then the question whom it names: the pid cannot be given away between */
	if (liveness_start_time(pid) != start_time || (fd >= 0 && poll(&ended, 1, 0) == 1)) {
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
