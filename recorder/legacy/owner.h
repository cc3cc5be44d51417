/* SPDX-License-Identifier: Apache-2.0
 *
 * owner.h - the processes behind the connections of old clients, and what each holds.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_LEGACY_OWNER_H
#define RECORDER_LEGACY_OWNER_H

#include <sys/types.h>

#include "model.h"

#define LEGACY_OWNER_BUCKETS 1024u

/* First member of whatever has a descriptor in the loop. */
struct legacy_source {
	enum legacy_source_kind {
		LEGACY_SOURCE_LISTENER,
		LEGACY_SOURCE_WAKE,
		LEGACY_SOURCE_CONNECTION,
		LEGACY_SOURCE_OWNER
	} kind;
	int fd; /* -1: none */
};

struct legacy_owner {
	struct legacy_source source; /* pidfd */
	struct legacy_owner *next;   /* in its bucket */
	uint32_t number;             /* 1, 2, 3, ... */
	pid_t pid;
	uint64_t start_time; /* field 22 of /proc/PID/stat; 0: not known */
	const void *private; /* whose alone it is: of a connection whose pid is of another namespace. NULL: anybody's */
	uint32_t connections;
	bool dead;           /* the kernel says so; what it sent is yet to be read */
	bool ended;          /* what it held is released */
	uint64_t impossible; /* reports that were turned away for their device or size */
	struct legacy_holdings holdings;
};

struct legacy_owners {
	struct legacy_owner *buckets[LEGACY_OWNER_BUCKETS];
	uint32_t last_number;
	size_t dead_count; /* that have not ended */
};

/* The owner PID, made when it is new (connections is 0 then). */
struct legacy_owner *legacy_owner_find(struct legacy_owners *owners, pid_t pid, const void *private);

/* Takes it out and frees it, what it holds included. */
void legacy_owner_remove(struct legacy_owners *owners, struct legacy_owner *owner);

/* Calls EACH for every owner. EACH may not remove any. */
void legacy_owners_each(struct legacy_owners *owners, void (*each)(struct legacy_owner *owner, void *context),
                        void *context);

/* Whether libttalloc, or a library that brings it along, is loaded into PID. */
bool legacy_has_hook(pid_t pid);

#endif
