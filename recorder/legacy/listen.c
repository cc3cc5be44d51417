/* SPDX-License-Identifier: Apache-2.0
 *
 * listen.c - the socket that old clients connect to.
 */
#include "listen.h"
#include "sql/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel's own limit is lower: a connect() then waits */

static const struct listener_kind old_clients = {
    .type = SOCK_STREAM,
    .server = "server",
    .remedy = "leave --poc-socket out",
};

/* Two servers that start together must not both find the socket stale. The directory is usually /tmp, so anybody may
 * hold its lock for ever: waiting for it has an end. */
static int lock_directory(const char *path)
{
	char directory[LISTENER_PATH_BYTES];
	int fd;

	listener_directory(path, directory);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && tries < 50; tries++)
		usleep(10000);
	return fd;
}

/* Accepted connections inherit that each piece received tells who sent it. */
static int begin(const struct listener *listener, struct sql_error *error)
{
	if (setsockopt(listener->fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) < 0 ||
	    listen(listener->fd, BACKLOG) < 0)
		return sql_fail(error, "%s: cannot be listened on: %s", listener->path, strerror(errno));
	return 0;
}

int legacy_listen(struct listener *listener, const char *path, struct sql_error *error)
{
	int lock, result;

	if (listener_name(listener, path, error) < 0)
		return -1;
	lock = lock_directory(path);
	result = listener_bind(listener, &old_clients, error);
	if (result == 0)
		result = begin(listener, error);
	if (lock >= 0)
		close(lock);
	if (result < 0)
		listener_close(listener);
	return result;
}
