/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.h - what is behind struct writer; for who writes rows.
 */
#ifndef SQL_WRITER_H
#define SQL_WRITER_H

#include <sqlite3.h>

#include "checkpoint.h"
#include "recording.h"
#include "row_image.h"
#include "shapes.h"
#include "write.h"

struct row_writer {
	sqlite3_stmt *statement;
	int places[ROW_MOST_COLUMNS];
};

struct writer {
	sqlite3 *db;
	char *path;
	struct reach reach;      /* to the file */
	struct row_image *image; /* of frequent rows */
	struct row_writer rows[ROW_KINDS];
	sqlite3_stmt *begin, *commit;
	struct recording reader;           /* of what was written */
	uint64_t wal_bytes, begun_bytes;   /* of the -wal; the same when a checkpoint began last */
	struct checkpointer *checkpointer; /* NULL: none was needed yet */
	int page_bytes;
};

/* The read side of the writer's own connection. */
struct recording *writer_reader(struct writer *writer);

/* Opens the file for writing, whatever is in it; nothing that it brings along runs. 0, or -1 with ERROR. Either way
 * *WRITER is for writer_close(). */
int write_open(const char *path, struct writer **writer, struct sql_error *error);

/* Makes an empty file, mode 0600; one that exists is refused. 0, or -1 with ERROR. */
int write_make_file(const char *path, struct sql_error *error);

/* Makes tables and views, in a transaction that is left open. A SQLite code, as of those that follow. */
int write_make_tables(struct writer *writer);

int write_exec(struct writer *writer, const char *text);

/* Stores when and how the recording ended; ENDED NULL: it goes on. */
enum write_result write_end(struct writer *writer, uint64_t end_ns, const char *ended, struct sql_error *error);

/* Empties the -wal and goes back to rollback mode; waits PATIENCE_MS for readers. Whether that came about. */
bool write_leave_wal(struct writer *writer, unsigned patience_ms);

/* Prepares everything that writer_store() runs. 0, or -1 with ERROR. */
int write_prepare(struct writer *writer, struct sql_error *error);
void write_unprepare(struct writer *writer);
/* The same of rows of KIND alone, unless that was done. A SQLite code. */
int write_prepare_row(struct writer *writer, enum row_kind kind);

/* Fills ERROR from the database's last error and says what that means for trying again. */
enum write_result write_failed(struct writer *writer, struct sql_error *error);
/* The same for an error with that CODE. */
enum write_result write_failed_with(struct writer *writer, int code, struct sql_error *error);

/* Runs the statement to its end, and resets it. A SQLite code. */
int write_run(sqlite3_stmt *statement);

/* Stores the rows of LOG, within the caller's transaction. A SQLite code. */
int write_log(struct writer *writer, const struct rowlog *log);

#endif
