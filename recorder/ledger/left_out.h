/* SPDX-License-Identifier: Apache-2.0
 *
 * left_out.h - events that are there, but whose label, call stack or names found no room in their process's table, or
 * in the recorder.
 */
#ifndef RECORDER_LEFT_OUT_H
#define RECORDER_LEFT_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "ttalloc/event.h"

struct ingest_table;
struct ledger;
struct process;

/* What an event loses in the recorder, whose memory for one process is bounded. */
struct lacks {
	bool origin; /* thread, label and call stack */
	bool tensor; /* it is one, of an operation that has too many */
	bool size;   /* it is larger than what is recorded of it */
};

/* How many events of a batch lack something. Zero: none. */
struct left_out {
	uint64_t labels, stacks, names, arguments, threads;
	uint64_t modules;      /* call stacks, not events, whose libraries are not known */
	uint64_t marks_labels; /* of marks, such as a label's begin: they count where no event is in the label */
	uint64_t beyond;       /* what is of the table that is read */
	uint64_t origins, tensors, sizes;
};

/* Counts EVENT, of the thread with this entry, which names entries of TABLE. */
void left_out_count(struct left_out *left_out, const struct tta_event *event, uint32_t thread_entry,
                    const struct ingest_table *table);

/* Counts what an event lost here. */
void left_out_count_here(struct left_out *left_out, const struct lacks *lacks);

/* Writes down what was counted from FROM_NS to TO_NS: a loss each. */
void left_out_report(const struct left_out *left_out, struct ledger *ledger, struct process *process, uint64_t from_ns,
                     uint64_t to_ns);

#endif
