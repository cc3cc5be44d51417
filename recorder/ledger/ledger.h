/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.h - the live blocks of one process, by usage (a device and region of the process, usage.h) and address. At
 * most one block lives at each. A block costs 48 bytes and a share of 11 to 32 in an index; nothing is copied when the
 * ledger grows but the index.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_LEDGER_H
#define RECORDER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/base/index.h"

#define LEDGER_SLAB_BLOCKS 256u

struct block {
	uint64_t address;
	int64_t key; /* of the alloc; 0: the place is free */
	uint64_t alloc_ns;
	uint64_t size_bytes : 48, usage : 16;
	uint64_t bank_bytes : 48, flags : 8; /* flags: enum ttalloc_flag */
	uint32_t origin;
	uint32_t birth_row; /* where its row waits to be written, if the chunk in which it was born is not full yet */
};

struct ledger {
	struct block **slabs;
	size_t slab_count, slab_capacity;
	uint32_t used;   /* places ever used, in order */
	uint32_t vacant; /* ref of a place that is free again; it leads to the next by birth_row */
	struct index index;
};

/* The block at (USAGE, ADDRESS), or NULL. Valid until the next ledger_add(). */
struct block *ledger_find(const struct ledger *ledger, uint32_t usage, uint64_t address);

/* Adds a block at (USAGE, ADDRESS), where none may be. All else of it is for the caller to fill, key first. */
struct block *ledger_add(struct ledger *ledger, uint32_t usage, uint64_t address);

/* Takes the block at (USAGE, ADDRESS) out into *TAKEN. False: there is none. */
bool ledger_take(struct ledger *ledger, uint32_t usage, uint64_t address, struct block *taken);

/* Calls EACH for every block. EACH may take the one it was given. */
void ledger_each(struct ledger *ledger, void (*each)(void *context, const struct block *block), void *context);

static inline uint32_t ledger_count(const struct ledger *ledger)
{
	return ledger->index.count;
}

void ledger_free(struct ledger *ledger);

#endif
