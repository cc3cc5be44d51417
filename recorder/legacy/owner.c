/* SPDX-License-Identifier: Apache-2.0
 *
 * owner.c - the processes behind the connections of old clients.
 */
#include "owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "recorder/serve/liveness.h"
#include "sql/base/memory.h"

static struct legacy_owner **bucket_of(struct legacy_owners *owners, pid_t pid)
{
	return &owners->buckets[hash_mix((uint64_t)pid) % LEGACY_OWNER_BUCKETS];
}

struct legacy_owner *legacy_owner_find(struct legacy_owners *owners, pid_t pid, const void *private)
{
	struct legacy_owner **bucket = bucket_of(owners, pid), *owner;
	uint64_t start_time = private ? 0 : liveness_start_time(pid);

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
