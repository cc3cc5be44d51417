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
#include "sql/base/error.h"

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

int command_look_up(char **arguments, struct sql_error *error)
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
	sql_fail(error, "%s: %s", name, strerror(worst));
	return status_of(worst);
}

/* Waits for the paths of the socket and, behind its NUL, of the recording; they come in one piece, since they are
 * shorter than a pipe's atomic write. */
static _Noreturn void run_child(char **arguments, const struct environment *environment, int gate_fd, int error_fd)
{
	char paths[PIPE_BUF + 1] = "";
	ssize_t got = read(gate_fd, paths, PIPE_BUF);

	if (got <= 0)
		_exit(STATUS_NOT_STARTED);
	const char *recording_path = paths + strlen(paths) + 1;
	if (environment_set(environment, paths, recording_path < paths + got ? recording_path : NULL) == 0)
		execvp(arguments[0], arguments);
	if (write(error_fd, &errno, sizeof(errno)) < 0)
		_exit(STATUS_NOT_STARTED);
	_exit(status_of(errno));
}

int command_fork(struct command *command, char **arguments, const struct environment *environment,
                 const sigset_t *signals, struct sql_error *error)
{
	int gate[2], errors[2];

	*command = (struct command){.arguments = arguments, .pid = -1, .gate_fd = -1, .error_fd = -1};
	if (pipe2(gate, O_CLOEXEC) < 0)
		return sql_fail(error, "pipe: %s", strerror(errno));
	if (pipe2(errors, O_CLOEXEC) < 0) {
		sql_fail(error, "pipe: %s", strerror(errno));
		goto close_gate;
	}
	command->pid = fork();
	if (command->pid == 0) {
		close(gate[1]);
		sigprocmask(SIG_SETMASK, signals, NULL);
		run_child(arguments, environment, gate[0], errors[1]);
	}
	close(errors[1]);
	if (command->pid < 0) {
		sql_fail(error, "fork: %s", strerror(errno));
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

int command_start(struct command *command, const char *socket_path, const char *recording_path, struct sql_error *error)
{
	char paths[PIPE_BUF];
	size_t bytes = strlen(socket_path) + 1, more = strlen(recording_path);
	int child_errno = 0;
	ssize_t got;

	strcpy(paths, socket_path); /* no longer than the address of a socket */
	if (bytes + more < sizeof(paths)) {
		memcpy(paths + bytes, recording_path, more);
		bytes += more;
	}
	if (write(command->gate_fd, paths, bytes) < 0) {
		sql_fail(error, "%s: was killed before it could start", command->arguments[0]);
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
	sql_fail(error, "%s: %s", command->arguments[0], strerror(child_errno));
	return status_of(child_errno);
}

void command_cancel(struct command *command)
{
	if (command->pid <= 0 || command->gate_fd < 0)
		return;
	close_pipes(command);
	waitpid(command->pid, NULL, 0);
}

int command_await(const struct command *command, const sigset_t *signals)
{
	siginfo_t signal;
	int status = 0;

	sigprocmask(SIG_BLOCK, signals, NULL);
	while (waitpid(command->pid, &status, WNOHANG) == 0) {
		int number = sigwaitinfo(signals, &signal);

		if (number > 0 && number != SIGCHLD && signal.si_code != SI_KERNEL)
			kill(command->pid, number); /* those of the terminal have reached it */
	}
	return status;
}

int command_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
