/* SPDX-License-Identifier: Apache-2.0
 *
 * pictures.c - group_buckets(), map_blocks(), map_sums(), map_shares() and drawing(): what draw/ draws, as rows.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/answers/draw/drawing.h"
#include "sql/answers/table_function.h"
#include "sql/base/error.h"

#define BUCKETS_DEFAULT 100
#define BLOCKS_DEFAULT 1000
#define TOP_DEFAULT 8
#define STEPS_DEFAULT 64

static int no_memory(struct table_call *call)
{
	return sql_fail(call->error, "out of memory");
}

/* ---- drawing(by, buckets, blocks, what): no rows; the others find it drawn ---- */

static int fill_drawing(struct table_call *call)
{
	const char *what = call->arguments[3].text;
	const struct drawing_wish wish = {.by = call->arguments[0].text,
	                                  .buckets = table_number(call, 1, BUCKETS_DEFAULT),
	                                  .blocks = table_number(call, 2, BLOCKS_DEFAULT),
	                                  .no_blocks = what && strcmp(what, "circular") == 0,
	                                  .no_circular = what && strcmp(what, "blocks") == 0};

	return drawing_get(call->recording, &call->filter, &wish, call->error) ? 0 : -1;
}

/* ---- group_buckets(count, by, top) ---- */

struct ranked {
	int64_t most_bytes;
	uint32_t group;
};

/* How the groups of one series are told: the largest by themselves, the others together. */
struct telling_apart {
	struct table_call *call;
	const struct drawing *drawing;
	const struct grouping *grouping;
	uint32_t series;
	struct ranked *ranked;
	size_t count, told;
	int64_t *texts;  /* per group: cell of the table; OTHERS */
	int64_t *others; /* bytes per bucket */
};
#define OTHERS (-1)

static int largest_first(const void *a, const void *b)
{
	const struct ranked *first = a, *second = b;

	if (first->most_bytes != second->most_bytes)
		return first->most_bytes < second->most_bytes ? 1 : -1;
	return (first->group > second->group) - (first->group < second->group);
}

static void rank(struct telling_apart *apart, int64_t top)
{
	const struct grouping *grouping = apart->grouping;

	apart->count = 0;
	for (uint32_t at = grouping->first[apart->series]; at != GROUP_NONE; at = grouping->groups[at].next)
		if (grouping->groups[at].most_bytes > 0)
			apart->ranked[apart->count++] = (struct ranked){grouping->groups[at].most_bytes, at};
	if (apart->count > 1)
		qsort(apart->ranked, apart->count, sizeof(*apart->ranked), largest_first);
	/* one that would be alone among the others is told, too */
	apart->told = top > 0 && apart->count > (size_t)top + 1 ? (size_t)top : apart->count;
}

static int name_groups(struct telling_apart *apart)
{
	for (size_t i = 0; i < apart->count; i++) {
		uint32_t group = apart->ranked[i].group;
		const char *text = apart->grouping->groups[group].text;

		apart->texts[group] = OTHERS;
		if (i >= apart->told)
			continue;
		apart->texts[group] = text ? table_text(apart->call->table, text, apart->call->error) : TABLE_NULL;
		if (apart->texts[group] == -1)
			return -1;
	}
	return 0;
}

static int add_row(const struct telling_apart *apart, int64_t bucket, int64_t text, int64_t groups, int64_t bytes)
{
	const struct levels *levels = &apart->drawing->levels;
	const struct catalog_series *series = &apart->drawing->catalog.series[apart->series];
	int64_t cells[] = {series->device,
	                   series->region,
	                   buckets_start(&levels->buckets, bucket),
	                   buckets_start(&levels->buckets, bucket + 1),
	                   levels->lines[apart->series].marks[bucket].at_ns,
	                   text,
	                   groups,
	                   bytes};

	return table_add(apart->call->table, cells, apart->call->error);
}

static int add_told(const struct telling_apart *apart)
{
	const struct grouping *grouping = apart->grouping;

	memset(apart->others, 0, (size_t)apart->drawing->levels.buckets.count * sizeof(*apart->others));
	for (size_t i = 0; i < grouping->cell_counts[apart->series]; i++) {
		const struct cell *cell = &grouping->cells[apart->series][i];
		int64_t text = apart->texts[cell->group];

		if (text == OTHERS)
			apart->others[cell->bucket] += cell->bytes;
		else if (add_row(apart, cell->bucket, text, 1, cell->bytes) < 0)
			return -1;
	}
	return 0;
}

static int add_others(const struct telling_apart *apart)
{
	for (int64_t i = 0; i < apart->drawing->levels.buckets.count; i++)
		if (apart->others[i] > 0 &&
		    add_row(apart, i, TABLE_NULL, (int64_t)(apart->count - apart->told), apart->others[i]) < 0)
			return -1;
	return 0;
}

static int add_series(struct telling_apart *apart, int64_t top)
{
	rank(apart, top);
	return name_groups(apart) < 0 || add_told(apart) < 0 || add_others(apart) < 0 ? -1 : 0;
}

