/* SPDX-License-Identifier: Apache-2.0
 *
 * history.h - what a recorder asks its own recording for: the changes of totals from which spans are made anew.
 */
#ifndef SQL_HISTORY_H
#define SQL_HISTORY_H

#include "sql/store/write.h"

/* One change of the totals of a device and region. */
struct usage_change {
	uint64_t at_ns;
	int64_t key; /* INT64_MAX: the end of a process */
	int64_t bytes, bank_bytes, blocks;
	uint32_t process;
	uint32_t allocs, frees;
};

/* What the file says of one change. KIND 0: CHANGE is it. Else an event about circular buffers; what it changes depends
 * on those before it: TTA_CB_ALLOC (of change.bytes), TTA_CB_FREE (of one), TTA_PROGRAM_RUN, TTA_DEVICE_CLOSE. */
struct stored_change {
	struct usage_change change;
	uint32_t kind, number; /* number: index of a circular buffer in its program */
	uint64_t program;
	bool aliased;
};

/* Calls EACH for all events about circular buffers of DEVICE, from the beginning, in the order of the recording:
 * (at_ns, process, key). SQLite sorts them: they are few. EACH returns false to stop, which is WRITE_LATER. */
enum write_result writer_cb_changes(struct writer *writer, uint32_t device,
                                    bool (*each)(void *context, const struct stored_change *stored), void *context,
                                    struct sql_error *error);

/* Calls EACH for every change that a block made, of all devices and regions, from the last one back to FROM_NS. */
enum write_result writer_changes_backwards(struct writer *writer, uint64_t from_ns,
                                           bool (*each)(void *context, uint32_t device, uint32_t region,
                                                        const struct usage_change *change),
                                           void *context, struct sql_error *error);

/* How many events the batches hold that reach FROM_NS or later: what making the spans anew would have to read. */
uint64_t writer_events_since(struct writer *writer, uint64_t from_ns);

/* Finds the last span of (DEVICE, REGION) that ends before BEFORE_NS. False: there is none. */
struct span_end {
	int64_t bytes, bank_bytes, blocks;
	uint64_t to_ns;
};
bool writer_span_before(struct writer *writer, uint32_t device, uint32_t region, uint64_t before_ns,
                        struct span_end *end);

#endif
