/* SPDX-License-Identifier: Apache-2.0
 *
 * history.h - what a recorder asks its own recording for: all that one must know that goes on with it (load.c), and
 * changes of totals from which spans are made anew (changes.c, backwards.c).
 */
#ifndef SQL_HISTORY_H
#define SQL_HISTORY_H

#include "sql/store/write.h"

/* What a recorder that goes on must know. Each is a SELECT; the values come in the order given here. */
enum load_kind {
	LOAD_PROCESSES, /* id, pid, start_time, parent, segment_id, segment_path, ended_ns, first_number,
	                   committed_number, events, failures, lost, unmatched_frees, inherited_frees, replaced,
	                   time of its last event */
	LOAD_THREADS,   /* id, process, serial */
	LOAD_LABELS,    /* id, parent, name */
	LOAD_MODULES,   /* id, path, build_id */
	LOAD_FRAMES,    /* id, module, address, function, file, line: the last three of interpreted code */
	LOAD_STACKS,    /* id, frames */
	LOAD_ORIGINS,   /* id, process, thread, label, stack, device, region, class, flags, ended */
	LOAD_USAGES,    /* process, ..., as process_usage */
	LOAD_HELD,      /* key, alloc_ns, address, size_bytes, bank_bytes, origin: what is live */
	LOAD_CBS,       /* key, origin, program, idx, size_bytes: what is live */
	LOAD_RUNS, /* process, device, program, key, ran: the one of the last cb_alloc (0), then the last that ran (1)
	            */
	LOAD_ADDRESSES, /* process, address, region: all ever allocated by living processes that were forked */
	LOAD_REGIONS,   /* device, region, dirty_ns, to_ns of its last span */
	LOAD_SUMS,      /* last key, last span id, end_ns: one row */
	LOAD_ANCHORS,   /* ticks, at_monotonic_ns */
	LOAD_KINDS
};
/* Calls EACH for every row. 0, or -1 with ERROR, also when EACH returns false: then the file makes no sense. */
int writer_load(struct writer *writer, enum load_kind kind, bool (*each)(void *context, const struct row_value *values),
                void *context, struct sql_error *error);

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
