/* SPDX-License-Identifier: Apache-2.0
 *
 * forward.h - the far end of the queue: hands what old clients reported to the recording.
 *
 * A process into which a hook is loaded is doubtful at first: what its old client reports waits until it shows whether
 * the hook reports as well, in which case it is dropped.
 *
 * Not thread-safe: belongs to the thread that calls ingest.h.
 */
#ifndef RECORDER_LEGACY_FORWARD_H
#define RECORDER_LEGACY_FORWARD_H

#include "legacy.h"
#include "queue.h"

struct legacy_process {
	uint32_t process; /* in the recording; 0: not introduced yet */
	uint32_t pid;
	uint64_t last_number;
	uint64_t joined_ns;
	struct legacy_item *waiting, *last_waiting; /* of a doubtful one */
	bool hooked;                                /* a hook is loaded into it */
	bool doubtful;                              /* and may yet report */
	bool silent;                                /* and does */
};

struct legacy_forwarder {
	struct legacy_process *processes; /* owner 1 is processes[0] */
	size_t count, capacity;
	size_t doubtful_count;
	bool said;
	uint64_t at_ns[1024];          /* LEGACY_STAGE_EVENTS */
	uint32_t thread_entries[1024]; /* zeros: the protocol knows no threads */
};

/* Takes ITEM in and frees it. */
void legacy_forward(struct legacy_forwarder *forwarder, struct ingest *ingest, struct legacy_item *item,
                    const struct guest_others *others);

/* Decides about doubtful processes, if it is time. */
void legacy_forwarder_settle(struct legacy_forwarder *forwarder, struct ingest *ingest,
                             const struct guest_others *others);

void legacy_forwarder_free(struct legacy_forwarder *forwarder);

#endif
