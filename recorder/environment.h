/* SPDX-License-Identifier: Apache-2.0
 *
 * environment.h - what a recorded program is given beside its own environment: where to report, the libraries that are
 * loaded before those that it has in LD_PRELOAD, and what it takes to follow Python. Wrap mode sets it for the command;
 * --env prints it for a shell.
 */
#ifndef RECORDER_ENVIRONMENT_H
#define RECORDER_ENVIRONMENT_H

#include "options.h"

struct environment {
	const struct recorder_options *options;
	char *tt_metal; /* paths; NULL: not loaded */
	char *host_malloc;
	char *python;        /* directory of a sitecustomize.py, for PYTHONPATH; NULL: Python starts as always */
	char *python_module; /* directory of ttalloc.py, for PYTHONPATH; NULL: it is not here */
};

/* Finds what OPTIONS ask for. TT-Metal's preload does nothing in other programs, and is left out where it is not
 * installed; without the others, -1 with ERROR. */
int environment_find(struct environment *environment, const struct recorder_options *options, struct sql_error *error);
void environment_free(struct environment *environment);

/* Sets it, in the child that is to become the command; RECORDING_PATH (NULL: too long) is what it may ask while it
 * runs. 0 or -1 with errno. */
int environment_set(const struct environment *environment, const char *socket_path, const char *recording_path);

/* Prints it as lines of a shell. */
void environment_print(const struct environment *environment, const char *socket_path);

#endif
