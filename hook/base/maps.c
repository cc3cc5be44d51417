/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.c - see maps.h. By system call: programs may have an open() and a read() of their own.
 */
#include "maps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Reads a number of BASE at *AT, and skips it and the character behind it. */
static uint64_t take_number(const char **at, unsigned base)
{
	uint64_t number = 0;

	for (;; (*at)++) {
		unsigned digit = (unsigned char)**at;

		if (digit >= '0' && digit <= '9')
			digit -= '0';
		else if (base == 16 && digit >= 'a' && digit <= 'f')
			digit -= 'a' - 10;
		else
			break;
		number = number * base + digit;
	}
	if (**at)
		(*at)++;
	return number;
}

/* "7f12a000-7f12b000 r-xp 00000000 08:01 1234    /usr/lib/libc.so.6" */
static struct tta_map read_line(const char *line)
{
	struct tta_map map = {0};

	map.start = take_number(&line, 16);
	map.end = take_number(&line, 16);
	if (strlen(line) < 5)
		return map;
	map.executable = line[2] == 'x';
	line += 5;
	map.offset = take_number(&line, 16);
	map.device = take_number(&line, 16) << 32;
	map.device |= take_number(&line, 16);
	map.inode = take_number(&line, 10);
	map.path = line + strspn(line, " ");
	return map;
}

/* Passes on all whole lines of the USED bytes in BUFFER, and moves the rest to its start. False: EACH said so. */
static bool pass_on(char *buffer, size_t *used, bool (*each)(void *context, const struct tta_map *map), void *context)
{
	char *at = buffer, *newline;
	bool wanted = true;

	while (wanted && (newline = memchr(at, '\n', *used - (size_t)(at - buffer)))) {
		struct tta_map map;

		*newline = '\0';
		map = read_line(at);
		wanted = !map.path || each(context, &map);
		at = newline + 1;
	}
	*used -= (size_t)(at - buffer);
	memmove(buffer, at, *used);
	return wanted;
}

bool tta_maps_each(char *buffer, bool (*each)(void *context, const struct tta_map *map), void *context)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	long got = -1;

	if (fd < 0)
		return false;
	while (used < TTA_MAPS_BUFFER_BYTES &&
	       (got = syscall(SYS_read, fd, buffer + used, TTA_MAPS_BUFFER_BYTES - used)) > 0) {
		used += (size_t)got;
		if (!pass_on(buffer, &used, each, context)) {
			got = 0;
			break;
		}
	}
	syscall(SYS_close, fd);
	return got == 0;
}

bool tta_memory_read(uint64_t address, void *place, size_t bytes)
{
	struct iovec here = {.iov_base = place, .iov_len = bytes};
	struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = bytes};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)bytes;
}
