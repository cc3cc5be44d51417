/* SPDX-License-Identifier: Apache-2.0
 *
 * usage.h - what is live, and was at most, told to the program itself without the recorder's help. A ledger sees every
 * event when it has been sealed; so the calls that report allocations know nothing of it. There is none unless the
 * program asks for one, or the environment (TTALLOC_USAGE=1); what was sealed before it began, it does not know.
 */
#ifndef TTALLOC_HOOK_USAGE_H
#define TTALLOC_HOOK_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ttalloc.h"
#include "ttalloc/event.h"

struct tta_table;
struct tta_usage_ledger;

/* Begins a ledger in private pages. IS_WHOLE: nothing was reported before. NULL when there is no memory. */
struct tta_usage_ledger *tta_usage_begin(bool is_whole);

/* Takes events in, in their order. TABLE has the geometry that they name. Under the lock of the seal. */
void tta_usage_take(struct tta_usage_ledger *ledger, const struct tta_event *events, uint32_t count,
                    const struct tta_table *table);

/* One wish to know, in two halves, so that sorting needs no lock. */
struct tta_usage_wish {
	uint32_t device; /* as ttalloc_usage() has it */
	uint16_t region;
	bool reset; /* the peaks begin anew */
	struct ttalloc_region_usage *usage;
	struct tta_usage_piece *pieces; /* live blocks; private pages */
	uint64_t piece_count, pages_bytes;
	uint64_t base_address, alignment_bytes;
};

/* Under the lock. False: it is not known. */
bool tta_usage_read(struct tta_usage_ledger *ledger, struct tta_usage_wish *wish);

/* Without it: finds the largest free piece, and gives the pages back. */
void tta_usage_finish(struct tta_usage_wish *wish);

/* What ttalloc_usage() does in the copy that records. RESET: what ttalloc_usage_reset_peak() does. */
bool tta_usage_ask(uint32_t device, uint16_t region, bool reset, struct ttalloc_region_usage *usage);

#endif
