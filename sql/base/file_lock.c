/* SPDX-License-Identifier: Apache-2.0
 *
 * file_lock.c - see file_lock.h.
 */
#include "file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_named(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

/* Its name may have been removed by a holder that just ended: then once more. */
int file_lock_take(const char *lock_path)
{
	for (;;) {
		int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			int saved = errno;

			close(fd);
			errno = saved;
			if (saved != EINTR)
				return -1;
		} else if (is_named(fd, lock_path)) {
			return fd;
		} else {
			close(fd);
		}
	}
}

void file_lock_release(const char *lock_path, int fd)
{
	if (is_named(fd, lock_path)) /* not one that somebody put in its place */
		unlink(lock_path);
	close(fd);
}
