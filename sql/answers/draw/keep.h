/* SPDX-License-Identifier: Apache-2.0
 *
 * keep.h - of any number of blocks of one series those that a picture cannot do without: what was live at a moment that
 * matters (the peak, failures), what took much of the bank for long, and in every part of the run the largest that
 * began there, and the largest of those that were never freed.
 */
#ifndef SQL_DRAW_KEEP_H
#define SQL_DRAW_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kept_block {
	int64_t key, alloc_ns, end_ns; /* end_ns: INT64_MAX: it is live */
	int64_t address, size_bytes, bank_bytes;
	uint32_t origin;
	bool freed; /* by its program */
};

struct keep;

/* Keeps WANTED blocks at most, of a run in PARTS. NULL: no memory. */
struct keep *keep_new(int64_t wanted, int64_t parts);
void keep_free(struct keep *keep);

/* AREA: bytes times nanoseconds in the window. PART: in which it began; -1: before the window. 0; -1: no memory. */
int keep_block(struct keep *keep, const struct kept_block *block, double area, int64_t part, bool matters);

/* How many there were. */
int64_t keep_seen(const struct keep *keep);

/* Those that are kept, by alloc_ns. Called when all have been seen. */
const struct kept_block *keep_blocks(struct keep *keep, size_t *count);

#endif
