/* SPDX-License-Identifier: Apache-2.0
 *
 * table_function.h - table-valued functions over the replay. All are called as NAME(arguments of its own, device,
 * region, pid, label, start, end, step_first, step_last, op, recording); what is not given or NULL does not filter, and
 * recording is 'old' for the second one of a diff. Cells are integers where nothing else is said. A function computes
 * all its rows when it is called: in a join it belongs to the left. Where it takes "by", its rows are of blocks that
 * --by does not tell apart, and origin, key and size_bytes are those of one of them, for attribution() (attribution.h).
 *
 *   peaks()                 device, region, peak_bytes, peak_ns, peak_blocks, peak_bank_bytes, peak_bank_ns
 *   peak_blocks()           device, region, and the columns of live_blocks: what was live at that peak
 *   peak_cores()            device, x, y, bytes, blocks, peak_bytes: what circular buffers took of each core at that
 *                           peak; without x and y what lay on cores that are not known
 *   l1()                    see answers/tables/l1.c: how the L1 of each device was at its fullest, a row per device
 *   live_blocks(at_ns)      key, origin, address, size_bytes, bank_bytes, alloc_ns, of all that was live then
 *   process_figures()       process, device, region, allocs, frees, allocated_bytes, peak_bytes, live_bytes
 *   buckets(count)          device, region, from_ns, to_ns, max_bytes, end_bytes, allocs, frees
 *   group_buckets(count, by, top)  device, region, from_ns, to_ns, at_ns, group_text, groups, bytes: what each group
 * held at at_ns, the fullest moment of the bucket; all but the top ones together, which "groups" counts
 *   map_blocks(count, parts)  device, region, key, origin, address, size_bytes, bank_bytes, alloc_ns, end_ns, freed: of
 *                           each device and region so many blocks at most, those that a picture of all parts of the
 *                           window needs; a circular buffer for each time that it was in its place
 *   map_sums(count, parts)  device, region, kept, blocks: how many that is of how many
 *   map_shares(count, parts, levels)  device, region, address, bank_bytes, from_ns, to_ns, steps: in how many of so
 *                           many levels all of them together made each band of addresses full
 *   drawing(by, buckets, blocks, what)  nothing, but the three above then find it drawn, by several words with commas
 *                           between them; what: 'blocks' or 'circular' buffers alone
 *   bank_samples(count)     device, region, at_ns, used_bytes, free_bytes, largest_free_bytes, free_blocks,
 *                           fitting_bytes, allocator: of each, where several do not know of each other's blocks
 *   failure_banks()         key, free_bytes, largest_free_bytes
 *   allocated_sums(by)      origin, key, size_bytes, blocks, bytes, step_blocks, step_bytes; of what was allocated in
 * the window; the last two in steps temporary_sums(within, by)  origin, key, size_bytes, temporary_blocks,
 * temporary_bytes, blocks: of those that were freed within so many events histogram_bins(of)      device, region,
 * bin_start, bin_end, blocks, bytes, held_blocks, held_bytes; of 'size', 'bank' or 'lifetime' floor_longest(spans,
 * at_least_ns)  device, region, from_ns, to_ns, key, origin, address, size_bytes, bank_bytes, alloc_ns,
 * above_base_bytes: who held the lowest address, in the longest spans of each device and region floor_sums(by,
 * at_least_ns)  device, region, origin, key, size_bytes, held_ns, longest_ns, spans, lowest_address,
 *                           lowest_above_base_bytes, and the window: start_ns, end_ns
 *   diff_groups(query, by)  device, region, group_text, group_number, bytes, blocks, runtime_bytes, runtime_blocks,
 *                           live_bytes, live_blocks: what that built-in query says
 *   why_answer(for_failure, for_at, for_size, for_message)  see answers/tables/why.c: why a request failed, in a row
 *   why_blocks(the same)    key, origin, address, size_bytes, bank_bytes, age_ns, aliased: what would have to go
 *   refit(policy, order, direction, unit, bank, freed, smallest, force)  see answers/tables/replay.c: the requests in
 *                           banks of another kind
 *   step_figures()          process, device, region, step, from_ns, to_ns, allocs, frees, allocated_bytes, freed_bytes,
 *                           live_bytes, peak_bytes, peak_ns, peak_bank_bytes: each step of each process; the filter's
 *                           steps choose rows, not blocks
 *   found_steps()           process, region, origin, key, size_bytes, steps, is_cut: where no step was marked, the
 *                           block that each begins with, how many there are, and whether those are the last ones only
 *   step_growth(by, warm_up)  see answers/tables/growth.c: what grows from step to step
 *   overlaps()              see answers/tables/overlaps.c: blocks that had memory in common while both were live
 *   range_figures()         likewise, of each time that a thread had a label open
 *   operation_parts(parts)  see answers/tables/operation_parts.c: what each thread ran when, summed up for a picture
 *   operation_figures()     see answers/tables/operations.c: what each operation did to L1 and DRAM, the last first
 *   late_blocks()           device, region, key, origin, size_bytes, bank_bytes, alloc_ns, free_ns, used_ns,
 *                           used_what, used_number, operations, freed: tensors that were kept while so many operations
 *                           ran after the last that used them
 *   late_peaks()            device, region, peak_bytes, needed_peak_bytes: without what was kept after its last use
 *   findings()              what, place, detail: what verify finds
 *   chip_counters()         see answers/tables/chips.c: what TT-Metal counts of the chips of this machine now
 *   room()                  what, tables, bytes: what takes the room in the file
 *   check_budgets(budget, path, by)  see answers/tables/check.c: what became of the budgets of a text and of a file
 */
