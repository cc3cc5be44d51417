/* SPDX-License-Identifier: Apache-2.0
 *
 * command.c - the command of wrap mode.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"

#define HOST_MALLOC "libttalloc-host-malloc.so"
#define TT_METAL "libttalloc-tt-metal.so"
#define PYTHON "ttalloc/python/start"

static int status_of(int error_number)
{
	return error_number == ENOENT || error_number == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static bool is_program(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	if (!S_ISREG(status.st_mode)) {
		errno = EACCES;
		return false;
	}
	return access(path, X_OK) == 0;
}

int command_look_up(char **arguments, struct front_error *error)
{
	const char *name = arguments[0];
	const char *path = getenv("PATH");
	int worst = ENOENT;
	char candidate[PATH_MAX];

	if (strchr(name, '/') || !*name) {
		if (*name && is_program(name))
			return 0;
		worst = *name ? errno : ENOENT;
		path = "";
	}
	for (path = path ? path : "/bin:/usr/bin"; *path; path += strspn(path, ":")) {
		int length = (int)strcspn(path, ":");

		if (snprintf(candidate, sizeof(candidate), "%.*s/%s", length, path, name) < (int)sizeof(candidate)) {
			if (is_program(candidate))
				return 0;
			if (errno != ENOENT && errno != ENOTDIR)
				worst = errno;
		}
		path += length;
	}
	front_fail(error, "%s: %s", name, strerror(worst));
	return status_of(worst);
}

/* The library or directory NAME, beside the executable of a build tree or in the installation: its path, to be freed.
 * NULL: it is not there, or where LD_PRELOAD, which takes blanks and colons for separators, cannot name it. */
