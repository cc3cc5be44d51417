/* SPDX-License-Identifier: Apache-2.0
 *
 * floor.c - floor_longest() and floor_sums(): who held the lowest live address of each device and region, the
 * longest spans of time one by one, or all of them summed up by origin, and by size or step where that is asked for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/replay/floor.h"
#include "sql/replay/layouts.h"
#include "sql/base/map.h"
#include "sql/answers/attribution.h"
#include "sql/store/recording.h"
#include "sql/answers/table_function.h"
#include "lanes.h"
#include "ttalloc.h"
#include "ttalloc/heap.h"

#define SPANS_DEFAULT 100
#define SPANS_MAX 100000

struct sum {
	int64_t device, region, origin, key, size_bytes, held_ns, longest_ns, spans, lowest_address, lowest_above_base;
};

/* The longest spans of one series. */
struct longest {
	struct floor_span *spans; /* a heap: the one that a longer one would take the place of on top */
	size_t count, capacity;
	struct floor_span lowest; /* has an address that no other is below */
	bool any;
};

struct survey {
	struct table_call *call;
	struct catalog catalog;
	struct layouts layouts;
	struct lane_names lanes;
	int64_t start_ns, end_ns; /* the window */
	int64_t at_least_ns;      /* shorter spans are left out */
	/* of floor_longest() */
	size_t wanted;
	struct longest *longest; /* per lane */
	/* of floor_sums() */
	enum telling telling;
	struct sum *sums;
	size_t count, capacity;
	struct map map; /* (origin, or series where holders are told apart; by what) -> sums */
};

static int no_memory(struct survey *survey)
{
	return sql_fail(survey->call->error, "out of memory");
}

/* Unsigned, because corrupt rows may overflow. */
static int64_t length_of(const struct floor_span *span)
{
	return (int64_t)((uint64_t)span->to_ns - (uint64_t)span->from_ns);
}

/* How far above the bank's lowest address; TABLE_NULL: the geometry is not known. */
static int64_t above_base(const struct survey *survey, const struct floor_span *span)
{
	const struct catalog_series *series = &survey->catalog.series[span->series];
	const struct bank_layout *layout = layouts_at(&survey->layouts, series->device, series->region, span->from_ns);

	return layout ? (int64_t)((uint64_t)span->block.address - layout->base_address) : TABLE_NULL;
}

static int set_window(struct survey *survey)
{
	const struct table_call *call = survey->call;
	int64_t length_ns;

	if (call->filter.has_region && (call->filter.region == TTALLOC_CB || call->filter.region == TTALLOC_KERNEL))
		return sql_fail(call->error, "the floor is that of buffers: program memory lies on single cores, and "
		                             "kernels have no address; ask for L1, DRAM or another region");
	if (recording_integer(call->recording, "SELECT end_ns FROM main.recording_info", 0, &length_ns, call->error) <
	    0)
		return -1;
	survey->start_ns = call->filter.start_ns == INT64_MIN ? 0 : call->filter.start_ns;
	survey->end_ns = call->filter.end_ns < length_ns ? call->filter.end_ns : length_ns;
	if (survey->end_ns < survey->start_ns)
		return sql_fail(call->error, "the time window is empty: the recording ends before it starts");
	return 0;
}

static int run_survey(struct survey *survey, int (*each)(const struct floor_span *span, void *context))
{
	const struct floor_lanes lanes = {.of = survey->lanes.of, .count = survey->lanes.count};

	return floor_spans(survey->call->recording, &survey->catalog, &lanes, survey->start_ns, survey->end_ns, each,
	                   survey, survey->call->error);
}

