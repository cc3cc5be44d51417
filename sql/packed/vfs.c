/* SPDX-License-Identifier: Apache-2.0
 *
 * vfs.c - what SQLite reads a file in the shared form with. It is only read, and nothing lies beside it. Temporary
 * files are those of the usual VFS.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "packed.h"

struct shared_file {
	sqlite3_file base;
	int file;
	struct packed *packed;
};

static int close_file(sqlite3_file *file)
{
	struct shared_file *shared = (struct shared_file *)file;

	packed_close(shared->packed);
	close(shared->file);
	return SQLITE_OK;
}

static int read_file(sqlite3_file *file, void *out, int bytes, sqlite3_int64 offset)
{
	struct shared_file *shared = (struct shared_file *)file;

	return packed_read(shared->packed, out, (size_t)bytes, (uint64_t)offset) < 0 ? SQLITE_CORRUPT : SQLITE_OK;
}

static int write_file(sqlite3_file *file, const void *in, int bytes, sqlite3_int64 offset)
{
	(void)file;
	(void)in;
	(void)bytes;
	(void)offset;
	return SQLITE_READONLY;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 bytes)
{
	(void)file;
	(void)bytes;
	return SQLITE_READONLY;
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *bytes)
{
	*bytes = (sqlite3_int64)packed_bytes(((struct shared_file *)file)->packed);
	return SQLITE_OK;
}

/* Of syncing and locking: nothing is written. */
static int nothing_to_do(sqlite3_file *file, int how)
{
	(void)file;
	(void)how;
	return SQLITE_OK;
}

static int nobody_writes(sqlite3_file *file, int *reserved)
{
	(void)file;
	*reserved = 0;
	return SQLITE_OK;
}

static int no_control(sqlite3_file *file, int what, void *with)
{
	(void)file;
	(void)what;
	(void)with;
	return SQLITE_NOTFOUND;
}

static int sector_bytes(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int is_immutable(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = nothing_to_do,
    .xFileSize = size_of_file,
    .xLock = nothing_to_do,
    .xUnlock = nothing_to_do,
    .xCheckReservedLock = nobody_writes,
    .xFileControl = no_control,
    .xSectorSize = sector_bytes,
    .xDeviceCharacteristics = is_immutable,
};

/* ---- the VFS ---- */

static sqlite3_vfs own; /* the usual one, but for opening databases */
static sqlite3_vfs *usual;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct shared_file *shared = (struct shared_file *)file;
	struct sql_error error;

	(void)vfs;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return usual->xOpen(usual, name, file, flags, out_flags);
	*shared = (struct shared_file){.file = name ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1};
	if (shared->file < 0)
		return SQLITE_CANTOPEN;
	shared->packed = packed_open(shared->file, name, &error);
	if (!shared->packed) {
		close(shared->file);
		return SQLITE_CORRUPT;
	}
	shared->base.pMethods = &methods;
	if (out_flags)
		*out_flags = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READONLY;
	return SQLITE_OK;
}

/* Does not follow links: who opens has done so, and may have made the name short on purpose. */
static int keep_name(sqlite3_vfs *vfs, const char *name, int bytes, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)bytes, "%s", name) < bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

static void make_vfs(void)
{
	if (sqlite3_initialize() != SQLITE_OK || !(usual = sqlite3_vfs_find(NULL)))
		return;
	own = *usual;
	own.pNext = NULL;
	own.zName = "ttalloc-shared";
	own.xOpen = open_file;
	own.xFullPathname = keep_name;
	if (own.szOsFile < (int)sizeof(struct shared_file))
		own.szOsFile = (int)sizeof(struct shared_file);
	if (sqlite3_vfs_register(&own, 0) != SQLITE_OK)
		usual = NULL;
}

const char *packed_vfs(void)
{
	pthread_once(&once, make_vfs);
	return usual ? own.zName : NULL;
}
