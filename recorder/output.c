/* SPDX-License-Identifier: Apache-2.0
 *
 * output.c - the file to record into.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/file_lock.h"
#include "sql/base/sql.h"
#include "sql/base/error.h"
#include "sql/packed/format.h"

#define FIRST_BYTES 100 /* of a database's first page: its header */

static const char *const sidecars[] = {"-wal", "-shm", "-journal", "-new"};

/* Appends TEXT to PATH without slashes. False when it does not fit. */
static bool append_word(char *path, size_t path_bytes, size_t *used, const char *text)
{
	for (; *text; text++) {
		if (*used + 1 >= path_bytes)
			return false;
		path[(*used)++] = *text == '/' ? '_' : *text;
	}
	path[*used] = '\0';
	return true;
}

/* What LETTER stands for, in SCRATCH where it has to be made. NULL with ERROR. */
static const char *word_of(char letter, const char *template, const struct output_words *words, char scratch[static 32],
                           struct sql_error *error)
{
	struct tm parts;

	switch (letter) {
	case 'h':
		return words->host;
	case 'p':
		snprintf(scratch, 32, "%d", (int)words->pid);
		return scratch;
	case 't':
		strftime(scratch, 32, "%Y%m%dT%H%M%S", localtime_r(&words->now, &parts));
		return scratch;
	case 'n':
		scratch[0] = OUTPUT_NUMBER;
		scratch[1] = '\0';
		return scratch;
	case 'j':
		if (words->job->name[0])
			return words->job->name;
		sql_fail(error, "in '%s' %%j is the job, and there is none here: set TTALLOC_JOB", template);
		return NULL;
	case 'r':
		snprintf(scratch, 32, "%ld", words->job->rank);
		if (words->job->rank >= 0)
			return scratch;
		sql_fail(error, "in '%s' %%r is the rank within a job, and there is none here: set TTALLOC_RANK",
		         template);
		return NULL;
	default:
		sql_fail(error, "in '%s' only %%p, %%h, %%t, %%j, %%r, %%n and %%%% are known", template);
		return NULL;
	}
}

int output_expand(const char *template, const struct output_words *words, char *path, size_t path_bytes,
                  struct sql_error *error)
{
	char scratch[32];
	size_t used = 0;

	for (const char *c = template; *c; c++) {
		if (used + 1 >= path_bytes)
			return sql_fail(error, "the name '%s' is too long", template);
		if (*c != '%' || c[1] == '%') {
			c += *c == '%';
			path[used++] = *c;
			continue;
		}
		const char *word = word_of(*++c, template, words, scratch, error);

		if (!word)
			return -1;
		if (!append_word(path, path_bytes, &used, word))
			return sql_fail(error, "the name '%s' is too long", template);
	}
	path[used] = '\0';
	return 0;
}

void output_default_name(const char *command, pid_t pid, char *path, size_t path_bytes)
{
	const char *slash = command ? strrchr(command, '/') : NULL;
	const char *name = slash ? slash + 1 : command ? command : "recorder";

	snprintf(path, path_bytes, "ttalloc-%.128s-%d.db", *name ? name : "command", (int)pid);
}

/* The place that PATH leads to, so that two names of one file meet in one lock. */
static int resolve(const char *path, char *resolved, struct sql_error *error)
{
	char copy[PATH_MAX], other[PATH_MAX], directory[PATH_MAX];
	struct stat status;
	const char *name;

	if (realpath(path, resolved))
		return 0;
	if (strlen(path) >= PATH_MAX - 16)
		return sql_fail(error, "%.80s...: the path is too long", path);
	if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
		return sql_fail(error, "%s: is a link that leads nowhere; remove it, or choose another file with -o",
		                path);
	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(other, sizeof(other), "%s", path);
	name = basename(other);
	if (!realpath(dirname(copy), directory))
		return sql_fail(error, "%s: cannot be made here: %s; choose another place with -o", path,
		                strerror(errno));
	if (snprintf(resolved, PATH_MAX, "%s/%s", strcmp(directory, "/") ? directory : "", name) >= PATH_MAX - 16)
		return sql_fail(error, "%.80s...: the path is too long", path);
	return 0;
}

