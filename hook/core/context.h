/* SPDX-License-Identifier: Apache-2.0
 *
 * context.h - all that the hook knows about this process. There is one context per process, it begins with the first
 * event, and a child that was forked begins again with its own.
 *
 * Threads find out about a fork by the epoch: a number on the gate's page, which the fork wipes and the child sets
 * anew.
 */
#ifndef TTALLOC_HOOK_CONTEXT_H
#define TTALLOC_HOOK_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ttalloc.h"

#include "hook/base/clock.h"
#include "flusher.h"
#include "hook/base/futex.h"
#include "modules.h"
#include "hook/base/options.h"
#include "rendezvous.h"
#include "seal.h"
#include "hook/segment/spool.h"
#include "hook/segment/table.h"

enum tta_context_state {
	TTA_CONTEXT_NEW = 0,
	TTA_CONTEXT_READY = 1,     /* there is a segment */
	TTA_CONTEXT_FAILED = 2,    /* there is none; tried again from time to time */
	TTA_CONTEXT_DELEGATED = 3, /* another copy of the library records this process */
};

struct tta_context {
	/* Kept over a fork. */
	struct tta_lock decide_lock;
	struct tta_options options;
	bool options_read;
	bool without_stacks; /* decided; false also before the gate is */
	bool said;           /* the one line on stderr */
	bool is_over;        /* the recording has ended for good */
	char producer[16];   /* who reports; "" means the C API's users */
	enum tta_clock clock;
	uint64_t fork_ticks; /* when this process was forked; 0: it was not, or that is not known */
	const struct tta_delegate *delegate;
	pthread_key_t thread_key; /* its destructor gives a thread's rings back */
	bool has_thread_key;
	bool watches_fork;

	struct tta_lock lock; /* start, claims of rings */

	/* Of this process alone; wiped when a child starts. */
	uint32_t epoch; /* of the process that this context belongs to; 0: none yet */
	uint32_t state; /* enum tta_context_state */
	uint32_t thread_serial;
	uint64_t retry_at_ns;     /* when FAILED */
	uint64_t lost_before;     /* events while there was no segment; moves into the header */
	uint8_t id[TTA_ID_BYTES]; /* the segment's */
	uint32_t pid;
	struct tta_spool spool;
	uint64_t ring_space_used;
	struct tta_table table;
	struct tta_modules modules;
	struct tta_seal seal;
	struct tta_flusher flusher;
	uint64_t *marked; /* of each ring: drops that have a LOSS mark, or are promised one */
};

#define TTA_CONTEXT_KEPT_BYTES offsetof(struct tta_context, epoch)

extern struct tta_context tta_context;

/* The second word of the gate's page. */
typedef uint32_t __attribute__((may_alias)) tta_epoch_word;

static inline tta_epoch_word *tta_epoch_place(void)
{
	return (tta_epoch_word *)(void *)ttalloc_gate.rest_of_page;
}

static inline uint32_t tta_epoch(void)
{
	return __atomic_load_n(tta_epoch_place(), __ATOMIC_RELAXED);
}

/* The copy of the library that records in the place of this one; NULL: this one does. */
static inline const struct tta_delegate *tta_delegate(void)
{
	return __atomic_load_n(&tta_context.delegate, __ATOMIC_ACQUIRE);
}

/* Starts the context if need be. True when there is a segment to write to. Slow: for cold paths. */
bool tta_context_ready(void);

/* Counts one event that found no ring. */
void tta_context_count_no_ring(void);

#endif
