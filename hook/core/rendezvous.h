/* SPDX-License-Identifier: Apache-2.0
 *
 * rendezvous.h - one context per process, however many copies of the library it has loaded (one linked statically into
 * the program, one shared, one in a plugin): the first copy that starts records, the others hand their calls to it.
 */
#ifndef TTALLOC_HOOK_RENDEZVOUS_H
#define TTALLOC_HOOK_RENDEZVOUS_H

#include <stdbool.h>
#include <stdint.h>

#include "ttalloc/event.h"

struct ttalloc_bequest;
struct ttalloc_region_usage;

/* What a copy offers to others. Entries are only ever added at the end. */
struct tta_delegate {
	uint32_t version;
	uint32_t reserved;
	void (*emit)(const struct tta_event *event); /* ticks and label are set by the callee */
	uint32_t (*intern)(uint32_t type, const void *data, uint32_t bytes);
	void (*label_push)(const char *name);
	void (*label_pop)(void);
	bool (*flush)(unsigned timeout_ms);
	/* Since version 2. */
	bool (*bequeath)(struct ttalloc_bequest *bequest);
	void (*inherit)(const struct ttalloc_bequest *bequest);
	void (*disinherit)(const struct ttalloc_bequest *bequest);
	/* Since version 3. */
	void (*operation_begin)(const char *name);
	void (*operation_end)(bool aborted);
	/* Since version 4. RESET: the peaks begin anew, and USAGE is not looked at. */
	bool (*usage)(uint32_t device, uint16_t region, bool reset, struct ttalloc_region_usage *usage);
};

/* Returns NULL when the caller's copy, which OWN describes, is the one that records; else the other one. */
const struct tta_delegate *tta_rendezvous(const struct tta_delegate *own);

#endif