static int fill_group_buckets(struct table_call *call)
{
	const struct drawing_wish wish = {.by = call->arguments[1].text ? call->arguments[1].text : "label",
	                                  .buckets = table_number(call, 0, BUCKETS_DEFAULT)};
	const struct drawing *drawing = drawing_get(call->recording, &call->filter, &wish, call->error);
	int result = 0;

	if (!drawing)
		return -1;
	struct telling_apart apart = {.call = call, .drawing = drawing, .grouping = drawing_grouping(drawing, wish.by)};
	apart.ranked = calloc(apart.grouping->count + 1, sizeof(*apart.ranked));
	apart.texts = calloc(apart.grouping->count + 1, sizeof(*apart.texts));
	apart.others = calloc((size_t)wish.buckets, sizeof(*apart.others));
	if (!apart.ranked || !apart.texts || !apart.others)
		result = no_memory(call);
	for (apart.series = 0; result == 0 && apart.series < drawing->catalog.series_count; apart.series++)
		if (drawing_chooses(drawing, apart.series, &call->filter))
			result = add_series(&apart, table_number(call, 2, TOP_DEFAULT));
	free(apart.ranked);
	free(apart.texts);
	free(apart.others);
	return result;
}

/* ---- map_blocks(count, parts), map_sums(count, parts), map_shares(count, parts, levels) ---- */

static const struct drawing *draw_map(struct table_call *call)
{
	/* the buckets in which what began is kept; any drawing that has the blocks will do */
	const struct drawing_wish wish = {.buckets = table_number(call, 1, BUCKETS_DEFAULT),
	                                  .blocks = table_number(call, 0, BLOCKS_DEFAULT)};

	if (wish.blocks < 1) {
		sql_fail(call->error, "blocks: at least 1");
		return NULL;
	}
	return drawing_get(call->recording, &call->filter, &wish, call->error);
}

static int add_blocks(struct table_call *call, const struct drawing *drawing, uint32_t series)
{
	const struct catalog_series *at = &drawing->catalog.series[series];
	size_t count = 0;
	const struct kept_block *blocks = keep_blocks(drawing->kept[series], &count);

	for (size_t i = 0; i < count; i++) {
		const struct kept_block *block = &blocks[i];
		int64_t cells[] = {
		    at->device,        at->region,      block->key,
		    block->origin,     block->address,  block->size_bytes,
		    block->bank_bytes, block->alloc_ns, block->end_ns == INT64_MAX ? TABLE_NULL : block->end_ns,
		    block->freed};

		if (table_add(call->table, cells, call->error) < 0)
			return -1;
	}
	return 0;
}

static int fill_map_blocks(struct table_call *call)
{
	const struct drawing *drawing = draw_map(call);
	int result = drawing ? 0 : -1;

	for (uint32_t i = 0; result == 0 && i < drawing->catalog.series_count; i++)
		if (drawing_chooses(drawing, i, &call->filter))
			result = add_blocks(call, drawing, i);
	return result;
}

static int fill_map_sums(struct table_call *call)
{
	const struct drawing *drawing = draw_map(call);
	int result = drawing ? 0 : -1;

	for (uint32_t i = 0; result == 0 && i < drawing->catalog.series_count; i++) {
		const struct catalog_series *at = &drawing->catalog.series[i];
		size_t count = 0;

		if (!drawing_chooses(drawing, i, &call->filter))
			continue;
		keep_blocks(drawing->kept[i], &count);
		int64_t cells[] = {at->device, at->region, (int64_t)count, keep_seen(drawing->kept[i])};
		result = table_add(call->table, cells, call->error);
	}
	return result;
}

struct sharing {
	struct table_call *call;
	const struct catalog_series *series;
	const struct raster *raster;
};

static int add_share(void *context, const struct raster_run *run)
{
	const struct sharing *sharing = context;
	const struct buckets *buckets = &sharing->raster->buckets;
	int64_t cells[] = {sharing->series->device,
	                   sharing->series->region,
	                   (int64_t)run->address,
	                   INT64_C(1) << sharing->raster->band_log2,
	                   buckets_start(buckets, run->first),
	                   buckets_start(buckets, run->end),
	                   run->share};

	return table_add(sharing->call->table, cells, sharing->call->error);
}

static int fill_map_shares(struct table_call *call)
{
	int64_t steps = table_number(call, 2, STEPS_DEFAULT);
	if (steps < 1 || steps > RASTER_STEPS_MAX)
		return sql_fail(call->error, "levels: from 1 to %d", RASTER_STEPS_MAX);
	const struct drawing *drawing = draw_map(call);
	int result = drawing ? 0 : -1;

	for (uint32_t i = 0; result == 0 && i < drawing->catalog.series_count; i++) {
		struct sharing sharing = {call, &drawing->catalog.series[i], &drawing->rasters[i]};

		if (drawing_chooses(drawing, i, &call->filter))
			result = raster_each(sharing.raster, (unsigned)steps, add_share, &sharing);
	}
	return result;
}

const struct table_function table_drawing = {
    .name = "drawing",
    .columns = "drawn",
    .arguments = {"by", "buckets", "blocks", "what"},
    .fill = fill_drawing,
};

const struct table_function table_group_buckets = {
    .name = "group_buckets",
    .columns = "device, region, from_ns, to_ns, at_ns, group_text, groups, bytes",
    .arguments = {"count", "by", "top"},
    .text_columns = 1 << 5,
    .fill = fill_group_buckets,
};

const struct table_function table_map_blocks = {
    .name = "map_blocks",
    .columns = "device, region, key, origin, address, size_bytes, bank_bytes, alloc_ns, end_ns, freed",
    .arguments = {"count", "parts"},
    .fill = fill_map_blocks,
};

const struct table_function table_map_sums = {
    .name = "map_sums",
    .columns = "device, region, kept, blocks",
    .arguments = {"count", "parts"},
    .fill = fill_map_sums,
};

const struct table_function table_map_shares = {
    .name = "map_shares",
    .columns = "device, region, address, bank_bytes, from_ns, to_ns, steps",
    .arguments = {"count", "parts", "levels"},
    .fill = fill_map_shares,
};
