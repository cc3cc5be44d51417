/* SPDX-License-Identifier: Apache-2.0
 *
 * owner.c - the processes behind the connections of old clients.
 */
#include "owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t text_bytes)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, text_bytes - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

/* Field 22 of /proc/PID/stat; the command in field 2 may hold blanks and parentheses. 0: there is no such process. */
static uint64_t start_time_of(pid_t pid)
{
	unsigned long long started = 0;
	char text[1024], *after;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0 || !(after = strrchr(text, ')')))
		return 0;
	if (sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	           &started) != 1)
		return 0;
	return started;
}

static struct legacy_owner **bucket_of(struct legacy_owners *owners, pid_t pid)
{
	return &owners->buckets[hash_mix((uint64_t)pid) % LEGACY_OWNER_BUCKETS];
}

struct legacy_owner *legacy_owner_find(struct legacy_owners *owners, pid_t pid, const void *private)
{
	struct legacy_owner **bucket = bucket_of(owners, pid), *owner;
	uint64_t start_time = private ? 0 : start_time_of(pid);

	for (owner = *bucket; owner; owner = owner->next)
		if (owner->pid == pid && owner->start_time == start_time && owner->private == private && !owner->ended)
			return owner;
	owner = memory_zeroed(sizeof(*owner));
	*owner = (struct legacy_owner){
	    .source = {.kind = LEGACY_SOURCE_OWNER, .fd = -1},
	    .next = *bucket,
	    .number = ++owners->last_number,
	    .pid = pid,
	    .start_time = start_time,
	    .private = private,
	};
	if (start_time)
		owner->source.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	*bucket = owner;
	return owner;
}

void legacy_owner_remove(struct legacy_owners *owners, struct legacy_owner *owner)
{
	struct legacy_owner **place = bucket_of(owners, owner->pid);

	while (*place != owner)
		place = &(*place)->next;
	*place = owner->next;
	if (owner->source.fd >= 0)
		close(owner->source.fd);
	free(owner);
}

void legacy_owners_each(struct legacy_owners *owners, void (*each)(struct legacy_owner *owner, void *context),
                        void *context)
{
	for (size_t i = 0; i < LEGACY_OWNER_BUCKETS; i++)
		for (struct legacy_owner *owner = owners->buckets[i]; owner; owner = owner->next)
			each(owner, context);
}

bool legacy_has_hook(pid_t pid)
{
	char path[64], line[512];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "/libttalloc") != NULL;
	if (file)
		fclose(file);
	return found;
}

void legacy_describe(pid_t pid, char *executable, size_t executable_bytes, char *command, size_t command_bytes)
{
	char path[64];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	got = readlink(path, executable, executable_bytes - 1);
	executable[got > 0 ? got : 0] = '\0';
	got = read_proc(pid, "cmdline", command, command_bytes);
	while (got > 0 && !command[got - 1])
		got--;
	for (ssize_t i = 0; i < got; i++)
		if (!command[i])
			command[i] = ' ';
}
