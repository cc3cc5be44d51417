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

#include "recorder/base/say.h"

struct command {
	char **arguments;
	pid_t pid;
	int gate_fd;  /* the child waits for the socket's path to come through */
	int error_fd; /* the child's errno when it could not exec */
	bool ended;
	int wait_status;
};

/* 0, or the status to end with (126, 127) and ERROR, when there is no such command. */
int command_look_up(char **arguments, struct front_error *error);

/* What the command is given beside its own: libraries, before those that it has in LD_PRELOAD (NULL: it is not loaded),
 * and what it takes to follow Python. */
struct command_preloads {
	char *tt_metal;
	char *host_malloc;
	char *python;          /* directory of a sitecustomize.py, for PYTHONPATH; NULL: Python starts as always */
	const char *auto_step; /* for it; NULL: it marks no steps */
	const char *stacks;    /* frames of call stacks; NULL: none */
	const char *unwinder;  /* how they are found; NULL: as by default */
	bool ttnn;             /* for it: it labels operations */
	bool lossless;         /* threads wait for the recorder without end */
	bool python_stacks;    /* events carry frames of Python */
};

/* Finds what is wanted. TT-Metal's preload does nothing in other programs, and is left out where it is not installed;
 * without the host's malloc, -1 with ERROR. */
int command_choose_preloads(bool tt_metal, bool host_malloc, struct command_preloads *preloads,
                            struct front_error *error);
/* Adds what a Python command needs to label ttnn's operations, and to mark steps at the call AUTO_STEP. 0, or -1 with
 * ERROR. */
int command_choose_python(bool ttnn, const char *auto_step, struct command_preloads *preloads,
                          struct front_error *error);
void command_free_preloads(struct command_preloads *preloads);

/* Forks a child that waits at the gate. Restores signal mask SIGNALS in it. 0, or -1 with ERROR. */
int command_fork(struct command *command, char **arguments, const struct command_preloads *preloads,
                 const sigset_t *signals, struct front_error *error);

/* Opens the gate: the child reports to SOCKET_PATH. 0, or the status to end with (126, 127) and ERROR. */
int command_start(struct command *command, const char *socket_path, struct front_error *error);

/* Lets a child that still waits at the gate go away. */
void command_cancel(struct command *command);

/* After SIGCHLD: true when the command has ended. */
bool command_reap(struct command *command);

/* What to exit with: its status, or 128+n. */
int command_status(const struct command *command);

#endif
