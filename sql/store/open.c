/* SPDX-License-Identifier: Apache-2.0
 *
 * open.c - opening a recording that nobody vouches for: what kind of file it is, how SQLite can read it without making
 * or changing anything beside it, and that it is what it claims to be.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beside.h"
#include "join.h"
#include "recording.h"
#include "sql/base/error.h"
#include "sql/packed/format.h"
#include "sql/packed/packed.h"
#include "sql/store/embedded.h"

#define BUSY_RETRY_MS 5000
#define SQLITE_HEADER_BYTES 100
/* Where SQLite keeps its POSIX locks on the database file. */
#define SQLITE_LOCKS_START 0x40000000
#define SQLITE_LOCKS_BYTES 512

/* What of the file's surroundings decides how it is to be opened. */
struct situation {
	char *file;       /* the path with links resolved, as SQLite resolves them */
	bool wal_mode;    /* the header says so */
	bool has_wal;     /* FILE-wal is there, and not empty */
	bool has_side;    /* FILE-wal and FILE-shm are there */
	bool in_use;      /* some process holds it open */
	bool hot_journal; /* a writer was killed in the middle of a transaction */
	bool packed;      /* it has the shared form (sql/packed/) */
};

static uint32_t big_endian(const unsigned char *bytes, size_t count)
{
	uint32_t value = 0;

	while (count-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

/* How many bytes the header says that the database has; 0: it does not say. */
static int64_t promised_bytes(const unsigned char *header)
{
	uint32_t page_bytes = big_endian(header + 16, 2);

	/* the count of pages is valid for one state of the change counter */
	if (big_endian(header + 24, 4) != big_endian(header + 92, 4))
		return 0;
	return (int64_t)(page_bytes == 1 ? 65536 : page_bytes) * big_endian(header + 28, 4);
}

/* Whether a file in the shared form is whole. */
static int look_at_packed(int file, const char *path, struct situation *situation, struct sql_error *error)
{
	struct packed *packed = packed_open(file, path, error);

	packed_close(packed);
	situation->packed = true;
	return packed ? 0 : -1;
}

/* Reads the header of the file. 0, or -1 with ERROR saying what the file is instead of a recording. */
static int look_at_header(int file, const char *path, struct situation *situation, struct sql_error *error)
{
	unsigned char header[SQLITE_HEADER_BYTES] = {0};
	struct flock lock = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SQLITE_LOCKS_START, .l_len = SQLITE_LOCKS_BYTES};
	struct stat status;

	if (fstat(file, &status) < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return sql_fail(error, "%s: a directory; name the recording in it", path);
	if (!S_ISREG(status.st_mode))
		return sql_fail(error, "%s: not a regular file", path);
	situation->has_wal = beside_exists(situation->file, "-wal", true);
	situation->has_side =
	    beside_exists(situation->file, "-wal", false) && beside_exists(situation->file, "-shm", false);
	ssize_t count = pread(file, header, sizeof(header), 0);
	if (count < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	if (count == 0)
		return sql_fail(error, "%s: empty; no recorder has written to it", path);
	if (packed_is_magic(header, (size_t)count))
		return look_at_packed(file, path, situation, error);
	if (memcmp(header, "SQLite format 3", 16) != 0)
		return sql_fail(error, "%s: not a ttalloc recording (it is no SQLite database)", path);
	situation->in_use = fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	situation->hot_journal = !situation->in_use && beside_hot_journal(situation->file);
	if (count < SQLITE_HEADER_BYTES ||
	    (!situation->has_wal && !situation->hot_journal && status.st_size < promised_bytes(header)))
		return sql_fail(error, "%s: truncated; copy it again, with 'ttalloc-analyze copy'", path);
	situation->wal_mode = header[18] == 2 || header[19] == 2;
	return 0;
}

static int look_at(const char *path, struct situation *situation, struct sql_error *error)
{
	/* O_NONBLOCK: a pipe must not hold us */
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (file < 0 && errno == ENOENT)
		return sql_fail(error, "%s: no such file; record one with 'ttalloc-recorder -o %s -- COMMAND'", path,
		                path);
	if (file < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	int result = 0;
	situation->file = realpath(path, NULL);
	if (!situation->file)
		result = sql_fail(error, "%s: %s", path, strerror(errno));
	if (result == 0)
		result = beside_check(situation->file, false, error);
	if (result == 0)
		result = look_at_header(file, path, situation, error);
	close(file);
	return result;
}

static const char immutable[] = "immutable=1";

/* An URI for PATH with a PARAMETER. */
static char *uri_of(const char *path, const char *parameter)
{
	char *uri = malloc(strlen("file:") + 3 * strlen(path) + 1 + strlen(parameter) + 1);

	if (!uri)
		return NULL;
	char *at = stpcpy(uri, "file:");
	for (; *path; path++) {
		if (strchr("%?#", *path))
			at += sprintf(at, "%%%02X", (unsigned char)*path);
		else
			*at++ = *path;
	}
	*at++ = '?';
	strcpy(at, parameter);
	return uri;
}

/* Opens PATH so that SQLite neither makes nor writes nor deletes anything. VFS: NULL is the usual one. */
static int open_uri_with(struct recording *recording, const char *path, const char *parameter, bool unlocked,
                         const char *vfs)
{
	char *uri;
	int code = SQLITE_NOMEM;

	reach_close(&recording->reach);
	if (reach_open(&recording->reach, path, unlocked) < 0)
		return SQLITE_CANTOPEN;
	if (vfs)
		recording->reach.vfs = vfs;
	uri = uri_of(recording->reach.path, parameter);
	if (uri)
		code =
		    sqlite3_open_v2(uri, &recording->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
		                    recording->reach.vfs);
	free(uri);
	if (code == SQLITE_OK)
		sqlite3_busy_timeout(recording->db, BUSY_RETRY_MS);
	recording->is_only_read = true;
	recording->at_rest = strcmp(parameter, immutable) == 0;
	return code;
}

static int open_uri(struct recording *recording, const char *path, const char *parameter, bool unlocked)
{
	return open_uri_with(recording, path, parameter, unlocked, NULL);
}

static int open_rolled_back(struct recording *recording, const char *file, struct sql_error *error)
{
	char *copy = beside_rolled_back_copy(file, error);

	if (!copy)
		return -1;
	int code = open_uri(recording, copy, immutable, false);
	beside_remove_copy(copy); /* SQLite has it open */
	return code == SQLITE_OK ? 0 : recording_fail(recording, error);
}

/* Opens the file in one of five ways. What is in the shared form is at rest, and is read by ways of its own. A recorder
 * that lives keeps both -wal and -shm, and locks; then, and for files in rollback mode, SQLite's usual way is right,
 * but for a -shm that is never written to. After a kill, or in a copy, some of it is missing, and SQLite would have to
 * make it: a -wal without -shm is read without shared memory, and WAL mode without a -wal as a file at rest. What a
 * transaction left half done is undone in a copy. 0, or -1 with ERROR. */
static int open_database(struct recording *recording, const struct situation *situation, struct sql_error *error)
{
	int code;

	if (situation->hot_journal)
		return open_rolled_back(recording, situation->file, error);
	if (situation->packed && !packed_vfs())
		return sql_fail(error, "%s: SQLite cannot be given another way to read it", recording->path);
	recording->packed = situation->packed;
	if (situation->packed)
		code = open_uri_with(recording, situation->file, "immutable=1", false, packed_vfs());
	else if (situation->in_use || situation->has_side || (!situation->wal_mode && !situation->has_wal))
		code = open_uri(recording, situation->file, "readonly_shm=1", false);
	else if (!situation->has_wal)
		code = open_uri(recording, situation->file, immutable, false);
	else if ((code = open_uri(recording, situation->file, "", true)) == SQLITE_OK)
		code = sqlite3_exec(recording->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : recording_fail(recording, error);
}

/* What a hostile file could make SQLite do is switched off before anything of it is read. */
static void defend(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* which would delete the -wal */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL); /* but for TEMP views, which are ours */
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
	sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 200);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -16384", NULL, NULL,
	             NULL);
}

static int check_version(struct recording *recording, struct sql_error *error)
{
	int64_t application = 0, version = 0;

	if (recording_integer(recording, "PRAGMA main.application_id", 0, &application, error) < 0 ||
	    recording_integer(recording, "PRAGMA main.user_version", 0, &version, error) < 0)
		return -1;
	if (application != SQL_APPLICATION_ID)
		return sql_fail(error, "%s: not a ttalloc recording (another program's SQLite database)",
		                recording->path);
	if (version > SQL_SCHEMA_VERSION)
		return sql_fail(error,
		                "%s: made by a newer ttalloc (schema version %" PRId64
		                ", this one reads up to %d); update ttalloc",
		                recording->path, version, SQL_SCHEMA_VERSION);
	if (version < 1)
		return sql_fail(error, "%s: not a ttalloc recording (schema version %" PRId64 ")", recording->path,
		                version);
	recording->version = (int)version;
	return 0;
}

/* Runs the part of SCRIPT, one of our own, up to END (NULL: all of it), with each CREATE a CREATE TEMP. */
static int create_temporary(struct recording *recording, const char *script, const char *end, struct sql_error *error)
{
	static const char create[] = "CREATE ";
	size_t bytes = end ? (size_t)(end - script) : strlen(script), count = 0;
	const char *from = script, *last = script + bytes, *next;

	for (next = from; (next = strstr(next, create)) && next < last; next += strlen(create))
		count++;
	char *text = malloc(bytes + count * strlen("TEMP ") + 1), *at = text;
	if (!text)
		return sql_fail(error, "%s: out of memory", recording->path);
	for (; (next = strstr(from, create)) && next < last; from = next + strlen(create)) {
		at = mempcpy(at, from, (size_t)(next - from));
		at = stpcpy(at, "CREATE TEMP ");
	}
	at = mempcpy(at, from, (size_t)(last - from));
	*at = '\0';
	int code = sqlite3_exec(recording->db, text, NULL, NULL, NULL);
	free(text);
	return code == SQLITE_OK ? 0 : recording_fail(recording, error);
}

/* What a file of an older version lacks, empty; and the views, since a file's own are never run. */
static int add_temporaries(struct recording *recording, struct sql_error *error)
{
	for (int version = recording->version; version < SQL_SCHEMA_VERSION; version++) {
		const char *text = sql_schemas[version];

		if (create_temporary(recording, text, strstr(text, "PRAGMA user_version"), error) < 0)
			return -1;
	}
	return create_temporary(recording, sql_views, NULL, error);
}

/* Whether the file was cut, and to what. */
static int find_cut(struct recording *recording, struct sql_error *error)
{
	int64_t is_cut = 0;
	int result =
	    recording_integer(recording, "SELECT count(*) FROM share_info WHERE to_ns IS NOT NULL", 0, &is_cut, error);

	if (result == 0)
		result =
		    recording_integer(recording, "SELECT from_ns FROM share_info", 0, &recording->cut_from_ns, error);
	if (result == 0)
		result = recording_integer(recording, "SELECT to_ns FROM share_info", 0, &recording->cut_to_ns, error);
	recording->cut = is_cut != 0;
	return result;
}

static int open_defended(struct recording *recording, struct sql_error *error)
{
	struct situation situation = {0};
	int result = look_at(recording->path, &situation, error);

	if (result == 0)
		result = open_database(recording, &situation, error);
	free(situation.file);
	if (result == 0)
		defend(recording->db);
	return result;
}

static int open_checked(struct recording *recording, struct sql_error *error)
{
	if (open_defended(recording, error) < 0 || recording_begin(recording, error) < 0 ||
	    check_version(recording, error) < 0 || recording_check_tables(recording, error) < 0)
		return -1;
	recording_release(recording);
	if (add_temporaries(recording, error) < 0)
		return -1;
	return find_cut(recording, error);
}

static struct recording *open_by(const char *path, int (*open_it)(struct recording *recording, struct sql_error *error),
                                 struct sql_error *error)
{
	struct recording *recording = calloc(1, sizeof(*recording));

	if (!recording || !(recording->path = strdup(path))) {
		free(recording);
		sql_fail(error, "%s: out of memory", path);
		return NULL;
	}
	recording->reach.fd = -1;
	if (open_it(recording, error) < 0) {
		recording_close(recording);
		return NULL;
	}
	return recording;
}

static bool is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* What several files are called where one has its path. */
static char *name_of_several(const char *names)
{
	size_t count = 0;
	char *name;

	for (const char *c = names; *c; c++)
		count += *c == RECORDING_AND;
	if (!count)
		return strdup(names);
	return asprintf(&name, "%.*s and %zu more", (int)(strchr(names, RECORDING_AND) - names), names, count) < 0
	           ? NULL
	           : name;
}

static struct recording *open_several(const char *names, struct sql_error *error)
{
	char *path = join_files(names, error), *name = path ? name_of_several(names) : NULL;
	struct recording *recording = path ? open_by(path, open_checked, error) : NULL;

	if (path)
		unlink(path); /* SQLite has it open */
	free(path);
	if (!recording || !name) {
		free(name);
		return recording;
	}
	free(recording->path);
	recording->path = name;
	return recording;
}

struct recording *recording_open(const char *path, struct sql_error *error)
{
	return strchr(path, RECORDING_AND) || is_directory(path) ? open_several(path, error)
	                                                         : open_by(path, open_checked, error);
}

struct recording *recording_open_foreign(const char *path, struct sql_error *error)
{
	return open_by(path, open_defended, error);
}

void recording_close(struct recording *recording)
{
	if (!recording)
		return;
	recording_release(recording);
	recording_close(recording->old);
	sqlite3_close_v2(recording->db);
	reach_close(&recording->reach);
	free(recording->path);
	free(recording);
}
