/* SPDX-License-Identifier: Apache-2.0
 *
 * joint.h - the totals of each device and region over all processes, and their spans. Belongs to the committing thread.
 *
 * Pieces are put one behind the other as they come. A piece that begins before the end of what is there came out of
 * order: the totals stay right, since sums do not mind, but the spans from there on are wrong. The device and region is
 * then dirty from that time on, until its spans are made anew from the file.
 */
#ifndef RECORDER_JOINT_H
#define RECORDER_JOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "piece.h"
#include "sql/store/rowlog.h"

struct joint;

struct joint *joint_new(void);
void joint_free(struct joint *joint);

/* Puts back what a recording has: its totals now, where its last span ends, and from when on it is dirty
 * (PIECE_NO_DISORDER: it is not). */
struct joint_state {
	uint32_t device, region;
	int64_t bytes, bank_bytes, blocks;
	uint64_t to_ns, dirty_ns;
};
void joint_restore(struct joint *joint, const struct joint_state *state);
void joint_restore_span_id(struct joint *joint, int64_t last_span_id);

/* Adds PIECES in their order, and logs the rows of spans and region_usage that changed. */
void joint_add(struct joint *joint, const struct piece *pieces, size_t count, struct rowlog *log);

/* Earliest time from which on spans are missing; PIECE_NO_DISORDER: none are. Circular buffers WITH_CBS only. */
uint64_t joint_dirty_ns(const struct joint *joint, bool with_cbs);

/* Makes what is dirty anew, in one transaction; all that was added must be in the file. Circular buffers only WITH_CBS:
 * those have to be read from the beginning. PROGRESS (may be NULL) is called now and then with a fraction, and returns
 * false to stop. */
enum write_result joint_rebuild(struct joint *joint, struct writer *writer, bool with_cbs,
                                bool (*progress)(double fraction, void *context), void *context,
                                struct sql_error *error);

#endif
