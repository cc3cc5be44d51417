/* SPDX-License-Identifier: Apache-2.0
 *
 * temporary.c - temporary_sums(): blocks that were freed within a few events of their alloc, by origin, and by
 * size or step where that is asked for; and how many blocks there were. A time window takes what lived in it.
 *
 * Distances are those of distance.h.
 */
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/answers/attribution.h"
#include "sql/replay/distance.h"
#include "sql/replay/scan.h"
#include "sql/answers/table_function.h"

#define WITHIN_MAX 100000

struct sum {
	int64_t origin, key, size_bytes, temporary_blocks, temporary_bytes, blocks;
};

struct search {
	struct table_call *call;
	struct catalog catalog;
	struct distance *distance;
	int64_t within;
	enum telling telling;
	struct sum *sums;
	size_t count, capacity;
	struct map map; /* (origin, or series where blocks are told apart; by what) -> sums */
};

static int no_memory(struct search *search)
{
	return sql_fail(search->call->error, "out of memory");
}

/* The sum of BLOCK's group, which is there from its first block on; NULL: no memory. */
static struct sum *find_sum(struct search *search, const struct scan_block *block)
{
	int64_t told =
	    telling_of(search->telling, &search->catalog, block->origin, block->size_bytes, block->alloc_key);
	/* of blocks of one size or step nothing else is asked, so that any origin of their series will do */
	int64_t common = search->telling == TELLING_ORIGIN ? block->origin_id : block->origin->series;
	uint32_t index = map_enter(&search->map, (struct map_key){common, told, 0}, (uint32_t)search->count);

	if (index != search->count)
		return index == MAP_NONE ? NULL : &search->sums[index];
	if (array_reserve(&search->sums, &search->capacity, search->count) < 0)
		return NULL;
	search->sums[search->count] =
	    (struct sum){.origin = block->origin_id, .key = block->alloc_key, .size_bytes = block->size_bytes};
	return &search->sums[search->count++];
}

static int take_block(const struct scan_block *block, void *context)
{
	struct search *search = context;
	uint32_t process = block->origin->process;
	int temporary = 0;

	if (block->end == SCAN_REPLACED &&
	    distance_replaced(search->distance, process, block->end_key, search->call->error) < 0)
		return -1;
	if (block->origin->aliased || !scan_is_chosen(&search->catalog, block))
		return 0;
	if (block->end == SCAN_FREED)
		temporary =
		    distance_is_near(search->distance, process, block->alloc_key, block->end_key, search->call->error);
	if (temporary < 0)
		return -1;
	struct sum *sum = find_sum(search, block);
	if (!sum)
		return no_memory(search);
	sum->blocks++;
	sum->temporary_blocks += temporary;
	if (temporary)
		sum->temporary_bytes = (int64_t)((uint64_t)sum->temporary_bytes + (uint64_t)block->size_bytes);
	return 0;
}

static int add_rows(struct search *search)
{
	for (size_t i = 0; i < search->count; i++) {
		const struct sum *sum = &search->sums[i];
		int64_t cells[] = {sum->origin,          sum->key,   sum->size_bytes, sum->temporary_blocks,
		                   sum->temporary_bytes, sum->blocks};

		if (table_add(search->call->table, cells, search->call->error) < 0)
			return -1;
	}
	return 0;
}

static int run_search(struct search *search)
{
	struct table_call *call = search->call;

	call->filter.needs_steps = true;
	telling_need(search->telling, &call->filter);
	if (catalog_load(&search->catalog, call->recording, &call->filter, false, call->error) < 0)
		return -1;
	search->distance = distance_open(call->recording, &search->catalog, (size_t)search->within, call->error);
	if (!search->distance)
		return -1;
	if (scan_blocks(call->recording, &search->catalog, take_block, search, call->error) < 0)
		return -1;
	return add_rows(search);
}

static int fill_temporary_sums(struct table_call *call)
{
	struct search search = {
	    .call = call, .within = table_number(call, 0, 1), .telling = telling_by(call->arguments[1].text)};

	if (search.within < 1 || search.within > WITHIN_MAX)
		return sql_fail(call->error, "within: from 1 to %d events", WITHIN_MAX);
	int result = run_search(&search);
	free(search.sums);
	map_clear(&search.map);
	distance_close(search.distance);
	catalog_clear(&search.catalog);
	return result;
}

const struct table_function table_temporary_sums = {
    .name = "temporary_sums",
    .columns = "origin, key, size_bytes, temporary_blocks, temporary_bytes, blocks",
    .arguments = {"within", "by"},
    .fill = fill_temporary_sums,
};
