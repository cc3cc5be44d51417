/* SPDX-License-Identifier: Apache-2.0
 *
 * files.h - the files of a recording that goes on from one to the next: RUN.db, RUN.1.db, RUN.2.db, ... or wherever %n
 * stands in the name. A file that is written, or is read, is never renamed: SQLite knows it, and what lies beside it,
 * by name. So numbers rise, as those of tcpdump -C do, and those of logrotate do not.
 */
#ifndef RECORDER_FILES_H
#define RECORDER_FILES_H

#include <pthread.h>

#include "limits.h"
#include "output.h"
#include "recorder/ledger/ingest.h"

struct recorded_file {
	char *path;
	uint64_t bytes;
};

struct files {
	const struct limits *limits;
	char pattern[PATH_MAX]; /* of their names */
	bool force;
	struct output *output;       /* the present file's */
	struct output next;          /* that is yet to begin */
	struct recorded_file *older; /* that are still there, oldest first */
	size_t older_count, older_capacity;
	uint32_t number;      /* of the present file */
	pthread_mutex_t lock; /* guards what follows: other threads ask */
	uint64_t older_bytes;
	uint32_t begun; /* files after the first one */
	char path[PATH_MAX];
};

/* Makes a pattern of NAME, which output_expand() has made. 0, or -1 with ERROR: it would be too long. */
int files_pattern(char name[static PATH_MAX], struct sql_error *error);

/* The name of the file with that NUMBER, 0 for the first. */
void files_name(const char *pattern, uint32_t number, char path[static PATH_MAX]);

/* The number of the last file of the recording that the one at PATH belongs to, or, where that has been removed
 * already, of any: its path is put there, and PATTERN is that of all of them. What is no recording stays as it is, 0.
 */
uint32_t files_last(char pattern[static PATH_MAX], char path[static PATH_MAX]);

/* OUTPUT, which stays the caller's, is the file with that NUMBER: the first one, or the last one of a recording that
 * goes on. FORCE: recordings that have the name of a further one are overwritten. */
void files_begin(struct files *files, const struct limits *limits, const char *pattern, struct output *output,
                 uint32_t number, bool force);
void files_end(struct files *files);

/* For the ledger. */
struct ingest_files files_for_ingest(struct files *files);

/* The names of all files that are there, oldest first, as recording_open() takes them for one; the caller's. NULL: they
 * are larger than MOST_BYTES together. Not while the committing thread runs. */
char *files_as_one(const struct files *files, uint64_t most_bytes);

/* These may be asked by any thread: how many have begun after the first one, how large those before the present one
 * are, and which that is. */
uint32_t files_begun(struct files *files);
uint64_t files_older_bytes(struct files *files);
void files_present(struct files *files, char path[static PATH_MAX]);

#endif
