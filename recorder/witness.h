/* SPDX-License-Identifier: Apache-2.0
 *
 * witness.h - whether the programs still have what the command was given (environment.h): scripts set LD_PRELOAD and
 * PYTHONPATH anew, and Python can be told to ignore them. What is found becomes lines of the summary.
 */
#ifndef RECORDER_WITNESS_H
#define RECORDER_WITNESS_H

#include <sys/types.h>

#include "environment.h"

#define WITNESS_MOST_LINES 8

struct witness {
	const struct environment *environment;
	const char *socket_path;
	pid_t command;
	/* Why a process reports nothing, of use when none did; and why those that do report lack something. */
	char silent[512];
	char lacking[WITNESS_MOST_LINES][512];
	size_t lacking_count;
};

/* A process has joined. */
void witness_joined(struct witness *witness, pid_t pid);

/* None has joined yet: looks at the command and its descendants. */
void witness_waiting(struct witness *witness);

#endif
