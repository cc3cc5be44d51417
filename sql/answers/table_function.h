/* SPDX-License-Identifier: Apache-2.0
 *
 * table_function.h - table-valued functions over the replay. All are called as NAME(own parameters, device, region,
 * pid, label, start, end, step_first, step_last, recording); what is not given or NULL does not filter, and recording
 * is 'old' for the second one of a diff. Cells are integers. A function computes all its rows when it is called: in a
 * join it belongs to the left.
 *
 *   peaks()                 device, region, peak_bytes, peak_ns, peak_blocks, peak_bank_bytes, peak_bank_ns
 *   peak_blocks()           device, region, and the columns of live_blocks: what was live at that peak
 *   peak_cores()            device, x, y, bytes, blocks, peak_bytes: what circular buffers took of each core at that
 *                           peak; without x and y what lay on cores that are not known
 *   l1()                    see answers/tables/l1.c: how the L1 of each device was at its fullest, a row per device
 *   live_blocks(at_ns)      key, origin, address, size_bytes, bank_bytes, alloc_ns, of all that was live then
 *   process_figures()       process, device, region, allocs, frees, allocated_bytes, peak_bytes, live_bytes
 *   buckets(count)          device, region, from_ns, to_ns, max_bytes, end_bytes, allocs, frees
 *   bank_samples(count)     device, region, at_ns, used_bytes, free_bytes, largest_free_bytes, free_blocks,
 *                           fitting_bytes
 *   failure_banks()         key, free_bytes, largest_free_bytes
 *   allocated_sums(extra)   origin, extra (of 1 size_bytes, 2 step), blocks, bytes; of what was allocated in the window
 *   temporary_sums(question) origin, extra as above, temporary_blocks, temporary_bytes, blocks; where there is an
 *                           extra, origin is just one of its device and region. The question is how many events there
 *                           may be from alloc to free, and which extra
 *   histogram_bins(of)      device, region, bin_start, bin_end, blocks, bytes, held_blocks, held_bytes; of 'size',
 *                           'bank' or 'lifetime'
 *   floor_longest(question) device, region, from_ns, to_ns, key, origin, address, size_bytes, bank_bytes, alloc_ns,
 *                           above_base_bytes: who held the lowest address. The question is how many spans of each
 *                           device and region, and how many nanoseconds a span lasts at least
 *   floor_sums(question)    device, region, origin and extra as in temporary_sums, held_ns, longest_ns, spans,
 *                           lowest_address, lowest_above_base_bytes, and the window: start_ns, end_ns. The question
 *                           is which extra, and how many nanoseconds a span lasts at least
 *   diff_groups(question)   device, region, group_text, group_number, bytes, blocks, runtime_bytes, runtime_blocks; the
 *                           question is a query and its KEY, such as 'leaks label'
 *   why_answer(question)    see answers/tables/why.c: why a request failed, in one row
 *   why_blocks(question)    key, origin, address, size_bytes, bank_bytes, age_ns, aliased: what would have to go for it
 *   findings()              what, place, detail: what verify finds
 */
#ifndef SQL_TABLE_FUNCTION_H
#define SQL_TABLE_FUNCTION_H

#include <stddef.h>
#include <stdint.h>

#include "sql/replay/catalog.h"

#define TABLE_NULL INT64_MIN

/* The rows of one call. */
struct table {
	int64_t *cells;
	size_t columns, count, capacity; /* of rows */
	char **texts;                    /* that cells of text columns are indexes of */
	size_t text_count, text_capacity;
};

/* Adds a row of table->columns cells. 0, or -1 with ERROR. */
int table_add(struct table *table, const int64_t *cells, struct sql_error *error);

/* Keeps a copy of TEXT for a cell, which it returns; -1 with ERROR. */
int64_t table_text(struct table *table, const char *text, struct sql_error *error);

struct table_call {
	struct recording *recording; /* to read */
	struct filter filter;
	int64_t own;          /* the function's own parameter; TABLE_NULL: not given */
	const char *own_text; /* the same, as text; NULL: not given */
	struct table *table;
	struct sql_error *error;
};

struct table_function {
	const char *name;
	const char *columns;       /* as in CREATE TABLE */
	const char *own_parameter; /* its name, or NULL */
	unsigned text_columns;     /* a bit each: their cells are from table_text() */
	int (*fill)(struct table_call *call);
};

/* The functions, by file. */
extern const struct table_function table_peaks, table_peak_blocks, table_live_blocks, table_process_figures;
extern const struct table_function table_buckets, table_bank_samples, table_failure_banks, table_findings;
extern const struct table_function table_temporary_sums, table_histogram_bins, table_floor_longest, table_floor_sums;
extern const struct table_function table_allocated_sums, table_diff_groups, table_why, table_why_blocks;
extern const struct table_function table_peak_cores, table_l1;

#endif
