/* SPDX-License-Identifier: Apache-2.0
 *
 * companion.c - the process that reads the recording while it is made; see companion.h.
 */
#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sql/base/say.h"

#define ANALYZER "ttalloc-analyze"
#define READY_MS 2000
#define MOMENT_MS 20
#define MOST_ARGUMENTS 8

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
static _Noreturn void run_child(const char *const *arguments, int ready_fd, const sigset_t *signals, pid_t parent)
{
	char analyzer[PATH_MAX], *words[MOST_ARGUMENTS + 2] = {ANALYZER};
	int nothing = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGTERM); /* the terminal is given back even when we are killed */
	if (getppid() != parent || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(ready_fd, STDOUT_FILENO) < 0)
		_exit(1);
	sigprocmask(SIG_SETMASK, signals, NULL);
	find_analyzer(analyzer);
	for (size_t i = 0; arguments[i] && i < MOST_ARGUMENTS; i++)
		words[i + 1] = (char *)arguments[i];
	execvp(analyzer, words);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Whether it wrote something before it went away: the first line of it in WORD. */
static int wait_ready(int fd, char word[static COMPANION_WORD_BYTES])
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	ssize_t bytes;
	int result;

	do
		result = poll(&polled, 1, READY_MS);
	while (result < 0 && errno == EINTR);
	bytes = result > 0 ? read(fd, word, COMPANION_WORD_BYTES - 1) : 0;
	word[bytes > 0 ? bytes : 0] = '\0';
	word[strcspn(word, "\n")] = '\0';
	return bytes > 0;
}

void companion_start(struct companion *companion, const char *option, const char *const *arguments,
                     const sigset_t *signals)
{
	int ready[2], status = 0;
	pid_t parent = getpid();

	*companion = (struct companion){0};
	if (pipe2(ready, O_CLOEXEC) < 0) {
		say("%s: pipe: %s", option, strerror(errno));
		return;
	}
	companion->pid = fork();
	if (companion->pid == 0)
		run_child(arguments, ready[1], signals, parent);
	close(ready[1]);
	if (companion->pid < 0) {
		say("%s: fork: %s", option, strerror(errno));
		companion->pid = 0;
	} else if (!wait_ready(ready[0], companion->word) && waitpid(companion->pid, &status, WNOHANG) != 0) {
		companion->pid = 0;
		/* else it has said itself what was wrong */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			say("%s: " ANALYZER " was found neither beside ttalloc-recorder nor in PATH", option);
	}
	close(ready[0]);
}

void companion_stop(struct companion *companion)
{
	if (companion->pid <= 0)
		return;
	kill(companion->pid, SIGTERM);
	while (waitpid(companion->pid, NULL, 0) < 0 && errno == EINTR)
		;
	companion->pid = 0;
}

bool companion_finish(struct companion *companion, unsigned patience_ms)
{
	const struct timespec moment = {.tv_nsec = MOMENT_MS * 1000000};
	unsigned waited_ms = 0;

	if (companion->pid <= 0)
		return true;
	kill(companion->pid, SIGTERM);
	while (waitpid(companion->pid, NULL, WNOHANG) == 0) {
		if (waited_ms >= patience_ms)
			kill(companion->pid, SIGKILL);
		nanosleep(&moment, NULL);
		waited_ms += MOMENT_MS;
	}
	companion->pid = 0;
	return waited_ms < patience_ms;
}
