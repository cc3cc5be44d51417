/* SPDX-License-Identifier: Apache-2.0
 *
 * poc_listen.c - the socket that old clients connect to.
 */
#include "poc_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel's own limit is lower: a connect() then waits */

/* Removes what a server left that is gone. 0, or -1 with ERROR. */
static int replace_stale(const struct sockaddr_un *address, struct front_error *error)
{
	const char *path = address->sun_path;
	struct stat status;
	int probe, result, saved;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : front_fail(error, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
		return front_fail(error, "%s: is not a socket of yours; remove it, or leave --poc-socket out", path);
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return front_fail(error, "socket: %s", strerror(errno));
	result = connect(probe, (const struct sockaddr *)address, sizeof(*address));
	saved = errno;
	close(probe);
	if (result == 0 || saved != ECONNREFUSED)
		return front_fail(error, "%s: another server serves it; end that one, or leave --poc-socket out", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return front_fail(error, "%s: cannot be replaced: %s", path, strerror(errno));
	return 0;
}

static int bind_and_listen(struct listener *listener, const struct sockaddr_un *address, struct front_error *error)
{
	struct stat status;
	mode_t mask = umask(0177);
	int result = bind(listener->fd, (const struct sockaddr *)address, sizeof(*address));

	umask(mask);
	if (result < 0)
		return front_fail(error, "%s: cannot be bound: %s", listener->path, strerror(errno));
	/* accepted connections inherit it: each piece received tells who sent it */
	if (setsockopt(listener->fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) < 0 ||
	    listen(listener->fd, BACKLOG) < 0 || lstat(listener->path, &status) < 0)
		return front_fail(error, "%s: cannot be listened on: %s", listener->path, strerror(errno));
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return 0;
}

/* Two servers that start together must not both find the socket stale. The directory is usually /tmp, so anybody may
 * hold its lock for ever: waiting for it has an end. */
static int lock_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[108] = ".";
	int fd;

	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && tries < 50; tries++)
		usleep(10000);
	return fd;
}

int poc_listen(struct listener *listener, const char *path, struct front_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int lock, result = -1;

	*listener = (struct listener){.fd = -1};
	if (strlen(path) >= sizeof(address.sun_path))
		return front_fail(error, "%.120s: too long for a socket (%zu bytes at most)", path,
		                  sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	strcpy(listener->path, path);
	lock = lock_directory(path);
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		front_fail(error, "socket: %s", strerror(errno));
	else if (replace_stale(&address, error) == 0)
		result = bind_and_listen(listener, &address, error);
	if (lock >= 0)
		close(lock);
	if (result < 0)
		listener_close(listener);
	return result;
}
