/* SPDX-License-Identifier: Apache-2.0
 *
 * reach.c - a way for SQLite to files with long names.
 */
#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_MOST_BYTES 504u /* 512 with "-journal" */

/* Two of SQLite's own, but for one function. */
static struct near {
	const char *name, *of;
	sqlite3_vfs vfs;
} nears[] = {{.name = "unix-near", .of = "unix"}, {.name = "unix-none-near", .of = "unix-none"}};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Does not follow links: the name is one on purpose. */
static int keep_name(sqlite3_vfs *vfs, const char *name, int bytes, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)bytes, "%s", name) < bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

static void make_vfs(void)
{
	for (size_t i = 0; i < sizeof(nears) / sizeof(*nears); i++) {
		const sqlite3_vfs *usual = sqlite3_vfs_find(nears[i].of);

		if (!usual)
			continue;
		nears[i].vfs = *usual;
		nears[i].vfs.pNext = NULL;
		nears[i].vfs.zName = nears[i].name;
		nears[i].vfs.xFullPathname = keep_name;
		sqlite3_vfs_register(&nears[i].vfs, 0);
	}
}

int reach_open(struct reach *reach, const char *path, int unlocked)
{
	const char *slash = strrchr(path, '/');
	char *directory = NULL;

	/* Counting every allocation behind a lock costs a thread 5 %, and two much more. Of no effect when SQLite is in
	 * use already. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	*reach = (struct reach){.fd = -1, .vfs = unlocked ? "unix-none" : NULL};
	if (strlen(path) <= PATH_MOST_BYTES) {
		reach->path = strdup(path);
		return reach->path ? 0 : -1;
	}
	if (sqlite3_initialize() != SQLITE_OK)
		return -1;
	pthread_once(&once, make_vfs);
	reach->vfs = nears[unlocked != 0].name;
	if (slash)
		directory = strndup(path, (size_t)(slash - path) + 1);
	reach->fd = slash && !directory ? -1 : open(directory ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	if (reach->fd < 0)
		return -1;
	if (asprintf(&reach->path, "/proc/self/fd/%d/%s", reach->fd, slash ? slash + 1 : path) >= 0)
		return 0;
	reach->path = NULL;
	reach_close(reach);
	return -1;
}

void reach_close(struct reach *reach)
{
	if (reach->fd >= 0)
		close(reach->fd);
	free(reach->path);
	*reach = (struct reach){.fd = -1};
}
