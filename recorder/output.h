/* SPDX-License-Identifier: Apache-2.0
 *
 * output.h - the file to record into: its name, whether it may be made or overwritten, and the lock that keeps a second
 * recorder away from it.
 */
#ifndef RECORDER_OUTPUT_H
#define RECORDER_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "sql/base/error.h"
#include "job.h"
#include "sql/base/say.h"

struct output {
	char path[PATH_MAX];
	char lock_path[PATH_MAX + 8];
	int lock_fd; /* -1: not locked */
	bool made;   /* the database did not exist before */
};

/* What output_expand() makes of %n, the number of one of several files (files.h). */
#define OUTPUT_NUMBER '\1'

/* What stands in a name for %p, %h, %t, %j and %r. */
struct output_words {
	pid_t pid;
	const char *host;
	time_t now;
	const struct job *job;
};

/* Expands these and %% in TEMPLATE. 0, or -1 with ERROR. */
int output_expand(const char *template, const struct output_words *words, char *path, size_t path_bytes,
                  struct sql_error *error);

/* ttalloc-COMMAND-PID.db; without a command ttalloc-recorder-PID.db. */
void output_default_name(const char *command, pid_t pid, char *path, size_t path_bytes);

/* Locks PATH and makes sure that it can be recorded into: with APPEND it has to be a recording; else it must not exist,
 * or, with FORCE, be a recording or an empty file, which is removed. 0, or -1 with ERROR. */
int output_prepare(struct output *output, const char *path, bool append, bool force, struct sql_error *error);

/* Removes the database at PATH and what lies beside it. 0, or -1 with ERROR. */
int output_remove(const char *path, struct sql_error *error);

/* Lets go of the lock. DISCARD: the database is removed too, if output_prepare() found none. */
void output_release(struct output *output, bool discard);

#endif
