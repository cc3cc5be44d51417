/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - the command line of ttalloc-recorder. One table holds every option, its help and what it sets.
 */
#ifndef RECORDER_OPTIONS_H
#define RECORDER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "limits.h"
#include "recorder/serve/users.h"
#include "sql/base/error.h"
#include "sql/base/manual.h"
#include "sql/base/say.h"

enum recorder_mode {
	MODE_WRAP,   /* a command was given */
	MODE_DAEMON, /* serve a socket, or resume a recording */
	MODE_ENV,    /* print what a shell needs */
	MODE_HELP,
	MODE_VERSION,
};

struct recorder_options {
	enum recorder_mode mode;
	const char *output;        /* as given, with its % still in it; NULL: not given */
	const char *socket;        /* NULL: not given */
	const char *legacy_socket; /* for clients of the old protocol; NULL: none are served */
	char **command;            /* NULL-terminated, within argv; NULL: none */
	const char *stacks;        /* frames of a call stack, as a number; NULL: none are recorded */
	const char *unwinder;      /* how they are found; NULL: as the hook does by itself */
	const char *auto_step;     /* the call that ends a step of a Python COMMAND; NULL: none */
	bool serve;                /* its page, while it is recorded */
	const char *metrics;       /* where they are served, ADDRESS:PORT; NULL: nowhere */
	const char *ship;          /* server that rows go to; NULL: none */
	const char *metrics_file;  /* where they are written; NULL: nowhere */
	const char *commit_ms;     /* as a number */
	const char *devices;       /* those that are recorded, numbers with commas; NULL: all */
	const char *allow_uid;     /* whose processes are recorded, too; NULL: nobody's */
	struct users users;        /* who those are */
	struct limit_options limit_options;
	struct limits limits; /* which those are */
	bool show_help, show_version, env;
	bool append, wait, force, host_malloc, lossless, no_preload, no_symbols, log_events, quiet, verbose, watch,
	    ttnn, python_stacks, no_operations, operation_arguments;
};

/* Exit statuses of our own. */
#define STATUS_USAGE 2
#define STATUS_NOT_STARTED 125 /* wrap mode: recording could not start, and the command was not run */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

/* 0, or -1 with ERROR and in *STATUS what to exit with. Strings point into ARGV. */
int options_parse(int argc, char **argv, struct recorder_options *options, int *status, struct sql_error *error);

/* Writes --help, or the man page. */
void options_describe(const struct manual *manual);

/* Answers the shells: what the last of WORDS may be. */
void options_complete(int count, char **words);

#endif
