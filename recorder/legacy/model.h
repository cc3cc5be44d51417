/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - what old clients hold, as far as they say: totals per device for answers at any moment, and messages
 * turned into events for the recording. It follows the rules of the recording (a free ends the youngest match, an alloc
 * over a live block replaces it), so both give the same figures.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_LEGACY_MODEL_H
#define RECORDER_LEGACY_MODEL_H

#include <stddef.h>

#include "recorder/ledger/ingest.h"
#include "recorder/ledger/blocks.h"
#include "wire.h"

#define LEGACY_ODD_REGION 256u /* buffer types that the protocol does not have are recorded as regions from here on */

/* Device and region of one owner. */
struct legacy_place {
	uint32_t device, region;
	uint32_t next;   /* number of the next place on the same device; 0: none */
	uint32_t totals; /* number of the device in the model */
};

/* What one process holds. */
struct legacy_holdings {
	struct blocks blocks;        /* by place number */
	struct legacy_place *places; /* number 1 is places[0] */
	size_t place_count, place_capacity;
	struct index device_index; /* to the first place of each device */
	bool names_devices;        /* it has freed on a device other than 0, so its zeros mean device 0 */
};

struct legacy_device {
	uint32_t device;
	struct legacy_totals totals;
};

struct legacy_model {
	struct legacy_device *devices; /* number 1 is devices[0] */
	size_t device_count, device_capacity;
	struct index device_index;
	uint32_t device_end; /* all devices that were named lie below */
	int64_t serial;      /* of the last alloc: tells which block is the youngest */
};

/* What became of a message. */
struct legacy_outcome {
	struct tta_event event; /* for the recording; ticks and entries are the caller's business */
	uint64_t freed_bytes;   /* of what it ended */
	uint32_t freed_region;  /* where that lay */
	uint32_t repeats;       /* of an alloc: how often the live block before it was allocated */
	bool found;             /* something ended */
	bool refused;           /* one place too many: it is in no total */
	bool odd;               /* a type that the old protocol does not have: recorded as it is, in no total */
	bool impossible;        /* a device or size that cannot be: turned away, as the last of the old servers did */
};

void legacy_model_free(struct legacy_model *model);

/* Applies a message that reports something rather than asks. */
void legacy_model_take(struct legacy_model *model, struct legacy_holdings *holdings,
                       const struct legacy_message *message, uint64_t at_ns, struct legacy_outcome *outcome);

/* All of it goes. */
void legacy_model_release(struct legacy_model *model, struct legacy_holdings *holdings);

/* Totals of DEVICE: zeros, if nobody named it. */
void legacy_model_totals(const struct legacy_model *model, int32_t device, struct legacy_totals *totals);

#endif
