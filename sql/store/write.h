/* SPDX-License-Identifier: Apache-2.0
 *
 * write.h - the write side of a recording: makes the file, or goes on with one, and stores what was recorded, a
 * transaction at a time. Used by one thread at a time; a writer may move between threads.
 */
#ifndef SQL_WRITE_H
#define SQL_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rows.h"
#include "sql/base/sql.h"

struct writer;

/* The one row of recording_info. */
struct writer_identity {
	char uuid[33];
	const char *version; /* of the recorder */
	int64_t start_realtime_ns, start_monotonic_ns;
	char boot_id[40], host[256], user[64], directory[1024], socket[112];
	const char *command; /* or NULL */
	const char *job;     /* or NULL or "" */
	int64_t rank;        /* in the job; negative: not known */
	char devices[512];   /* JSON, those alone that are recorded; "": all */
	int64_t ranks;       /* that the job has; 0: not known */
	bool clean;          /* reopening: it had ended */
};

/* Makes the file, mode 0600; an existing one or a symbolic link is refused. 0, or -1 with ERROR. */
int writer_create(const char *path, const struct writer_identity *identity, struct writer **writer,
                  struct sql_error *error);

/* The same in the empty file that is at PATH, without a -wal: nobody reads it before it is finished, and who is stopped
 * meanwhile leaves nothing behind that is wanted. */
int writer_create_in(const char *path, const struct writer_identity *identity, struct writer **writer,
                     struct sql_error *error);

/* Goes on with the recording at PATH, whether it ended cleanly or not. IDENTITY is filled, but for its pointers. */
int writer_reopen(const char *path, struct writer **writer, struct writer_identity *identity, struct sql_error *error);

void writer_close(struct writer *writer);

enum write_result {
	WRITE_DONE,
	WRITE_LATER, /* nothing was written; the disk is full, somebody is in the way, ...: try again */
	WRITE_NEVER, /* nothing was written, and it will not get better */
};

/* Stores ROWS in one transaction, all or none. */
enum write_result writer_store(struct writer *writer, const struct write_rows *rows, struct sql_error *error);

/* Where a file of a recording begins: the last event of the file before it. */
struct file_begin {
	uint64_t at_ns;
	int64_t key;
};

/* Ends the file and goes on in another, at PATH, which must not exist: *WRITER is its writer then. All that was live at
 * BEGIN, the last event that was stored, is in that one, too. Else nothing has changed. */
enum write_result writer_next_file(struct writer **writer, const char *path, const struct file_begin *begin,
                                   struct sql_error *error);

/* How large the file is, once all is in it. */
int64_t writer_file_bytes(struct writer *writer);

/* Calls EACH for every row of KIND, which says what struct it is. 0, or -1 with ERROR, also when EACH returns false:
 * then the file makes no sense. */
int writer_load(struct writer *writer, enum load_kind kind, bool (*each)(void *context, const void *row), void *context,
                struct sql_error *error);

/* Moves what lies in the -wal into the database, as much as readers allow: when that is BESIDE_BYTES more than last
 * time, in a thread beside this one, which goes on; but waits for it once there are HERE_BYTES, so that the -wal begins
 * anew. */
void writer_checkpoint(struct writer *writer, uint64_t beside_bytes, uint64_t here_bytes);

/* Ends the recording at END_NS: ENDED is stored, the -wal is emptied, and the file goes back to rollback mode, which
 * waits PATIENCE_MS for readers at most. WRITE_LATER: all is stored, but the -wal is still there, or the
 * file had lost its name and was written anew. */
enum write_result writer_finish(struct writer *writer, uint64_t end_ns, const char *ended, unsigned patience_ms,
                                struct sql_error *error);

#endif
