/* SPDX-License-Identifier: Apache-2.0
 *
 * owner.h - the processes behind the connections of old clients, and what each holds.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_POC_OWNER_H
#define RECORDER_POC_OWNER_H

#include <sys/types.h>

#include "model.h"

#define POC_OWNER_BUCKETS 1024u

/* First member of whatever has a descriptor in the loop. */
struct poc_source {
	enum poc_source_kind { POC_SOURCE_LISTENER, POC_SOURCE_WAKE, POC_SOURCE_PEER, POC_SOURCE_OWNER } kind;
	int fd; /* -1: none */
};

struct poc_owner {
	struct poc_source source; /* pidfd */
	struct poc_owner *next;   /* in its bucket */
	uint32_t number;          /* 1, 2, 3, ... */
	pid_t pid;
	uint64_t start_time; /* field 22 of /proc/PID/stat; 0: not known */
	const void *private; /* whose alone it is: of a connection whose pid is of another namespace. NULL: anybody's */
	uint32_t connections;
	bool dead;  /* the kernel says so; what it sent is yet to be read */
	bool ended; /* what it held is released */
	struct poc_holdings holdings;
};

struct poc_owners {
	struct poc_owner *buckets[POC_OWNER_BUCKETS];
	uint32_t last_number;
	size_t dead_count; /* that have not ended */
};

/* The owner PID, made when it is new (connections is 0 then). */
struct poc_owner *poc_owner_find(struct poc_owners *owners, pid_t pid, const void *private);

/* Takes it out and frees it, what it holds included. */
void poc_owner_remove(struct poc_owners *owners, struct poc_owner *owner);

/* Calls EACH for every owner. EACH may not remove any. */
void poc_owners_each(struct poc_owners *owners, void (*each)(struct poc_owner *owner, void *context), void *context);

/* Whether libttalloc, or a library that brings it along, is loaded into PID. */
bool poc_has_hook(pid_t pid);

/* Fills in which program PID runs, and its command; empty when it cannot be known. */
void poc_describe(pid_t pid, char *executable, size_t executable_bytes, char *command, size_t command_bytes);

#endif
