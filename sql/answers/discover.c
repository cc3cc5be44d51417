/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.c - see discover.h.
 */
#include "discover.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/error.h"
#include "sql/packed/format.h"

#define HEADER_BYTES 100
#define APPLICATION_ID_AT 68 /* big-endian; sqlite.org/fileformat.html */

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_recording(const unsigned char *header)
{
	if (packed_is_magic(header, HEADER_BYTES))
		return true; /* in the shared form */
	return memcmp(header, "SQLite format 3", 16) == 0 &&
	       big_endian(header + APPLICATION_ID_AT) == SQL_APPLICATION_ID;
}

static int open_regular(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); /* a FIFO must not hold us */
	if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool read_at(int fd, unsigned char *out, size_t bytes, off_t offset)
{
	return pread(fd, out, bytes, offset) == (ssize_t)bytes;
}

bool discover_is_recording(const char *path)
{
	unsigned char header[HEADER_BYTES];
	int fd = open_regular(path);
	if (fd < 0)
		return false;
	bool readable = read_at(fd, header, sizeof header, 0);
	close(fd);
	return readable && is_recording(header);
}

static int64_t modified_ns(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return -1;
	return (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
}

/* While it is recorded, a recording's newest writes are in the -wal beside it. */
static int64_t written_ns(const char *path)
{
	char wal[4096 + 8];
	snprintf(wal, sizeof wal, "%s-wal", path);
	int64_t own = modified_ns(path), beside = modified_ns(wal);
	return own > beside ? own : beside;
}

static bool is_regular(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static int newest(char *path, size_t size, DIR *directory, const char *name, struct sql_error *error)
{
	char candidate[4096];
	int64_t best_ns = -1;
	bool here = strcmp(name, ".") == 0;
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		int length = here ? snprintf(candidate, sizeof candidate, "%s", entry->d_name)
		                  : snprintf(candidate, sizeof candidate, "%s/%s", name, entry->d_name);
		if (length >= (int)sizeof candidate || (size_t)length >= size || !is_regular(candidate))
			continue;
		int64_t at_ns = written_ns(candidate);
		if (at_ns < best_ns || !discover_is_recording(candidate))
			continue;
		if (at_ns == best_ns && strcmp(candidate, path) < 0) /* the same on every run */
			continue;
		memcpy(path, candidate, (size_t)length + 1);
		best_ns = at_ns;
	}
	if (best_ns >= 0)
		return 0;
	return sql_fail(error,
	                "no recording in this directory; name one (ttalloc-analyze VERB FILE) or set TTALLOC_DB");
}

int discover(char *path, size_t size, const char *directory, struct sql_error *error)
{
	const char *named = getenv("TTALLOC_DB");
	if (named != NULL && named[0] != '\0') {
		if (strlen(named) >= size)
			return sql_fail(error, "TTALLOC_DB is too long for a path");
		strcpy(path, named);
		return 0;
	}
	DIR *stream = opendir(directory);
	if (stream == NULL)
		return sql_fail(error, "cannot look for a recording in '%s': %s; name one or set TTALLOC_DB", directory,
		                strerror(errno));
	int result = newest(path, size, stream, directory, error);
	closedir(stream);
	return result;
}
