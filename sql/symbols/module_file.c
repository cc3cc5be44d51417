/* SPDX-License-Identifier: Apache-2.0
 *
 * module_file.c - see module_file.h.
 */
#include "module_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_DIRECTORY "/usr/lib/debug/.build-id"
#define BUILD_ID_BYTES_MAX 64

static int refuse(char *why, const char *reason)
{
	snprintf(why, MODULE_WHY_BYTES, "%s", reason);
	return -1;
}

/* Regular files alone: opening another kind may wait, or do something. */
static int open_regular(const char *path, char *why)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return refuse(why, errno == ENOENT || errno == ENOTDIR ? "no such file" : strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return refuse(why, "not a regular file");
}

/* Whether the ELF file carries BUILD_ID, and is one that addresses can be looked up in. */
static int check(Elf *elf, const char *build_id, char *why)
{
	char text[2 * BUILD_ID_BYTES_MAX + 1] = "";
	const void *id = NULL;
	GElf_Ehdr header;
	ssize_t bytes;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
		return refuse(why, "not an ELF file");
	bytes = dwelf_elf_gnu_build_id(elf, &id);
	for (ssize_t i = 0; i < bytes && i < BUILD_ID_BYTES_MAX; i++)
		sprintf(text + 2 * i, "%02x", ((const unsigned char *)id)[i]);
	if (strcmp(text, build_id) != 0)
		return refuse(why, "build id differs: the file is another than the one that ran");
	if (header.e_type != ET_DYN && header.e_type != ET_EXEC)
		return refuse(why, "neither a program nor a library");
	return 0;
}

/* libelf reads, and does not map: a file that shrinks meanwhile is an error, not a signal. */
static int open_checked(const char *path, const char *build_id, char *why)
{
	int fd = open_regular(path, why), result;
	Elf *elf;

	if (fd < 0)
		return -1;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	result = check(elf, build_id, why);
	elf_end(elf);
	if (result == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_build_id(const char *text)
{
	size_t length = strlen(text);

	return length >= 4 && length <= 2 * BUILD_ID_BYTES_MAX && length % 2 == 0 &&
	       strspn(text, "0123456789abcdef") == length;
}

int module_file_open(const char *path, const char *build_id, char why[static MODULE_WHY_BYTES])
{
	char installed[sizeof(DEBUG_DIRECTORY) + 2 * BUILD_ID_BYTES_MAX + 16], ignored[MODULE_WHY_BYTES];
	int fd = -1;

	if (!*build_id)
		return refuse(why, "no build id: link it with -Wl,--build-id");
	if (!is_build_id(build_id))
		return refuse(why, "what was recorded is not a build id");
	if (*path != '/' || strlen(path) >= PATH_MAX)
		refuse(why, "it is not a file");
	else
		fd = open_checked(path, build_id, why);
	if (fd >= 0)
		return fd;
	snprintf(installed, sizeof(installed), DEBUG_DIRECTORY "/%.2s/%s.debug", build_id, build_id + 2);
	return open_checked(installed, build_id, ignored);
}