#ifndef SQL_TABLE_FUNCTION_H
#define SQL_TABLE_FUNCTION_H

#include <stddef.h>
#include <stdint.h>

#include "sql/replay/catalog.h"

#define TABLE_NULL INT64_MIN
#define TABLE_ARGUMENTS_MAX 8

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

/* NUMBER for a cell, which is returned. */
int64_t table_real(double number);

/* What a function was called with; TEXT is NULL where that is nothing. */
struct table_argument {
	int64_t number;
	const char *text;
};

struct table_call {
	struct recording *recording; /* to read */
	struct filter filter;
	struct table_argument arguments[TABLE_ARGUMENTS_MAX]; /* the function's own */
	struct table *table;
	struct sql_error *error;
	void *state; /* of a function that has more; texts of the call are gone when it is asked */
};

/* The ARGUMENT of that index as a number, FALLBACK where it was not given. */
int64_t table_number(const struct table_call *call, size_t argument, int64_t fallback);

struct table_function {
	const char *name;
	const char *columns;                        /* as in CREATE TABLE */
	const char *arguments[TABLE_ARGUMENTS_MAX]; /* names of its own ones; NULL behind the last */
	unsigned text_columns;                      /* a bit each: their cells are from table_text() */
	unsigned real_columns;                      /* a bit each: their cells are from table_real() */
	int (*fill)(struct table_call *call);
	/* Of a function that does not have all its rows at once; NULL: fill() does. Fills TABLE, which is empty, with
	 * the next rows; none: these were all. 0, or -1 with ERROR. */
	int (*more)(void *state, struct table *table, struct sql_error *error);
	void (*end)(void *state);
};

/* The functions, by file. */
extern const struct table_function table_peaks, table_peak_blocks, table_live_blocks, table_process_figures;
extern const struct table_function table_buckets, table_bank_samples, table_failure_banks, table_findings;
extern const struct table_function table_temporary_sums, table_histogram_bins, table_floor_longest, table_floor_sums;
extern const struct table_function table_allocated_sums, table_diff_groups, table_device_pairs, table_why,
    table_why_blocks;
extern const struct table_function table_operation_figures, table_range_figures, table_operation_parts,
    table_late_blocks, table_late_peaks;
extern const struct table_function table_peak_cores, table_l1, table_check_budgets, table_refit;
extern const struct table_function table_step_figures, table_step_growth, table_found_steps, table_overlaps;
extern const struct table_function table_drawing, table_group_buckets, table_map_blocks, table_map_sums,
    table_map_shares;
extern const struct table_function table_chip_counters, table_room;

#endif