static char *find_library(const char *name)
{
	static const char *const places[] = {"../hook", TTALLOC_LIBDIR_FROM_BINDIR, "."};
	char self[PATH_MAX], candidate[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *found = NULL;

	self[length > 0 ? length : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && !found && i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(candidate, sizeof(candidate), "%s/%s/%s", self, places[i], name) < (int)sizeof(candidate))
			found = realpath(candidate, NULL);
	if (found && strpbrk(found, " :")) {
		free(found);
		found = NULL;
	}
	return found;
}

int command_choose_preloads(bool tt_metal, bool host_malloc, struct command_preloads *preloads,
                            struct front_error *error)
{
	*preloads = (struct command_preloads){0};
	if (host_malloc && !(preloads->host_malloc = find_library(HOST_MALLOC)))
		return front_fail(error,
		                  "%s: not found beside this program nor in %s below it, or its path has a blank "
		                  "or a colon; install it or leave --host-malloc out",
		                  HOST_MALLOC, TTALLOC_LIBDIR_FROM_BINDIR);
	if (tt_metal)
		preloads->tt_metal = find_library(TT_METAL);
	return 0;
}

int command_choose_python(bool ttnn, const char *auto_step, struct command_preloads *preloads,
                          struct front_error *error)
{
	if (!ttnn && !auto_step)
		return 0;
	if (auto_step && !strchr(auto_step, ':'))
		return front_fail(error, "--auto-step takes module:function or module:Class.method, not '%s'",
		                  auto_step);
	preloads->ttnn = ttnn;
	preloads->auto_step = auto_step;
	preloads->python = find_library(PYTHON);
	if (preloads->python)
		return 0;
	return front_fail(error,
	                  "%s: not found beside this program nor in %s below it, or its path has a blank or a colon; "
	                  "install it or leave --%s out",
	                  PYTHON, TTALLOC_LIBDIR_FROM_BINDIR, ttnn ? "ttnn" : "auto-step");
}

void command_free_preloads(struct command_preloads *preloads)
{
	free(preloads->python);
	free(preloads->tt_metal);
	free(preloads->host_malloc);
	*preloads = (struct command_preloads){0};
}

/* Puts VALUE, if there is one, in front of what the list NAME holds. */
static int prepend(const char *name, const char *value)
{
	const char *before = getenv(name);
	char *joined;
	int result;

	if (!value)
		return 0;
	if (asprintf(&joined, "%s%s%s", value, before && *before ? ":" : "", before ? before : "") < 0)
		return -1;
	result = setenv(name, joined, 1);
	free(joined);
	return result;
}

static int set_python_environment(const struct command_preloads *preloads)
{
	if (preloads->python_stacks && setenv("TTALLOC_PYTHON_STACKS", "1", 1) < 0)
		return -1;
	if (preloads->ttnn && setenv("TTALLOC_TTNN", "1", 1) < 0)
		return -1;
	if (preloads->auto_step && setenv("TTALLOC_AUTO_STEP", preloads->auto_step, 1) < 0)
		return -1;
	return prepend("PYTHONPATH", preloads->python);
}

static int set_stack_environment(const struct command_preloads *preloads)
{
	if (preloads->stacks && setenv("TTALLOC_STACKS", preloads->stacks, 1) < 0)
		return -1;
	return preloads->unwinder ? setenv("TTALLOC_UNWINDER", preloads->unwinder, 1) : 0;
}

static int set_environment(const char *socket_path, const struct command_preloads *preloads)
{
	if (setenv("TT_ALLOC_TRACKING_ENABLED", "1", 1) < 0 || setenv("TTALLOC_SOCKET", socket_path, 1) < 0)
		return -1;
	/* A program with AddressSanitizer insists on being the first, lest something else has malloc. */
	if (preloads->tt_metal && !preloads->host_malloc && prepend("ASAN_OPTIONS", "verify_asan_link_order=0") < 0)
		return -1;
	if (preloads->lossless && setenv("TTALLOC_LOSSLESS", "1", 1) < 0)
		return -1;
	if (set_python_environment(preloads) < 0 || set_stack_environment(preloads) < 0)
		return -1;
	if (prepend("LD_PRELOAD", preloads->host_malloc) < 0)
		return -1;
	return prepend("LD_PRELOAD", preloads->tt_metal);
}

/* Waits for the socket's path, which comes in one piece, since it is shorter than a pipe's atomic write. */
static _Noreturn void run_child(char **arguments, const struct command_preloads *preloads, int gate_fd, int error_fd)
{
	char socket_path[PIPE_BUF];
	ssize_t got = read(gate_fd, socket_path, sizeof(socket_path) - 1);

	if (got <= 0)
		_exit(STATUS_NOT_STARTED);
	socket_path[got] = '\0';
	if (set_environment(socket_path, preloads) == 0)
		execvp(arguments[0], arguments);
	if (write(error_fd, &errno, sizeof(errno)) < 0)
		_exit(STATUS_NOT_STARTED);
	_exit(status_of(errno));
}

int command_fork(struct command *command, char **arguments, const struct command_preloads *preloads,
                 const sigset_t *signals, struct front_error *error)
{
	int gate[2], errors[2];

	*command = (struct command){.arguments = arguments, .pid = -1, .gate_fd = -1, .error_fd = -1};
	if (pipe2(gate, O_CLOEXEC) < 0)
		return front_fail(error, "pipe: %s", strerror(errno));
	if (pipe2(errors, O_CLOEXEC) < 0) {
		front_fail(error, "pipe: %s", strerror(errno));
		goto close_gate;
	}
	command->pid = fork();
	if (command->pid == 0) {
		close(gate[1]);
		sigprocmask(SIG_SETMASK, signals, NULL);
		run_child(arguments, preloads, gate[0], errors[1]);
	}
	close(errors[1]);
	if (command->pid < 0) {
		front_fail(error, "fork: %s", strerror(errno));
		close(errors[0]);
		goto close_gate;
	}
	close(gate[0]);
	command->gate_fd = gate[1];
	command->error_fd = errors[0];
	return 0;

close_gate:
	close(gate[0]);
	close(gate[1]);
	return -1;
}

static void close_pipes(struct command *command)
{
	if (command->gate_fd >= 0)
		close(command->gate_fd);
	if (command->error_fd >= 0)
		close(command->error_fd);
	command->gate_fd = command->error_fd = -1;
}

int command_start(struct command *command, const char *socket_path, struct front_error *error)
{
	int child_errno = 0;
	ssize_t got;

	if (write(command->gate_fd, socket_path, strlen(socket_path)) < 0) {
		front_fail(error, "%s: was killed before it could start", command->arguments[0]);
		close_pipes(command);
		return STATUS_NOT_STARTED;
	}
	do
		got = read(command->error_fd, &child_errno, sizeof(child_errno)); /* closed by a successful exec */
	while (got < 0 && errno == EINTR);
	close_pipes(command);
	if (got != sizeof(child_errno))
		return 0;
	waitpid(command->pid, NULL, 0);
	command->ended = true;
	front_fail(error, "%s: %s", command->arguments[0], strerror(child_errno));
	return status_of(child_errno);
}

void command_cancel(struct command *command)
{
	if (command->pid <= 0 || command->gate_fd < 0)
		return;
	close_pipes(command);
	waitpid(command->pid, NULL, 0);
	command->ended = true;
}

bool command_reap(struct command *command)
{
	if (!command->ended && waitpid(command->pid, &command->wait_status, WNOHANG) == command->pid)
		command->ended = true;
	return command->ended;
}

int command_status(const struct command *command)
{
	if (WIFSIGNALED(command->wait_status))
		return 128 + WTERMSIG(command->wait_status);
	return WEXITSTATUS(command->wait_status);
}
