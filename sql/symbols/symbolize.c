/* SPDX-License-Identifier: Apache-2.0
 *
 * symbolize.c - see symbolize.h.
 */
#include "symbolize.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/file_lock.h"
#include "module_file.h"
#include "resolve.h"
#include "sql/base/text.h"
#include "sql/store/migrate.h"
#include "sql/store/writer.h"

#define FRAMES_BETWEEN_LOOKS 64
#define PATIENCE_MS 2000
#define FOUND "found"

/* A frame to look up. */
struct job {
	int64_t module, frame;
	uint64_t address;
};

struct symbolizer {
	struct writer *writer;
	const struct symbolize_options *options;
	struct sql_error *error;
	struct job *jobs; /* by module, then address */
	size_t job_count, job_capacity, done;
	sqlite3_stmt *module, *insert, *update;
	struct symbolize_totals *totals;
	bool stopped, in_wal;
};

static int fail(struct symbolizer *work)
{
	return sql_fail_db(work->error, work->writer->path, work->writer->db);
}

static int run(struct symbolizer *work, const char *sql)
{
	return sqlite3_exec(work->writer->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(work);
}

static int prepare(struct symbolizer *work, const char *sql, sqlite3_stmt **statement)
{
	return sqlite3_prepare_v2(work->writer->db, sql, -1, statement, NULL) == SQLITE_OK ? 0 : fail(work);
}

/* Frames without a row were not looked up yet: one that was and has no name has a row that says so. Where no file was
 * found there is none to look in, until somebody says that there is now. */
static const char jobs_sql[] =
    "SELECT f.module, f.id, f.address FROM frame_info f JOIN module_info m ON m.id = f.module "
    "WHERE NOT EXISTS (SELECT 1 FROM symbol_info s WHERE s.frame = f.id) "
    "AND (m.symbols IS NULL OR m.symbols = '" FOUND "' OR m.symbols LIKE 'stripped:%' OR ?1) "
    "ORDER BY 1, 3";

static int load_jobs(struct symbolizer *work)
{
	sqlite3_stmt *rows = NULL;
	int code = SQLITE_ERROR;

	if (prepare(work, jobs_sql, &rows) < 0)
		return -1;
	sqlite3_bind_int(rows, 1, work->options->force);
	while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
		if (array_reserve(&work->jobs, &work->job_capacity, work->job_count) < 0) {
			code = SQLITE_NOMEM;
			break;
		}
		work->jobs[work->job_count++] = (struct job){.module = sqlite3_column_int64(rows, 0),
		                                             .frame = sqlite3_column_int64(rows, 1),
		                                             .address = (uint64_t)sqlite3_column_int64(rows, 2)};
	}
	sqlite3_finalize(rows);
	if (code == SQLITE_NOMEM)
		return sql_fail(work->error, "%s: out of memory", work->writer->path);
	return code == SQLITE_DONE ? 0 : fail(work);
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	char clean[TEXT_CLEAN_BOUND(PLACE_TEXT_BYTES)];
	size_t bytes = text_clean(text, strlen(text), clean);

	if (*text)
		sqlite3_bind_text(statement, index, clean, (int)bytes, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(statement, index);
}

static int store_place(struct symbolizer *work, int64_t frame, size_t depth, const struct place *place)
{
	sqlite3_stmt *insert = work->insert;

	sqlite3_bind_int64(insert, 1, frame);
	sqlite3_bind_int64(insert, 2, (int64_t)depth);
	bind_text(insert, 3, place->function);
	bind_text(insert, 4, place->file);
	if (place->line > 0)
		sqlite3_bind_int64(insert, 5, place->line);
	else
		sqlite3_bind_null(insert, 5);
	return write_run(insert) == SQLITE_OK ? 0 : fail(work);
}

/* An address is where the call returns to, which may be the next function already. */
static int resolve_frame(struct symbolizer *work, struct resolver *resolver, const struct job *job)
{
	const struct place *places;
	size_t count = resolver_find(resolver, job->address - 1, &places);

	work->totals->named += places[count - 1].function[0] != '\0';
	for (size_t i = 0; i < count; i++)
		if (store_place(work, job->frame, i, &places[i]) < 0)
			return -1;
	return 0;
}

static bool go_on(struct symbolizer *work)
{
	const struct symbolize_options *options = work->options;

	if (!work->stopped && options->progress)
		work->stopped = !options->progress(options->context, work->done, work->job_count);
	return !work->stopped;
}

static int resolve_frames(struct symbolizer *work, struct resolver *resolver, const struct job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i % FRAMES_BETWEEN_LOOKS == 0 && !go_on(work))
			return 0;
		if (resolve_frame(work, resolver, &jobs[i]) < 0)
			return -1;
		work->done++;
	}
	return 0;
}