static int take_lock(struct output *output, struct sql_error *error)
{
	output->lock_fd = file_lock_take(output->lock_path);
	if (output->lock_fd >= 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return sql_fail(error, "%s: another recorder is recording into it; choose another file with -o",
		                output->path);
	return sql_fail(error, "%s: cannot be written: %s; choose another place with -o", output->path,
	                strerror(errno));
}

enum file_kind { FILE_NONE, FILE_EMPTY, FILE_RECORDING, FILE_SHARED, FILE_OTHER, FILE_NOT_REGULAR, FILE_UNREADABLE };

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A recording says so at byte 68 of its first page. */
static bool is_first_page(const unsigned char page[static FIRST_BYTES])
{
	return !memcmp(page, "SQLite format 3", 16) && big_endian(page + 68) == SQL_APPLICATION_ID;
}

static enum file_kind look_at(const char *path)
{
	unsigned char page[FIRST_BYTES];
	struct stat status;
	ssize_t got;
	int fd;

	if (stat(path, &status) < 0)
		return errno == ENOENT ? FILE_NONE : FILE_UNREADABLE;
	if (!S_ISREG(status.st_mode))
		return FILE_NOT_REGULAR;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return FILE_UNREADABLE;
	got = pread(fd, page, sizeof(page), 0);
	close(fd);
	if (got < 0)
		return FILE_UNREADABLE;
	if (got == sizeof(page) && is_first_page(page))
		return FILE_RECORDING;
	if (packed_is_magic(page, (size_t)got))
		return FILE_SHARED;
	return got == 0 ? FILE_EMPTY : FILE_OTHER;
}

static int fail_kind(const struct output *output, enum file_kind kind, struct sql_error *error)
{
	const char *path = output->path;

	if (kind == FILE_NOT_REGULAR)
		return sql_fail(error, "%s: is not a regular file; choose another one with -o", path);
	if (kind == FILE_UNREADABLE)
		return sql_fail(error, "%s: cannot be read: %s", path, strerror(errno));
	if (kind == FILE_SHARED)
		return sql_fail(error, "%s: was shared, and is only read; choose another file with -o", path);
	return sql_fail(error, "%s: exists and is not a ttalloc database; choose another file with -o", path);
}

static int check_append(const struct output *output, enum file_kind kind, struct sql_error *error)
{
	if (kind == FILE_RECORDING)
		return 0;
	if (kind == FILE_NONE || kind == FILE_EMPTY)
		return sql_fail(error, "%s: there is no recording to go on with; leave --append out to make one",
		                output->path);
	return fail_kind(output, kind, error);
}

int output_remove(const char *path, struct sql_error *error)
{
	char name[PATH_MAX + 16];

	if (unlink(path) < 0 && errno != ENOENT)
		return sql_fail(error, "%s: cannot be overwritten: %s", path, strerror(errno));
	for (size_t i = 0; i < sizeof(sidecars) / sizeof(*sidecars); i++) {
		snprintf(name, sizeof(name), "%s%s", path, sidecars[i]);
		if (unlink(name) < 0 && errno != ENOENT)
			return sql_fail(error, "%s: cannot be overwritten: %s", name, strerror(errno));
	}
	return 0;
}

static int check_new(const struct output *output, enum file_kind kind, bool force, struct sql_error *error)
{
	if (kind == FILE_NONE || kind == FILE_EMPTY) /* an empty file is nobody's work */
		return 0;
	if (kind != FILE_RECORDING)
		return fail_kind(output, kind, error);
	if (!force)
		return sql_fail(error, "%s: exists; --force overwrites it, --append goes on with it, -o names another",
		                output->path);
	return 0;
}

static int check(const struct output *output, enum file_kind kind, bool append, bool force, struct sql_error *error)
{
	return append ? check_append(output, kind, error) : check_new(output, kind, force, error);
}

int output_prepare(struct output *output, const char *path, bool append, bool force, struct sql_error *error)
{
	enum file_kind kind;

	*output = (struct output){.lock_fd = -1};
	if (resolve(path, output->path, error) < 0)
		return -1;
	snprintf(output->lock_path, sizeof(output->lock_path), "%s-lock", output->path);
	kind = look_at(output->path);
	if (kind == FILE_NOT_REGULAR || (append && kind == FILE_NONE))
		return check(output, kind, append, force, error); /* no lock is laid beside a device, say */
	if (take_lock(output, error) < 0)
		return -1;
	kind = look_at(output->path);
	output->made = kind == FILE_NONE;
	if (check(output, kind, append, force, error) < 0 ||
	    (!append && kind != FILE_NONE && output_remove(output->path, error) < 0)) {
		output_release(output, false);
		return -1;
	}
	return 0;
}

void output_release(struct output *output, bool discard)
{
	struct sql_error unused;

	if (output->lock_fd < 0)
		return;
	if (discard && output->made)
		output_remove(output->path, &unused);
	file_lock_release(output->lock_path, output->lock_fd);
	output->lock_fd = -1;
}
