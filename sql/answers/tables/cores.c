/* SPDX-License-Identifier: Apache-2.0
 *
 * cores.c - peak_cores(): what the circular buffers that were resident at the peak took up on each core.
 */
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "peaks.h"
#include "sql/replay/resident.h"
#include "sql/answers/table_function.h"
#include "ttalloc.h"

/* More than any device has: ranges of a recording are not to be trusted. */
#define CORES_MOST 65536

struct cells {
	struct core_cell *list;
	size_t count, capacity;
	bool failed;
};

static void keep_cell(const struct core_cell *cell, void *context)
{
	struct cells *cells = context;

	if (array_reserve(&cells->list, &cells->capacity, cells->count) < 0)
		cells->failed = true;
	else
		cells->list[cells->count++] = *cell;
}

/* A cell, and how many circular buffers lie there. */
struct counted_cell {
	struct core_cell cell;
	int64_t blocks;
};

static int fullest_first(const void *a, const void *b)
{
	const struct core_cell *first = &((const struct counted_cell *)a)->cell;
	const struct core_cell *second = &((const struct counted_cell *)b)->cell;

	if (first->bytes != second->bytes)
		return first->bytes < second->bytes ? 1 : -1;
	if (first->range.y0 != second->range.y0)
		return first->range.y0 < second->range.y0 ? -1 : 1;
	return (first->range.x0 > second->range.x0) - (first->range.x0 < second->range.x0);
}

static int add_row(struct table_call *call, const struct resident *resident, int64_t x, int64_t y, int64_t bytes,
                   int64_t blocks, int64_t peak_bytes)
{
	int64_t cells[] = {resident->device, x, y, bytes, blocks, peak_bytes};

	return table_add(call->table, cells, call->error);
}

/* Adds a row for each of its cores, up to ROOM of them in all. */
static int add_cell(struct table_call *call, const struct resident *resident, const struct counted_cell *counted,
                    size_t *room, int64_t peak_bytes)
{
	const struct core_range *range = &counted->cell.range;

	for (uint32_t y = range->y0; y <= range->y1; y++) {
		for (uint32_t x = range->x0; x <= range->x1; x++) {
			if ((*room)-- == 0)
				return sql_fail(call->error, "more than %d cores hold something: no device has as many",
				                CORES_MOST);
			if (add_row(call, resident, x, y, counted->cell.bytes, counted->blocks, peak_bytes) < 0)
				return -1;
		}
	}
	return 0;
}

/* The cells of both maps are the same ones. */
static int add_cells(struct table_call *call, const struct resident *resident, const struct cells *bytes,
                     const struct cells *blocks, int64_t peak_bytes)
{
	struct counted_cell *sorted = calloc(bytes->count + 1, sizeof(*sorted));
	size_t room = CORES_MOST;
	int result = sorted && bytes->count == blocks->count ? 0 : sql_fail(call->error, "out of memory");

	for (size_t i = 0; result == 0 && i < bytes->count; i++)
		sorted[i] = (struct counted_cell){bytes->list[i], blocks->list[i].bytes};
	if (result == 0)
		qsort(sorted, bytes->count, sizeof(*sorted), fullest_first);
	for (size_t i = 0; result == 0 && i < bytes->count; i++)
		result = add_cell(call, resident, &sorted[i], &room, peak_bytes);
	free(sorted);
	return result;
}

static int add_resident(struct table_call *call, const struct resident *resident, int64_t peak_bytes)
{
	struct cells bytes = {.list = NULL}, blocks = {.list = NULL};
	int result = 0;

	if (core_map_each(&resident->bytes, keep_cell, &bytes) < 0 ||
	    core_map_each(&resident->blocks, keep_cell, &blocks) < 0 || bytes.failed || blocks.failed)
		result = sql_fail(call->error, "out of memory");
	else
		result = add_cells(call, resident, &bytes, &blocks, peak_bytes);
	if (result == 0 && resident->unplaced_blocks)
		result = add_row(call, resident, TABLE_NULL, TABLE_NULL, resident->unplaced_bytes,
		                 resident->unplaced_blocks, peak_bytes);
	free(bytes.list);
	free(blocks.list);
	return result;
}

static int fill_peak_cores(struct table_call *call)
{
	struct catalog catalog = {0};
	struct figures *figures = NULL;
	struct resident *list = NULL;
	int result = peaks_find(call, &catalog, &figures);

	if (result == 0) {
		list = calloc(catalog.series_count + 1, sizeof(*list));
		if (!list)
			result = sql_fail(call->error, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++)
		list[i] = (struct resident){.device = catalog.series[i].device,
		                            .place = figures[i].peak,
		                            .taken = catalog.series[i].region != TTALLOC_CB || !figures[i].any};
	if (result == 0)
		result = resident_collect(call->recording, &catalog, list, catalog.series_count, call->error);
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++)
		result = add_resident(call, &list[i], figures[i].peak_bytes);
	for (size_t i = 0; list && i < catalog.series_count; i++)
		resident_clear(&list[i]);
	free(list);
	free(figures);
	catalog_clear(&catalog);
	return result;
}

const struct table_function table_peak_cores = {
    .name = "peak_cores",
    .columns = "device, x, y, bytes, blocks, peak_bytes",
    .fill = fill_peak_cores,
};
