/* SPDX-License-Identifier: Apache-2.0
 *
 * write.c - the write side of a recording: opening, transactions, ending.
 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "migrate.h"
#include "sql/base/error.h"
#include "sql/store/embedded.h"
#include "write_anew.h"

#define BUSY_MS 500

/* ---- errors ---- */

/* Why the operating system refused to write; 0: not known. Of a COMMIT that failed only the -wal knows. */
static int system_cause(struct writer *writer)
{
	int cause = sqlite3_system_errno(writer->db);
	sqlite3_file *wal = NULL;

	if (!cause && sqlite3_file_control(writer->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK &&
	    wal && wal->pMethods)
		wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &cause);
	return cause;
}

/* SQLite takes a quota, or a limit on the size of files, for a failing disk. */
static int code_of(struct writer *writer, int code)
{
	int cause = system_cause(writer);

	code &= 0xFF;
	if (code == SQLITE_IOERR && (cause == ENOSPC || cause == EDQUOT || cause == EFBIG))
		return SQLITE_FULL;
	return code;
}

enum write_result write_failed(struct writer *writer, struct sql_error *error)
{
	return write_failed_with(writer, sqlite3_errcode(writer->db), error);
}

enum write_result write_failed_with(struct writer *writer, int code, struct sql_error *error)
{
	switch (code_of(writer, code)) {
	case SQLITE_FULL:
		snprintf(error->text, sizeof(error->text),
		         "disk full: %s cannot grow; make room, what was recorded waits in the segments", writer->path);
		return WRITE_LATER;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(error->text, sizeof(error->text), "%s is locked by another program; waiting for it",
		         writer->path);
		return WRITE_LATER;
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_NOMEM:
		snprintf(error->text, sizeof(error->text), "%s cannot be written (%s%s%s); trying again", writer->path,
		         sqlite3_errmsg(writer->db), system_cause(writer) ? ": " : "",
		         system_cause(writer) ? strerror(system_cause(writer)) : "");
		return WRITE_LATER;
	default:
		snprintf(error->text, sizeof(error->text), "%s cannot be written: %s", writer->path,
		         sqlite3_errmsg(writer->db));
		return WRITE_NEVER;
	}
}

/* ---- opening ---- */

static int wal_grew(void *context, sqlite3 *db, const char *name, int pages)
{
	struct writer *writer = context;

	(void)db, (void)name;
	writer->wal_bytes = (uint64_t)pages * (uint64_t)writer->page_bytes;
	return SQLITE_OK;
}

struct recording *writer_reader(struct writer *writer)
{
	writer->reader.db = writer->db;
	writer->reader.path = writer->path;
	return &writer->reader;
}

int write_exec(struct writer *writer, const char *text)
{
	return sqlite3_exec(writer->db, text, NULL, NULL, NULL);
}

/* The path with links resolved but for its last part: SQLite's own protection refuses links anywhere in a path. */
static char *resolved(const char *path)
{
	char directory[PATH_MAX], *real, *whole = NULL;
	const char *name = strrchr(path, '/');

	snprintf(directory, sizeof(directory), "%.*s", name ? (int)(name - path) + 1 : 1, name ? path : ".");
	real = realpath(directory, NULL);
	if (real && asprintf(&whole, "%s/%s", real[1] ? real : "", name ? name + 1 : path) < 0)
		whole = NULL;
	free(real);
	return whole;
}

