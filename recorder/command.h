/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - the command of wrap mode: started behind a gate, so that its pid can be in the file's name and nothing of
 * it runs before recording has begun; signalled; waited for.
 */
#ifndef RECORDER_COMMAND_H
#define RECORDER_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "environment.h"
#include "sql/base/error.h"
#include "sql/base/say.h"

struct command {
	char **arguments;
	pid_t pid;
	int gate_fd;  /* the child waits for the socket's path to come through */
	int error_fd; /* the child's errno when it could not exec */
};

/* 0, or the status to end with (126, 127) and ERROR, when there is no such command. */
int command_look_up(char **arguments, struct sql_error *error);

/* Forks a child that waits at the gate. Restores signal mask SIGNALS in it. 0, or -1 with ERROR. */
int command_fork(struct command *command, char **arguments, const struct environment *environment,
                 const sigset_t *signals, struct sql_error *error);

/* Opens the gate: the child reports to SOCKET_PATH, and may ask RECORDING_PATH. 0, or the status to end with (126, 127)
 * and ERROR. */
int command_start(struct command *command, const char *socket_path, const char *recording_path,
                  struct sql_error *error);

/* Lets a child that still waits at the gate go away. */
void command_cancel(struct command *command);

/* Waits for it to end, and passes SIGNALS, which are blocked, on to it. Its wait status. */
int command_await(const struct command *command, const sigset_t *signals);

/* What to exit with after it ended with WAIT_STATUS: its status, or 128+n. */
int command_status(int wait_status);

#endif
