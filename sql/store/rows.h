/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - what the recorder hands over to be written in one transaction: arrays of the frequent rows, and a log of all
 * others. Plain data; the arrays belong to whoever filled them. Columns mean what schema.sql says.
 */
#ifndef SQL_ROWS_H
#define SQL_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "rowlog.h"

#define ROW_SAME_BYTES (-1) /* bank_bytes: the same as size_bytes; stored as NULL */

struct freed_row {
	int64_t key, life, free_ns, held_ns, address, size_bytes, bank_bytes;
	uint32_t origin, free_origin; /* free_origin 0: the same; stored as NULL */
};

struct held_row {
	int64_t key, alloc_ns, address, size_bytes, bank_bytes;
	uint32_t origin, reserved;
};

/* A held row that leaves because its block was freed. */
struct unheld_row {
	int64_t key;
};

/* A held row, of this transaction or an earlier one, whose device was closed. */
struct closed_row {
	int64_t key, end_key, end_ns;
};

struct run_row {
	int64_t key, at_ns, program;
	uint32_t origin, reserved;
};

struct write_rows {
	const struct freed_row *freed;
	size_t freed_count;
	const struct held_row *held;
	size_t held_count;
	struct unheld_row *unheld; /* gets sorted */
	size_t unheld_count;
	const struct closed_row *closed;
	size_t closed_count;
	const struct run_row *runs;
	size_t run_count;
	const struct rowlog *logs[2]; /* written in this order; NULL: none */
	uint64_t end_ns;              /* recording_info.end_ns */
};

#endif