static int configure(struct writer *writer)
{
	sqlite3 *db = writer->db;

	sqlite3_busy_timeout(db, BUSY_MS);
	/* Nothing that a file brings along may run. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_wal_hook(db, wal_grew, writer);
	return write_exec(writer, "PRAGMA cache_size = -4096; PRAGMA secure_delete = OFF; PRAGMA synchronous = NORMAL");
}

int write_open(const char *path, struct writer **made, struct sql_error *error)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int code;

	*made = writer;
	if (writer)
		writer->reach.fd = -1;
	if (!writer || !(writer->path = resolved(path))) {
		snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(errno));
		return -1;
	}
	if (beside_check(writer->path, true, error) < 0)
		return -1;
	if (reach_open(&writer->reach, writer->path, false) < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	code = sqlite3_open_v2(writer->reach.path, &writer->db,
	                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, writer->reach.vfs);
	if (code == SQLITE_OK)
		code = configure(writer);
	if (code == SQLITE_OK)
		return 0;
	snprintf(error->text, sizeof(error->text), "%s cannot be opened for writing: %s", path,
	         writer->db ? sqlite3_errmsg(writer->db) : sqlite3_errstr(code));
	return -1;
}

int write_make_file(const char *path, struct sql_error *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0) {
		snprintf(error->text, sizeof(error->text), "%s cannot be made: %s", path, strerror(errno));
		return -1;
	}
	close(fd);
	return 0;
}

int write_run(sqlite3_stmt *statement)
{
	sqlite3_step(statement);
	return sqlite3_reset(statement);
}

static int store_row(struct writer *writer, enum row_kind kind, const void *row)
{
	struct row_writer *to = &writer->rows[kind];
	int code = write_prepare_row(writer, kind);

	if (code == SQLITE_OK)
		code = row_bind(to->statement, to->places, row_statements[kind].shape(), row);
	return code == SQLITE_OK ? write_run(to->statement) : code;
}

static int store_recording(struct writer *writer, const struct writer_identity *identity)
{
	return store_row(writer, ROW_recording,
	                 &(struct recording_row){.id = 1,
	                                         .uuid = row_string(identity->uuid),
	                                         .version = row_string(identity->version),
	                                         .start_realtime_ns = identity->start_realtime_ns,
	                                         .start_monotonic_ns = identity->start_monotonic_ns,
	                                         .boot_id = row_string(identity->boot_id),
	                                         .host = row_string(identity->host),
	                                         .user = row_string(identity->user),
	                                         .command = row_string(identity->command),
	                                         .directory = row_string(identity->directory),
	                                         .socket = row_string(identity->socket)});
}

static int store_job(struct writer *writer, const struct writer_identity *identity)
{
	const char *job = identity->job && *identity->job ? identity->job : NULL;
	int code = SQLITE_OK;

	if (job || identity->rank >= 0)
		code =
		    store_row(writer, ROW_recording_job,
		              &(struct recording_job_row){
		                  .id = 1, .job = row_string(job), .rank = identity->rank >= 0 ? identity->rank : -1});
	if (code == SQLITE_OK && identity->ranks > 0)
		code = store_row(writer, ROW_job_size, &(struct job_size_row){.id = 1, .ranks = identity->ranks});
	return code;
}

static int store_identity(struct writer *writer, const struct writer_identity *identity)
{
	int code = store_recording(writer, identity);

	if (code == SQLITE_OK)
		code = store_job(writer, identity);
	if (code == SQLITE_OK && identity->devices[0])
		code = store_row(writer, ROW_recording_file,
		                 &(struct recording_file_row){.id = 1, .devices = row_string(identity->devices)});
	return code;
}

int write_make_tables(struct writer *writer)
{
	int code = write_exec(writer, "PRAGMA page_size = 16384; BEGIN");

	for (int version = 0; code == SQLITE_OK && version < SQL_SCHEMA_VERSION; version++)
		code = write_exec(writer, sql_schemas[version]);
	return code == SQLITE_OK ? write_exec(writer, sql_views) : code;
}

/* Before the switch to WAL, so that the first page says what the file is from the start, whatever is copied of it and
 * whenever the recorder is killed. It need not survive a loss of power: nothing was recorded yet, and the first
 * checkpoint makes all of it durable. */
static int make_schema(struct writer *writer, const struct writer_identity *identity)
{
	int code = write_exec(writer, "PRAGMA synchronous = OFF");

	if (code == SQLITE_OK)
		code = write_make_tables(writer);
	if (code == SQLITE_OK)
		code = store_identity(writer, identity);
	if (code == SQLITE_OK)
		code = write_exec(writer, "COMMIT");
	return code;
}

static int read_page_size(struct writer *writer)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(writer->db, "PRAGMA page_size", -1, &statement, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		writer->page_bytes = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return 0;
}

static int create_in(const char *path, const struct writer_identity *identity, const char *journal,
                     struct writer **writer, struct sql_error *error)
{
	if (write_open(path, writer, error) != 0)
		return -1;
	if (make_schema(*writer, identity) != SQLITE_OK || write_exec(*writer, journal) != SQLITE_OK ||
	    read_page_size(*writer) != 0) {
		write_failed(*writer, error);
		return -1;
	}
	return write_prepare(*writer, error);
}

int writer_create_in(const char *path, const struct writer_identity *identity, struct writer **writer,
                     struct sql_error *error)
{
	if (create_in(path, identity, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", writer, error) == 0)
		return 0;
	writer_close(*writer);
	*writer = NULL;
	return -1;
}

int writer_create(const char *path, const struct writer_identity *identity, struct writer **writer,
                  struct sql_error *error)
{
	*writer = NULL;
	if (write_make_file(path, error) != 0)
		return -1;
	if (create_in(path, identity, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", writer, error) == 0)
		return 0;
	writer_close(*writer);
	*writer = NULL;
	unlink(path);
	return -1;
}

static void take_text(struct row_text text, char *place, size_t bytes)
{
	snprintf(place, bytes, "%.*s", (int)text.count, text.bytes ? (const char *)text.bytes : "");
}

static bool take_identity(void *context, const void *untyped)
{
	const struct known_recording_row *row = untyped;
	struct writer_identity *identity = context;

	take_text(row->uuid, identity->uuid, sizeof(identity->uuid));
	identity->start_realtime_ns = row->start_realtime_ns;
	identity->start_monotonic_ns = row->start_monotonic_ns;
	take_text(row->boot_id, identity->boot_id, sizeof(identity->boot_id));
	take_text(row->host, identity->host, sizeof(identity->host));
	take_text(row->user, identity->user, sizeof(identity->user));
	take_text(row->directory, identity->directory, sizeof(identity->directory));
	take_text(row->socket, identity->socket, sizeof(identity->socket));
	take_text(row->devices, identity->devices, sizeof(identity->devices));
	identity->clean = row->clean;
	return true;
}

int writer_reopen(const char *path, struct writer **writer, struct writer_identity *identity, struct sql_error *error)
{
	struct stat status;

	*writer = NULL;
	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
		snprintf(error->text, sizeof(error->text), "%s cannot be appended to: %s", path,
		         errno ? strerror(errno) : "not a file");
		return -1;
	}
	if (write_open(path, writer, error) != 0 || migrate((*writer)->db, path, error) != 0)
		goto failed;
	identity->uuid[0] = '\0';
	if (writer_load(*writer, LOAD_RECORDING, take_identity, identity, error) != 0)
		goto failed;
	if (!identity->uuid[0]) {
		snprintf(error->text, sizeof(error->text), "%s is damaged: it does not say which recording it is",
		         path);
		goto failed;
	}
	if (write_exec(*writer, "PRAGMA journal_mode = WAL; UPDATE recording_info SET ended = NULL") != SQLITE_OK) {
		write_failed(*writer, error);
		goto failed;
	}
	if (read_page_size(*writer) == 0 && write_prepare(*writer, error) == 0)
		return 0;
failed:
	writer_close(*writer);
	*writer = NULL;
	return -1;
}

static void stop_checkpoints(struct writer *writer)
{
	checkpointer_stop(writer->checkpointer);
	writer->checkpointer = NULL;
}

void writer_close(struct writer *writer)
{
	if (!writer)
		return;
	stop_checkpoints(writer);
	write_unprepare(writer);
	sqlite3_close(writer->db);
	row_image_free(writer->image);
	reach_close(&writer->reach);
	free(writer->path);
	free(writer);
}

/* ---- transactions ---- */

int write_log(struct writer *writer, const struct rowlog *log)
{
	_Alignas(max_align_t) uint8_t place[ROW_MOST_BYTES];
	enum row_kind kind;
	const void *row;
	size_t at = 0;
	int code = SQLITE_OK;

	while (code == SQLITE_OK && (row = rowlog_next(log, &at, &kind, place)))
		code = store_row(writer, kind, row);
	return code;
}

static int by_key(const void *a, const void *b)
{
	int64_t left = ((const struct unheld_row *)a)->key, right = ((const struct unheld_row *)b)->key;

	return (left > right) - (left < right);
}

/* What goes into the image of frequent rows, before the transaction. */
static int show_rows(struct writer *writer, const struct write_rows *rows)
{
	const struct row_array arrays[BULK_KINDS] = {[BULK_freed] = {rows->freed, rows->freed_count},
	                                             [BULK_unheld] = {rows->unheld, rows->unheld_count},
	                                             [BULK_held] = {rows->held, rows->held_count},
	                                             [BULK_run] = {rows->runs, rows->run_count}};

	if (rows->unheld_count)
		qsort(rows->unheld, rows->unheld_count, sizeof(*rows->unheld), by_key);
	if (!rows->freed_count && !rows->unheld_count && !rows->held_count && !rows->run_count)
		return SQLITE_OK;
	return row_image_fill(writer->image, arrays);
}

static int store_bulk(struct writer *writer, enum bulk_kind kind, size_t count)
{
	sqlite3_stmt *statement;
	int code = count ? row_image_prepare(writer->image, kind, &statement) : SQLITE_OK;

	if (!count || code != SQLITE_OK)
		return code;
	sqlite3_step(statement);
	return sqlite3_finalize(statement);
}

static int store_closed(struct writer *writer, const struct closed_row *rows, size_t count)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < count && code == SQLITE_OK; i++)
		code = store_row(writer, ROW_closed, &rows[i]);
	return code;
}

static int store_end(struct writer *writer, uint64_t end_ns, const char *ended)
{
	return store_row(writer, ROW_recording_end,
	                 &(struct recording_end_row){.end_ns = (int64_t)end_ns, .ended = row_string(ended)});
}

static int store_rows(struct writer *writer, const struct write_rows *rows)
{
	int code = SQLITE_OK;

	for (int i = 0; i < 2 && code == SQLITE_OK; i++)
		if (rows->logs[i])
			code = write_log(writer, rows->logs[i]);
	if (code == SQLITE_OK)
		code = store_bulk(writer, BULK_freed, rows->freed_count);
	if (code == SQLITE_OK)
		code = store_bulk(writer, BULK_unheld, rows->unheld_count);
	if (code == SQLITE_OK)
		code = store_bulk(writer, BULK_held, rows->held_count);
	if (code == SQLITE_OK)
		code = store_closed(writer, rows->closed, rows->closed_count);
	if (code == SQLITE_OK)
		code = store_bulk(writer, BULK_run, rows->run_count);
	if (code == SQLITE_OK)
		code = store_end(writer, rows->end_ns, NULL);
	return code;
}

static enum write_result roll_back(struct writer *writer, struct sql_error *error)
{
	enum write_result result = write_failed(writer, error);

	if (!sqlite3_get_autocommit(writer->db))
		write_exec(writer, "ROLLBACK");
	return result;
}

enum write_result writer_store(struct writer *writer, const struct write_rows *rows, struct sql_error *error)
{
	int code = show_rows(writer, rows);

	if (code != SQLITE_OK)
		return write_failed_with(writer, code, error);
	if (write_run(writer->begin) == SQLITE_OK && store_rows(writer, rows) == SQLITE_OK &&
	    write_run(writer->commit) == SQLITE_OK)
		return WRITE_DONE;
	return roll_back(writer, error);
}

static void checkpoint(struct writer *writer)
{
	sqlite3_wal_checkpoint_v2(writer->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void writer_checkpoint(struct writer *writer, uint64_t beside_bytes, uint64_t here_bytes)
{
	if (writer->wal_bytes < writer->begun_bytes) /* the -wal began anew */
		writer->begun_bytes = 0;
	if (writer->wal_bytes - writer->begun_bytes < beside_bytes)
		return;
	if (!writer->checkpointer)
		writer->checkpointer = checkpointer_start(writer->reach.path, writer->reach.vfs);
	if (!writer->checkpointer) {
		checkpoint(writer);
	} else if (writer->wal_bytes >= here_bytes) {
		/* while rows come all the time, all of it is in the database only if they wait: then the -wal begins
		 * anew. Most of it is there already. */
		checkpointer_wait(writer->checkpointer);
		checkpoint(writer);
	} else if (!checkpointer_begin(writer->checkpointer)) {
		return;
	}
	/* Where a reader held it back, it is worth another try only after as much again. */
	writer->begun_bytes = writer->wal_bytes;
}

/* ---- ending ---- */

enum write_result write_end(struct writer *writer, uint64_t end_ns, const char *ended, struct sql_error *error)
{
	return store_end(writer, end_ns, ended) == SQLITE_OK ? WRITE_DONE : roll_back(writer, error);
}

/* PRAGMA journal_mode answers with the mode that is now; a busy -wal is no error there. */
static bool leave_wal(struct writer *writer)
{
	sqlite3_stmt *statement;
	const unsigned char *mode;
	bool left = false;

	if (sqlite3_wal_checkpoint_v2(writer->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_prepare_v2(writer->db, "PRAGMA journal_mode = DELETE", -1, &statement, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_step(statement) == SQLITE_ROW && (mode = sqlite3_column_text(statement, 0)))
		left = strcmp((const char *)mode, "delete") == 0;
	sqlite3_finalize(statement);
	return left;
}

bool write_leave_wal(struct writer *writer, unsigned patience_ms)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

	stop_checkpoints(writer); /* whose connection would be in the way */
	for (unsigned waited_ms = 0; !leave_wal(writer); waited_ms += 50 + BUSY_MS) {
		if (waited_ms >= patience_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

enum write_result writer_finish(struct writer *writer, uint64_t end_ns, const char *ended, unsigned patience_ms,
                                struct sql_error *error)
{
	enum write_result result = write_end(writer, end_ns, ended, error);

	if (result != WRITE_DONE)
		return result;
	/* A statement that is still held would keep the journal mode as it is. */
	write_unprepare(writer);
	if (write_lost_its_name(writer)) {
		write_anew(writer, error);
		return WRITE_LATER;
	}
	if (write_leave_wal(writer, patience_ms))
		return WRITE_DONE;
	snprintf(error->text, sizeof(error->text),
	         "%s is complete, but another program reads it: %s-wal stays beside it until that has closed it, and "
	         "belongs to it",
	         writer->path, writer->path);
	return WRITE_LATER;
}
