/* SPDX-License-Identifier: Apache-2.0
 *
 * machine.c - see machine.h.
 */
#include "machine.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void machine_boot_id(char *boot_id, size_t bytes)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, boot_id, bytes - 1);

	if (fd >= 0)
		close(fd);
	boot_id[got > 0 ? got : 0] = '\0';
	boot_id[strcspn(boot_id, "\n")] = '\0';
}
