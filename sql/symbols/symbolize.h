/* SPDX-License-Identifier: Apache-2.0
 *
 * symbolize.h - finds out what is at the frames of a recording, and stores it there, so that the answers stay with the
 * file when it goes elsewhere. One transaction for each module; interrupted, it goes on where it was the next time.
 */
#ifndef SQL_SYMBOLIZE_H
#define SQL_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

struct symbolize_options {
	bool force; /* also modules that were looked for in vain */
	/* Told how many frames are done; false stops. NULL: nobody wants to know. */
	bool (*progress)(void *context, size_t done, size_t total);
	void *context;
};

struct symbolize_totals {
	size_t frames, named; /* of those that were looked up: how many there were, and how many have a name now */
};

/* Looks up the frames of the recording at PATH that were not yet. The caller keeps recorders away from it
 * (file_lock.h). The file's mode is WAL meanwhile. 0, also when it was stopped, or -1 with ERROR. */
int symbolize(const char *path, const struct symbolize_options *options, struct symbolize_totals *totals,
              struct sql_error *error);

/* The same for one that nobody vouches for, or may be recording: takes the lock, and refuses what is no recording of
 * ours.
 */
int symbolize_foreign(const char *path, const struct symbolize_options *options, struct symbolize_totals *totals,
                      struct sql_error *error);

#endif