static int survey_open(struct survey *survey)
{
	struct table_call *call = survey->call;

	if (set_window(survey) < 0 ||
	    catalog_load(&survey->catalog, call->recording, &call->filter, false, call->error) < 0 ||
	    layouts_load(&survey->layouts, call->recording, call->error) < 0 ||
	    lanes_load(&survey->lanes, call->recording, &survey->catalog, call->error) < 0)
		return -1;
	survey->longest = calloc(survey->lanes.count + 1, sizeof(*survey->longest));
	return survey->longest ? 0 : no_memory(survey);
}

static void survey_clear(struct survey *survey)
{
	for (size_t i = 0; survey->longest && i < survey->lanes.count; i++)
		free(survey->longest[i].spans);
	free(survey->longest);
	free(survey->sums);
	map_clear(&survey->map);
	layouts_clear(&survey->layouts);
	lanes_clear(&survey->lanes);
	catalog_clear(&survey->catalog);
}

/* ---- floor_longest() ---- */

/* Of spans of the same length the earlier one counts as longer. */
static inline bool is_shorter(const void *nothing, const struct floor_span *a, const struct floor_span *b)
{
	int64_t first = length_of(a), second = length_of(b);

	(void)nothing;
	return first != second ? first < second : a->from_ns > b->from_ns;
}

TTA_HEAP(longest, struct floor_span, const void *, is_shorter)

static void keep_lowest(struct longest *longest, const struct floor_span *span)
{
	uint64_t address = (uint64_t)span->block.address, lowest = (uint64_t)longest->lowest.block.address;

	if (!longest->any || address < lowest || (address == lowest && is_shorter(NULL, &longest->lowest, span)))
		longest->lowest = *span;
	longest->any = true;
}

static int keep_span(const struct floor_span *span, void *context)
{
	struct survey *survey = context;
	struct longest *longest = &survey->longest[span->lane];

	if (length_of(span) < survey->at_least_ns)
		return 0;
	keep_lowest(longest, span);
	if (longest->count < survey->wanted)
		return array_reserve(&longest->spans, &longest->capacity, longest->count) < 0
		           ? no_memory(survey)
		           : (longest_push(NULL, longest->spans, longest->count++, *span), 0);
	if (is_shorter(NULL, &longest->spans[0], span))
		longest_down(NULL, longest->spans, longest->count, 0, *span);
	return 0;
}

static int add_span(struct survey *survey, const struct floor_span *span)
{
	const struct catalog_series *series = &survey->catalog.series[span->series];
	const struct replay_block *block = &span->block;
	const char *name = survey->lanes.names[span->lane].name;
	int64_t allocator = name ? table_text(survey->call->table, name, survey->call->error) : TABLE_NULL;
	int64_t cells[] = {series->device,  series->region,           span->from_ns,
	                   span->to_ns,     block->alloc_key,         block->origin,
	                   block->address,  block->size_bytes,        block->bank_bytes,
	                   block->alloc_ns, above_base(survey, span), allocator};

	if (name && allocator < 0)
		return -1;
	return table_add(survey->call->table, cells, survey->call->error);
}

static int add_longest(struct survey *survey, const struct longest *longest)
{
	bool lowest_told = !longest->any;

	for (size_t i = 0; i < longest->count; i++) {
		lowest_told |= longest->spans[i].from_ns == longest->lowest.from_ns;
		if (add_span(survey, &longest->spans[i]) < 0)
			return -1;
	}
	return lowest_told ? 0 : add_span(survey, &longest->lowest);
}

static int fill_floor_longest(struct table_call *call)
{
	struct survey survey = {.call = call, .at_least_ns = table_number(call, 1, 0)};
	int64_t wanted = table_number(call, 0, SPANS_DEFAULT);
	int result = -1;

	if (wanted < 1 || wanted > SPANS_MAX)
		return sql_fail(call->error, "spans: from 1 to %d", SPANS_MAX);
	survey.wanted = (size_t)wanted;
	if (survey_open(&survey) == 0)
		result = run_survey(&survey, keep_span);
	for (size_t i = 0; result == 0 && i < survey.lanes.count; i++)
		result = add_longest(&survey, &survey.longest[i]);
	survey_clear(&survey);
	return result;
}

