/* SPDX-License-Identifier: Apache-2.0
 *
 * write.h - the write side of a recording: makes the file, or goes on with one, and stores what was recorded, a
 * transaction at a time. Used by one thread at a time; a writer may move between threads.
 */
#ifndef SQL_WRITE_H
#define SQL_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rows.h"
#include "sql/base/sql.h"

struct writer;

/* The one row of recording_info. */
struct writer_identity {
	char uuid[33];
	const char *version; /* of the recorder */
	int64_t start_realtime_ns, start_monotonic_ns;
	char boot_id[40], host[256], user[64], directory[1024], socket[112];
	const char *command; /* or NULL */
	bool clean;          /* reopening: it had ended */
};

/* Makes the file, mode 0600; an existing one or a symbolic link is refused. 0, or -1 with ERROR. */
int writer_create(const char *path, const struct writer_identity *identity, struct writer **writer,
                  struct sql_error *error);

/* Goes on with the recording at PATH, whether it ended cleanly or not. IDENTITY is filled, but for its pointers. */
int writer_reopen(const char *path, struct writer **writer, struct writer_identity *identity, struct sql_error *error);

void writer_close(struct writer *writer);

enum write_result {
	WRITE_DONE,
	WRITE_LATER, /* nothing was written; the disk is full, somebody is in the way, ...: try again */
	WRITE_NEVER, /* nothing was written, and it will not get better */
};

/* Stores ROWS in one transaction, all or none. */
enum write_result writer_store(struct writer *writer, const struct write_rows *rows, struct sql_error *error);

/* Moves what lies in the -wal into the database, if that is WORTHWHILE_BYTES or more; as much as readers allow. */
void writer_checkpoint(struct writer *writer, uint64_t worthwhile_bytes);

/* Ends the recording at END_NS: ENDED is stored, the -wal is emptied, and the file goes back to rollback mode, which
 * waits PATIENCE_MS for readers at most. WRITE_LATER: all is stored, but the -wal is still there, or the
 * file had lost its name and was written anew. */
enum write_result writer_finish(struct writer *writer, uint64_t end_ns, const char *ended, unsigned patience_ms,
                                struct sql_error *error);

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
