/* SPDX-License-Identifier: Apache-2.0
 *
 * uplink.h - the socket to the recorder (ttalloc/wire.h). Never blocks; a recorder that is not there, or goes away,
 * is looked for again. Only the flusher uses it.
 */
#ifndef TTALLOC_HOOK_UPLINK_H
#define TTALLOC_HOOK_UPLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tta_uplink_state {
	TTA_UPLINK_DOWN = 0,
	TTA_UPLINK_GREETING = 1, /* HELLO is sent */
	TTA_UPLINK_UP = 2,       /* and was answered */
};

/* Zero: down. */
struct tta_uplink {
	uint32_t state; /* enum tta_uplink_state */
	int fd;
	dev_t device;
	ino_t inode;
	uint64_t retry_at_ns;
	uint64_t announced; /* place of the outbox that the recorder was told */
	bool is_urgent;     /* somebody waits for the commit, and the recorder was not told yet */
	bool is_over;       /* no recorder takes this process, and none will: its segment has been removed */
};

/* Connects if it is time to, hears what the recorder has to say, and tells it what is sealed. URGENT: somebody waits
 * for the commit. Returns the number up to which all is committed, as said just now; 0: nothing was said. */
uint64_t tta_uplink_step(struct tta_uplink *uplink, bool urgent);

/* In a forked child: closes the descriptor, which is the parent's. */
void tta_uplink_forget(struct tta_uplink *uplink);

#endif