static int store_verdict(struct symbolizer *work, int64_t module, const char *why)
{
	sqlite3_bind_int64(work->update, 1, module);
	if (why)
		sqlite3_bind_text(work->update, 2, why, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(work->update, 2);
	return write_run(work->update) == SQLITE_OK ? 0 : fail(work);
}

/* Path and build id of a module. Both are for free(). */
static int read_module(struct symbolizer *work, int64_t id, char **path, char **build_id)
{
	sqlite3_bind_int64(work->module, 1, id);
	if (sqlite3_step(work->module) == SQLITE_ROW) {
		const char *texts[] = {(const char *)sqlite3_column_text(work->module, 0),
		                       (const char *)sqlite3_column_text(work->module, 1)};

		*path = strdup(texts[0] ? texts[0] : "");
		*build_id = strdup(texts[1] ? texts[1] : "");
	}
	sqlite3_reset(work->module);
	return *path && *build_id ? 0 : sql_fail(work->error, "%s: out of memory", work->writer->path);
}

/* COUNT jobs of one module, of which PATH is the file. */
static int resolve_module(struct symbolizer *work, const char *path, const char *build_id, const struct job *jobs,
                          size_t count)
{
	char why[MODULE_WHY_BYTES];
	int fd = module_file_open(path, build_id, why);
	struct resolver *resolver = fd < 0 ? NULL : resolver_open(fd, path);
	int result;

	if (!resolver) {
		work->done += count;
		return store_verdict(work, jobs->module, fd < 0 ? why : "its ELF file cannot be read");
	}
	result = resolve_frames(work, resolver, jobs, count);
	resolver_close(resolver);
	if (result == 0 && !work->stopped) /* by all of its frames, also those of earlier times */
		result = store_verdict(work, jobs->module, NULL);
	return result;
}

/* In a transaction of its own. What was looked up before it was stopped is kept. */
static int take_module(struct symbolizer *work, const struct job *jobs, size_t count)
{
	char *path = NULL, *build_id = NULL;
	int result = run(work, "BEGIN IMMEDIATE");

	if (result == 0)
		result = read_module(work, jobs->module, &path, &build_id);
	if (result == 0)
		result = resolve_module(work, path, build_id, jobs, count);
	if (result == 0)
		result = run(work, "COMMIT");
	if (!sqlite3_get_autocommit(work->writer->db))
		sqlite3_exec(work->writer->db, "ROLLBACK", NULL, NULL, NULL);
	free(path);
	free(build_id);
	return result;
}

static int take_modules(struct symbolizer *work)
{
	for (size_t first = 0, next; first < work->job_count; first = next) {
		for (next = first; next < work->job_count && work->jobs[next].module == work->jobs[first].module;)
			next++;
		if (!go_on(work))
			return 0;
		if (take_module(work, work->jobs + first, next - first) < 0)
			return -1;
	}
	return 0;
}

/* ?2 NULL: what the frames of the module say. */
static const char verdict_sql[] =
    "UPDATE module_info SET symbols = coalesce(?2, (SELECT CASE WHEN sum(s.function IS NULL) = 0 THEN '" FOUND "' ELSE "
    "printf('stripped: no symbol for %d of %d frames', sum(s.function IS NULL), count(*)) END "
    "FROM frame_info f JOIN symbol_info s ON s.frame = f.id AND s.depth = 0 WHERE f.module = ?1)) WHERE id = ?1";

static int prepare_all(struct symbolizer *work)
{
	return prepare(work, "SELECT path, build_id FROM module_info WHERE id = ?1", &work->module) < 0 ||
	               prepare(work,
	                       "INSERT OR REPLACE INTO symbol_info(frame, depth, function, file, line) "
	                       "VALUES(?1, ?2, ?3, ?4, ?5)",
	                       &work->insert) < 0 ||
	               prepare(work, verdict_sql, &work->update) < 0
	           ? -1
	           : 0;
}

/* What was found to be stripped may have its debug information installed by now. */
static int forget(struct symbolizer *work)
{
	return run(work, "DELETE FROM symbol_info WHERE language IS NULL AND frame IN (SELECT f.id FROM frame_info f "
	                 "JOIN module_info m ON m.id = f.module WHERE m.symbols LIKE 'stripped:%')");
}

/* Killed in the middle of a transaction, a -wal is left, with which the file can be read as it is. */
static int enter_wal(struct symbolizer *work)
{
	work->in_wal = true;
	return run(work, "PRAGMA journal_mode = WAL");
}

static int work_through(struct symbolizer *work)
{
	if (migrate(work->writer->db, work->writer->path, work->error) < 0)
		return -1;
	if (work->options->force && (enter_wal(work) < 0 || forget(work) < 0))
		return -1;
	if (load_jobs(work) < 0)
		return -1;
	if (work->job_count == 0)
		return 0;
	if (enter_wal(work) < 0 || prepare_all(work) < 0 || take_modules(work) < 0)
		return -1;
	go_on(work);
	return 0;
}

int symbolize(const char *path, const struct symbolize_options *options, struct symbolize_totals *totals,
              struct sql_error *error)
{
	struct symbolizer work = {.options = options, .error = error, .totals = totals};
	int result = write_open(path, &work.writer, error);

	*totals = (struct symbolize_totals){0};
	if (result == 0)
		result = work_through(&work);
	totals->frames = work.done;
	sqlite3_finalize(work.module);
	sqlite3_finalize(work.insert);
	sqlite3_finalize(work.update);
	if (result == 0 && work.in_wal)
		write_leave_wal(work.writer, PATIENCE_MS); /* readers keep it: it belongs to the file then */
	writer_close(work.writer);
	free(work.jobs);
	return result;
}

/* Whether it is a recording, and one that may have stacks. */
static int check(const char *path, struct sql_error *error)
{
	struct recording *recording = recording_open(path, error);
	int64_t frames = 0;
	int result = -1;

	if (!recording)
		return -1;
	if (recording->packed)
		sql_fail(error,
		         "%s: was shared, and is only read; symbolize the recording that it was made of, or a 'copy'",
		         path);
	else if (recording_integer(recording, "SELECT EXISTS (SELECT 1 FROM frame_info)", 0, &frames, error) == 0)
		result = frames ? 0
		                : sql_fail(error,
		                           "%s: there are no call stacks in it; record with 'ttalloc-recorder "
		                           "--stacks'",
		                           path);
	recording_close(recording);
	return result;
}

int symbolize_foreign(const char *path, const struct symbolize_options *options, struct symbolize_totals *totals,
                      struct sql_error *error)
{
	char real[PATH_MAX], lock_path[PATH_MAX + 8];
	int fd, result;

	if (check(path, error) < 0)
		return -1;
	if (!realpath(path, real) || access(real, W_OK) < 0)
		return sql_fail(error, "%s: cannot be written: %s; make a copy of your own with 'ttalloc-analyze copy'",
		                path, strerror(errno));
	snprintf(lock_path, sizeof(lock_path), "%s-lock", real);
	fd = file_lock_take(lock_path);
	if (fd < 0 && errno == EWOULDBLOCK)
		return sql_fail(error, "%s: it is being recorded; do it when its recorder has ended", path);
	if (fd < 0)
		return sql_fail(error,
		                "%s: nothing can be written beside it: %s; make a copy elsewhere with 'ttalloc-analyze "
		                "copy'",
		                path, strerror(errno));
	result = symbolize(real, options, totals, error);
	file_lock_release(lock_path, fd);
	return result;
}
