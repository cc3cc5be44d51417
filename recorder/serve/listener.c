/* SPDX-License-Identifier: Apache-2.0
 *
 * listener.c - the socket that hooks connect to.
 */
#include "listener.h"
#include "sql/base/error.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PRIVATE_PREFIX "ttalloc-wrap-"
#define PRIVATE_NAME "/socket"
#define BACKLOG 1024

static const struct listener_kind hooks = {
    .type = SOCK_SEQPACKET,
    .server = "recorder",
    .remedy = "choose another with --socket",
};

void listener_directory(const char *path, char directory[static LISTENER_PATH_BYTES])
{
	const char *slash = strrchr(path, '/');

	if (slash)
		snprintf(directory, LISTENER_PATH_BYTES, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	else
		strcpy(directory, ".");
}

/* Opens the directory of PATH, and makes it if need be. */
static int open_directory(const char *path, bool shared, struct sql_error *error)
{
	char directory[LISTENER_PATH_BYTES];
	struct stat status;
	int fd;

	listener_directory(path, directory);
	if (mkdir(directory, shared ? 0755 : 0700) < 0 && errno != EEXIST)
		return sql_fail(error, "%s: cannot be made for the socket: %s; choose another with --socket", directory,
		                strerror(errno));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return sql_fail(error, "%s: %s; choose another socket with --socket", directory, strerror(errno));
	if (fstat(fd, &status) == 0 && ((status.st_uid == geteuid() && !(status.st_mode & 022)) ||
	                                (status.st_uid == 0 && (status.st_mode & S_ISVTX))))
		return fd;
	close(fd);
	return sql_fail(error, "%s: others may write there: chmod go-w it, or choose another socket with --socket",
	                directory);
}

/* Removes a socket that nobody serves. 0, or -1 with ERROR. */
static int replace_stale(const struct sockaddr_un *address, const struct listener_kind *kind, struct sql_error *error)
{
	const char *path = address->sun_path;
	struct stat status;
	int probe, result, saved;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : sql_fail(error, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
		return sql_fail(error, "%s: is not a socket of yours; %s", path, kind->remedy);
	probe = socket(AF_UNIX, kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return sql_fail(error, "socket: %s", strerror(errno));
	result = connect(probe, (const struct sockaddr *)address, sizeof(*address));
	saved = errno;
	close(probe);
	if (result == 0 || saved != ECONNREFUSED)
		return sql_fail(error, "%s: another %s serves it; end that one, or %s", path, kind->server,
		                kind->remedy);
	if (unlink(path) < 0 && errno != ENOENT)
		return sql_fail(error, "%s: cannot be replaced: %s", path, strerror(errno));
	return 0;
}

static int bind_socket(struct listener *listener, const struct sockaddr_un *address, const struct listener_kind *kind,
                       struct sql_error *error)
{
	struct stat status;
	mode_t mask = umask(listener->is_shared ? 0111 : 0177);
	int result = bind(listener->fd, (const struct sockaddr *)address, sizeof(*address));

	umask(mask);
	if (result < 0)
		return sql_fail(error, "%s: cannot be bound: %s; %s", listener->path, strerror(errno), kind->remedy);
	if (lstat(listener->path, &status) < 0)
		return sql_fail(error, "%s: cannot be bound: %s", listener->path, strerror(errno));
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return 0;
}

int listener_name(struct listener *listener, const char *path, struct sql_error *error)
{
	*listener = (struct listener){.fd = -1};
	if (strlen(path) >= sizeof(listener->path))
		return sql_fail(error, "%.120s: too long for a socket (%zu bytes at most)", path,
		                sizeof(listener->path) - 1);
	strcpy(listener->path, path);
	return 0;
}

int listener_bind(struct listener *listener, const struct listener_kind *kind, struct sql_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	static_assert(sizeof(address.sun_path) == sizeof(listener->path), "a path fits both or neither");
	strcpy(address.sun_path, listener->path);
	listener->fd = socket(AF_UNIX, kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return sql_fail(error, "socket: %s", strerror(errno));
	if (replace_stale(&address, kind, error) < 0)
		return -1;
	return bind_socket(listener, &address, kind, error);
}

int listener_open(struct listener *listener, const char *path, bool shared, struct sql_error *error)
{
	int result;

	if (listener_name(listener, path, error) < 0)
		return -1;
	listener->is_shared = shared;
	listener->directory_fd = open_directory(path, shared, error);
	if (listener->directory_fd < 0)
		return -1;
	listener->is_starting = true;
	flock(listener->directory_fd, LOCK_EX); /* of recorders that start together one alone may find it stale */
	result = listener_bind(listener, &hooks, error);
	if (result < 0)
		listener_close(listener);
	return result;
}

int listener_adopt(struct listener *listener, int fd, const char *path, struct sql_error *error)
{
	int result = listener_name(listener, path, error);

	listener->fd = fd;
	return result;
}

static void let_others_start(struct listener *listener)
{
	if (listener->is_starting)
		close(listener->directory_fd);
	listener->is_starting = false;
}

int listener_begin(struct listener *listener, struct sql_error *error)
{
	if (listen(listener->fd, BACKLOG) < 0)
		return sql_fail(error, "%s: cannot be listened on: %s", listener->path, strerror(errno));
	let_others_start(listener);
	return 0;
}

int listener_check_user(int fd, const struct users *users, struct ucred *credentials, struct sql_error *error)
{
	socklen_t bytes = sizeof(*credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &bytes) < 0)
		return sql_fail(error, "a connection of nobody knows whom: %s", strerror(errno));
	if (!users_have(users, credentials->uid))
		return sql_fail(
		    error, "it is of user %u, not of the recorder's: record as that user, or as root with --allow-uid",
		    (unsigned)credentials->uid);
	return 0;
}

void listener_close(struct listener *listener)
{
	struct stat status;

	let_others_start(listener);
	if (listener->fd < 0)
		return;
	if (listener->inode && lstat(listener->path, &status) == 0 && status.st_ino == listener->inode &&
	    status.st_dev == listener->device)
		unlink(listener->path);
	close(listener->fd);
	listener->fd = -1;
}

int listener_private_path(char path[static 108], struct sql_error *error)
{
	const char *roots[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
	char directory[108];

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		int length;

		if (!roots[i] || roots[i][0] != '/')
			continue;
		length = snprintf(directory, sizeof(directory), "%s/" PRIVATE_PREFIX "XXXXXX", roots[i]);
		if (length + strlen(PRIVATE_NAME) >= sizeof(directory) || !mkdtemp(directory))
			continue;
		snprintf(path, 108, "%.99s" PRIVATE_NAME, directory);
		return 0;
	}
	return sql_fail(error, "no directory for the socket can be made below /tmp: %s; set TMPDIR", strerror(errno));
}

/* Length of the private directory's path within PATH; 0: it is none. */
static int private_directory_length(const char *path)
{
	size_t length = strlen(path), tail = strlen("/" PRIVATE_PREFIX "XXXXXX" PRIVATE_NAME);

	if (length <= tail || strcmp(path + length - strlen(PRIVATE_NAME), PRIVATE_NAME) != 0 ||
	    strncmp(path + length - tail, "/" PRIVATE_PREFIX, strlen("/" PRIVATE_PREFIX)) != 0)
		return 0;
	return (int)(length - strlen(PRIVATE_NAME));
}

int listener_is_private(const char *path)
{
	return private_directory_length(path) != 0;
}

void listener_remove_private(const char *path)
{
	char directory[108];
	int length = private_directory_length(path);

	if (length && snprintf(directory, sizeof(directory), "%.*s", length, path) < (int)sizeof(directory))
		rmdir(directory);
}
