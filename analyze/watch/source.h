/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h - reads a recording again whenever it has changed. The file is opened anew for each reading: nothing
 * is held in between, so that the recorder can bring the file to its end, and one that was replaced is noticed.
 */
#ifndef ANALYZE_WATCH_SOURCE_H
#define ANALYZE_WATCH_SOURCE_H

#include <limits.h>
#include <sys/types.h>

#include "model.h"

/* By which a change is known. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t bytes;
	int64_t modified_ns;
};

struct source {
	char path[PATH_MAX];
	bool named; /* else PATH is the newest recording in this directory, once there is one */
	struct stamp file, wal;
	bool has_read, groups_stale;          /* stale: the state was read without its groups */
	int64_t next_read_ns, next_groups_ns; /* not before */
};

enum source_result {
	SOURCE_READ,    /* there is a new state */
	SOURCE_SAME,    /* nothing was committed */
	SOURCE_WAITING, /* there is no such file yet; ERROR says which */
	SOURCE_TROUBLE, /* it cannot be read: ERROR */
};

/* NAMED: the file, or NULL. */
void source_init(struct source *source, const char *named);

/* Reads the state into MODEL, when there is something new and the last reading has not cost too much: readings take at
 * most a fiftieth of the time, the look-up of labels a further two-hundredth. PATIENT: take all the time it needs. */
enum source_result source_refresh(struct source *source, struct model *model, bool patient, struct sql_error *error);

#endif