/* ---- floor_sums() ---- */

/* The sum of SPAN's group, which is there from its first span on; NULL: no memory. */
static struct sum *find_sum(struct survey *survey, const struct floor_span *span)
{
	const struct catalog_series *series = &survey->catalog.series[span->series];
	int64_t told = telling_of(survey->telling, &survey->catalog, &survey->catalog.origins[span->block.origin],
	                          span->block.size_bytes, span->block.alloc_key);
	/* of holders of one size or step nothing else is asked, so that any origin of their series will do */
	int64_t common = survey->telling == TELLING_ORIGIN ? span->block.origin : span->series;
	uint32_t index = map_enter(&survey->map, (struct map_key){common, told, 0}, (uint32_t)survey->count);

	if (index != survey->count)
		return index == MAP_NONE ? NULL : &survey->sums[index];
	if (array_reserve(&survey->sums, &survey->capacity, survey->count) < 0)
		return NULL;
	survey->sums[survey->count] = (struct sum){.device = series->device,
	                                           .region = series->region,
	                                           .origin = span->block.origin,
	                                           .key = span->block.alloc_key,
	                                           .size_bytes = span->block.size_bytes,
	                                           .lowest_address = span->block.address,
	                                           .lowest_above_base = TABLE_NULL};
	return &survey->sums[survey->count++];
}

static int sum_up(const struct floor_span *span, void *context)
{
	struct survey *survey = context;
	int64_t length_ns = length_of(span), above = above_base(survey, span);

	if (length_ns < survey->at_least_ns)
		return 0;
	struct sum *sum = find_sum(survey, span);
	if (!sum)
		return no_memory(survey);
	sum->held_ns = (int64_t)((uint64_t)sum->held_ns + (uint64_t)length_ns);
	sum->spans++;
	if (length_ns > sum->longest_ns)
		sum->longest_ns = length_ns;
	if ((uint64_t)span->block.address < (uint64_t)sum->lowest_address)
		sum->lowest_address = span->block.address;
	if (above != TABLE_NULL && (sum->lowest_above_base == TABLE_NULL || above < sum->lowest_above_base))
		sum->lowest_above_base = above;
	return 0;
}

static int fill_floor_sums(struct table_call *call)
{
	struct survey survey = {.call = call, .at_least_ns = table_number(call, 1, 0)};
	int result = -1;

	survey.telling = telling_by(call->arguments[0].text);
	telling_need(survey.telling, &call->filter);
	if (survey_open(&survey) == 0)
		result = run_survey(&survey, sum_up);
	for (size_t i = 0; result == 0 && i < survey.count; i++) {
		const struct sum *sum = &survey.sums[i];
		int64_t cells[] = {sum->device,         sum->region,
		                   sum->origin,         sum->key,
		                   sum->size_bytes,     sum->held_ns,
		                   sum->longest_ns,     sum->spans,
		                   sum->lowest_address, sum->lowest_above_base,
		                   survey.start_ns,     survey.end_ns};

		result = table_add(call->table, cells, call->error);
	}
	survey_clear(&survey);
	return result;
}

const struct table_function table_floor_longest = {
    .name = "floor_longest",
    .columns =
        "device, region, from_ns, to_ns, key, origin, address, size_bytes, bank_bytes, alloc_ns, above_base_bytes, "
        "allocator",
    .arguments = {"spans", "at_least_ns"},
    .text_columns = 1u << 11,
    .fill = fill_floor_longest,
};

const struct table_function table_floor_sums = {
    .name = "floor_sums",
    .columns =
        "device, region, origin, key, size_bytes, held_ns, longest_ns, spans, lowest_address, lowest_above_base_bytes, "
        "start_ns, end_ns",
    .arguments = {"by", "at_least_ns"},
    .fill = fill_floor_sums,
};
