/* SPDX-License-Identifier: Apache-2.0
 *
 * beside.c - see beside.h.
 */
#include "beside.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/error.h"

#define COPY_NAME "/recording"

static const char *const suffixes[] = {"-journal", "-wal", "-shm"};

static char *name_of(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

/* A plain file, opened for reading without following a link or waiting for a pipe; -1: it is none. */
static int open_plain(const char *name)
{
	int file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat status;

	if (file >= 0 && (fstat(file, &status) < 0 || !S_ISREG(status.st_mode))) {
		close(file);
		return -1;
	}
	return file;
}

/* Whether a journal ends with the name of a super-journal, the mark of a transaction over several databases. Nothing of
 * ours makes such; SQLite would delete the file of that name. */
static bool names_others(int journal)
{
	static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
	unsigned char last[sizeof(magic)];
	off_t end = lseek(journal, 0, SEEK_END);

	return end >= (off_t)sizeof(last) &&
	       pread(journal, last, sizeof(last), end - (off_t)sizeof(last)) == sizeof(last) &&
	       memcmp(last, magic, sizeof(magic)) == 0;
}

static int refuse_super_journal(const char *path, struct sql_error *error)
{
	return sql_fail(
	    error, "%s-journal: names another file, which it could make SQLite delete; no recorder wrote it", path);
}

static int check_one(const char *path, const char *suffix, const char *name, bool writing, struct sql_error *error)
{
	struct stat status;

	if (lstat(name, &status) < 0)
		return errno == ENOENT ? 0 : sql_fail(error, "%s: %s", name, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return sql_fail(error, "%s: not a plain file, as beside a recording; move it away", name);
	if (status.st_nlink > 1 && (writing || strcmp(suffix, "-shm") == 0))
		return sql_fail(error, "%s: has another name, too (a hard link), and would be written to; move it away",
		                name);
	if (!writing || strcmp(suffix, "-journal") != 0)
		return 0;
	int journal = open_plain(name);
	bool refused = journal < 0 || names_others(journal);
	if (journal >= 0)
		close(journal);
	return refused ? refuse_super_journal(path, error) : 0;
}

int beside_check(const char *path, bool writing, struct sql_error *error)
{
	int result = 0;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes) && result == 0; i++) {
		char *name = name_of(path, suffixes[i]);

		result = name ? check_one(path, suffixes[i], name, writing, error)
		              : sql_fail(error, "%s: out of memory", path);
		free(name);
	}
	return result;
}

bool beside_exists(const char *path, const char *suffix, bool with_content)
{
	struct stat status;
	char *name = name_of(path, suffix);
	bool found = name && stat(name, &status) == 0 && (!with_content || status.st_size > 0);

	free(name);
	return found;
}

bool beside_hot_journal(const char *path)
{
	char *name = name_of(path, "-journal"), first = '\0';
	int journal = name ? open_plain(name) : -1;
	bool hot = journal >= 0 && pread(journal, &first, 1, 0) == 1 && first != '\0';

	if (journal >= 0)
		close(journal);
	free(name);
	return hot;
}

/* ---- a copy to play the journal back in ---- */

static int copy_bytes(int from, int to)
{
	char buffer[1 << 16];
	ssize_t got;

	/* one system call where the file system can share the bytes */
	while ((got = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (got == 0)
		return 0;
	if (lseek(from, 0, SEEK_SET) < 0 || lseek(to, 0, SEEK_SET) < 0)
		return -1;
	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)got) != got)
			return -1;
	return got < 0 ? -1 : 0;
}

/* 0, or -1 with errno. */
static int copy_file(const char *from_name, const char *to_name)
{
	int from = open_plain(from_name);
	int to = from < 0 ? -1 : open(to_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int result = to < 0 ? -1 : copy_bytes(from, to), saved = errno;

	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	errno = saved;
	return result;
}

static int roll_back(const char *copy)
{
	sqlite3 *db;
	int code = sqlite3_open_v2(copy, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK)
		code =
		    sqlite3_exec(db, "PRAGMA synchronous = OFF; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	sqlite3_close_v2(db);
	return code;
}

static int fill_copy(const char *path, const char *copy, struct sql_error *error)
{
	char *journal = name_of(path, "-journal"), *journal_copy = name_of(copy, "-journal");
	int result = -1, code;

	if (!journal || !journal_copy)
		sql_fail(error, "%s: out of memory", path);
	else if (copy_file(journal, journal_copy) < 0 || copy_file(path, copy) < 0)
		sql_fail(error,
		         "%s: a write to it was cut short, and the copy in which to undo that cannot be made: %s; "
		         "set TMPDIR to where there is room",
		         path, strerror(errno));
	else if (beside_check(copy, true, error) < 0)
		refuse_super_journal(path, error);
	else if ((code = roll_back(copy)) != SQLITE_OK)
		sql_fail(error, "%s: a write to it was cut short, and cannot be undone: %s", path,
		         sqlite3_errstr(code));
	else
		result = 0;
	free(journal);
	free(journal_copy);
	return result;
}

char *beside_rolled_back_copy(const char *path, struct sql_error *error)
{
	const char *place = secure_getenv("TMPDIR");
	char *copy = NULL;

	if (asprintf(&copy, "%s/ttalloc-XXXXXX%s", place && *place ? place : "/tmp", COPY_NAME) < 0) {
		sql_fail(error, "%s: out of memory", path);
		return NULL;
	}
	char *slash = strrchr(copy, '/');
	*slash = '\0';
	if (!mkdtemp(copy)) {
		sql_fail(error,
		         "%s: a write to it was cut short, and no copy in which to undo that can be made: %s: %s", path,
		         copy, strerror(errno));
		free(copy);
		return NULL;
	}
	*slash = '/';
	if (fill_copy(path, copy, error) == 0)
		return copy;
	beside_remove_copy(copy);
	return NULL;
}

void beside_remove_copy(char *copy)
{
	char *journal = name_of(copy, "-journal");

	if (journal)
		unlink(journal);
	free(journal);
	unlink(copy);
	*strrchr(copy, '/') = '\0';
	rmdir(copy);
	free(copy);
}
