/* SPDX-License-Identifier: Apache-2.0
 *
 * reach.h - SQLite opens names of 504 bytes at most. A file with a longer one is reached by a descriptor of its
 * directory, as /proc/self/fd/N/NAME, which has to be taken as it is: it leads to the long name again.
 */
#ifndef SQL_REACH_H
#define SQL_REACH_H

struct reach {
	char *path;      /* for SQLite */
	const char *vfs; /* for SQLite: to be opened with; NULL: the usual one */
	int fd;          /* of the directory, open as long as the database is; -1: none is needed */
};

/* Finds a way to PATH. UNLOCKED: without locks, as the VFS unix-none does. 0, or -1 with errno. */
int reach_open(struct reach *reach, const char *path, int unlocked);

/* After the database was closed. Of no effect on one that is all zero but for fd -1, or was closed. */
void reach_close(struct reach *reach);

#endif
