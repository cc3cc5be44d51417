/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - the process that shows the recording; see watch.h.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sql/base/say.h"

#define ANALYZER "ttalloc-analyze"
#define READY_MS 2000

/* Beside this program: in the same directory of an installation, in analyze/ of a build tree; else in PATH. */
static void find_analyzer(char out[static PATH_MAX])
{
	static const char *const places[] = {ANALYZER, "../analyze/" ANALYZER};
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[length > 0 ? length : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(out, PATH_MAX, "%s/%s", self, places[i]) < PATH_MAX && access(out, X_OK) == 0)
			return;
	strcpy(out, ANALYZER);
}

/* Its standard output says when it is ready; it opens the terminal by itself, and leaves the keyboard alone. */
static _Noreturn void run_child(const char *analyzer, const char *path, int ready_fd, const sigset_t *signals,
                                pid_t parent)
{
	int nothing = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGTERM); /* the terminal is given back even when we are killed */
	if (getppid() != parent || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(ready_fd, STDOUT_FILENO) < 0)
		_exit(1);
	sigprocmask(SIG_SETMASK, signals, NULL);
	execlp(analyzer, ANALYZER, "watch", "--above", "--db", path, (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Whether it wrote something before it went away. */
static int wait_ready(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	char byte;
	int result;

	do
		result = poll(&polled, 1, READY_MS);
	while (result < 0 && errno == EINTR);
	return result > 0 && read(fd, &byte, 1) == 1;
}

void watch_start(struct watch *watch, const char *path, const sigset_t *signals)
{
	char analyzer[PATH_MAX];
	int ready[2], status = 0;
	pid_t parent = getpid();

	find_analyzer(analyzer);
	if (pipe2(ready, O_CLOEXEC) < 0) {
		say("--watch: pipe: %s", strerror(errno));
		return;
	}
	watch->pid = fork();
	if (watch->pid == 0)
		run_child(analyzer, path, ready[1], signals, parent);
	close(ready[1]);
	if (watch->pid < 0) {
		say("--watch: fork: %s", strerror(errno));
		watch->pid = 0;
	} else if (!wait_ready(ready[0]) && waitpid(watch->pid, &status, WNOHANG) != 0) {
		watch->pid = 0;
		/* else it has said itself what was wrong */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			say("--watch: " ANALYZER " was found neither beside ttalloc-recorder nor in PATH");
	}
	close(ready[0]);
}

void watch_stop(struct watch *watch)
{
	if (watch->pid <= 0)
		return;
	kill(watch->pid, SIGTERM);
	while (waitpid(watch->pid, NULL, 0) < 0 && errno == EINTR)
		;
	watch->pid = 0;
}
