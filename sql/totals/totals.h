/* SPDX-License-Identifier: Apache-2.0
 *
 * totals.h - the totals of each device and region over all processes, and their spans. Belongs to the committing
 * thread.
 *
 * Deltas are put one behind the other as they come. A delta that begins before the end of what is there came out of
 * order: the totals stay right, since sums do not mind, but the spans from there on are wrong. The device and region is
 * then dirty from that time on, until its spans are made anew from the file.
 */
#ifndef SQL_TOTALS_H
#define SQL_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delta.h"
#include "sql/store/rows.h"

struct totals;

struct totals *totals_new(void);
void totals_free(struct totals *totals);

/* Puts back what a recording has: its totals now, where its last span ends, and from when on it is dirty
 * (DELTA_NO_DISORDER: it is not). */
struct totals_state {
	uint32_t device, region;
	int64_t bytes, bank_bytes, blocks;
	uint64_t to_ns, dirty_ns;
};
void totals_restore(struct totals *totals, const struct totals_state *state);
void totals_restore_span_id(struct totals *totals, int64_t last_span_id);

/* Adds DELTAS in their order, and logs the rows of spans and region_usage that changed. */
void totals_add(struct totals *totals, const struct delta *deltas, size_t count, struct rowlog *log);

/* The recording goes on in another file, which has no spans yet. */
void totals_begin_file(struct totals *totals);

/* Earliest time from which on spans are missing; DELTA_NO_DISORDER: none are. Circular buffers WITH_CBS only. */
uint64_t totals_dirty_ns(const struct totals *totals, bool with_cbs);

/* Makes what is dirty anew, in one transaction; all that was added must be in the file. Circular buffers only WITH_CBS:
 * those have to be read from the beginning. PROGRESS (may be NULL) is called now and then with a fraction, and returns
 * false to stop. */
enum write_result totals_rebuild(struct totals *totals, struct writer *writer, bool with_cbs,
                                 bool (*progress)(double fraction, void *context), void *context,
                                 struct sql_error *error);

/* Makes all spans of a file that has every row but these, and process_usage. 0, or -1 with ERROR. (anew.c) */
int totals_make(struct writer *writer, struct sql_error *error);

#endif
