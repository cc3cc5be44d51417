/* SPDX-License-Identifier: Apache-2.0
 *
 * temporary.c - temporary_sums(): blocks that were freed within a few events of their alloc, by origin, and by
 * size or step where that is asked for; and how many blocks there were. A time window takes what lived in it.
 *
 * Distances are those of numbers within the process (numbering.h), less what has a number and is no event: steps, the
 * begins and ends of ranges, and the ends of replaced blocks. Such an end comes right before the alloc that caused it,
 * so there are fewer of them between an alloc and its free than events; more than the distance asked for never matter.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/answers/attribution.h"
#include "sql/replay/numbering.h"
#include "sql/replay/range_keys.h"
#include "sql/store/recording.h"
#include "sql/replay/scan.h"
#include "sql/answers/table_function.h"

#define WITHIN_MAX 100000

struct sum {
	int64_t origin, key, size_bytes, temporary_blocks, temporary_bytes, blocks;
};

/* The keys at which a process's last blocks were replaced, rising: WITHIN of them at least, if there were as many. */
struct replaced {
	int64_t *keys;
	size_t count, capacity;
};

struct search {
	struct table_call *call;
	struct catalog catalog;
	struct numbering numbering;
	struct range_keys range_keys;
	struct replaced *replaced; /* per process */
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

static int add_replaced(struct search *search, const struct scan_block *block)
{
	struct replaced *replaced = &search->replaced[block->origin->process];
	size_t kept = (size_t)search->within;

	if (replaced->count == 2 * kept) {
		memmove(replaced->keys, replaced->keys + kept, kept * sizeof(*replaced->keys));
		replaced->count = kept;
	}
	if (array_reserve(&replaced->keys, &replaced->capacity, replaced->count) < 0)
		return no_memory(search);
	replaced->keys[replaced->count++] = block->end_key;
	return 0;
}

/* How many ends of replaced blocks came since KEY. */
static int64_t replaced_since(const struct replaced *replaced, int64_t key)
{
	size_t low = 0, high = replaced->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (replaced->keys[middle] <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return (int64_t)(replaced->count - low);
}

/* How many steps had begun at KEY, and begins and ends of ranges had been. */
static int64_t marks_until(const struct search *search, uint32_t process, int64_t key)
{
	return (int64_t)catalog_steps_begun(&search->catalog, process, key) +
	       range_keys_until(&search->range_keys, process, key);
}

/* Whether the free of BLOCK, which comes behind all ends that were seen, is near its alloc. 1, 0, or -1 with ERROR. */
static int is_temporary(struct search *search, const struct scan_block *block)
{
	uint32_t process = block->origin->process;
	int64_t end = numbering_of(&search->numbering, process, block->end_key);
	int64_t begin = numbering_of(&search->numbering, process, block->alloc_key), distance = end - begin;

	if (begin < 0 || end < 0)
		return sql_fail(search->call->error, "%s: corrupt: a block's keys are in no batch of its process",
		                search->call->recording->path);
	if (distance > search->within)
		distance -=
		    marks_until(search, process, block->end_key) - marks_until(search, process, block->alloc_key);
	if (distance > search->within && distance < 2 * search->within)
		distance -= replaced_since(&search->replaced[process], block->alloc_key);
	return distance <= search->within;
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
	int temporary = 0;

	if (block->end == SCAN_REPLACED && add_replaced(search, block) < 0)
		return -1;
	if (block->origin->aliased || !scan_is_chosen(&search->catalog, block))
		return 0;
	if (block->end == SCAN_FREED && (temporary = is_temporary(search, block)) < 0)
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
	if (catalog_load(&search->catalog, call->recording, &call->filter, false, call->error) < 0 ||
	    numbering_load(&search->numbering, call->recording, &search->catalog, call->error) < 0 ||
	    range_keys_load(&search->range_keys, call->recording, &search->catalog, call->error) < 0)
		return -1;
	search->replaced = calloc(search->catalog.process_count + 1, sizeof(*search->replaced));
	if (!search->replaced)
		return no_memory(search);
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
	for (size_t i = 0; search.replaced && i < search.catalog.process_count; i++)
		free(search.replaced[i].keys);
	free(search.replaced);
	free(search.sums);
	map_clear(&search.map);
	range_keys_clear(&search.range_keys);
	numbering_clear(&search.numbering);
	catalog_clear(&search.catalog);
	return result;
}

const struct table_function table_temporary_sums = {
    .name = "temporary_sums",
    .columns = "origin, key, size_bytes, temporary_blocks, temporary_bytes, blocks",
    .arguments = {"within", "by"},
    .fill = fill_temporary_sums,
};
