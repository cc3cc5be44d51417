/* SPDX-License-Identifier: Apache-2.0
 *
 * overlaps.c - overlaps(): any two blocks that had memory of a bank in common while both were live.
 *
 *   device, region, address, bytes   what both had, in each bank
 *   from_ns, to_ns       for how long; to_ns is NULL where it lasts to the end of the recording
 *   key, origin, size_bytes, start   of the block that came first; start is its address
 *   later_key, later_origin, later_size_bytes, later_start   of the other one
 *
 * Looked for among blocks of one chip and region, also of different processes where both said which chip it is. Left
 * out are aliased blocks, which are meant to, circular buffers and kernels, and blocks that lie on some cores alone
 * when these are not known, or are others than the other block's.
 *
 * Live blocks are pieces of a tree in the order of their addresses, with their ends as sizes: the pieces that begin
 * before a block's end, and whose "size" is above its start, are those that it meets. The "address" of a piece is the
 * place of its block.
 */
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/model/gaps.h"
#include "sql/replay/replay.h"
#include "sql/answers/table_function.h"
#include "sql/store/recording.h"
#include "ttalloc.h"

#define OVERLAPS_MAX 1000000

struct search {
	struct table_call *call;
	struct catalog catalog; /* series are per process */
	struct gaps *spaces;    /* one for each chip and region */
	uint32_t *space_of;     /* of each series */
	struct map chips;       /* (process, device) -> chip */
	struct map per_core; /* (process, device, allocator): of some cores; not looked at if it is not known which */
	struct replay_block *blocks; /* that are live */
	uint32_t *unused;            /* places in BLOCKS */
	size_t block_count, block_capacity, unused_count, unused_capacity;
	int64_t to_ns; /* when what comes now ended */
	bool failed;   /* the call's error says how */
};

static int no_memory(struct search *search)
{
	return sql_fail(search->call->error, "out of memory");
}

/* ---- Who shares what ---- */

static const char chips_sql[] = "SELECT process, device, dense_rank() OVER (ORDER BY chip) FROM device_identity "
                                "WHERE chip IS NOT NULL";
static const char per_core_sql[] = "SELECT process, device, allocator FROM device_identity WHERE cores IS NOT NULL AND "
                                   "allocator IS NOT NULL";

/* Puts the rows of SQL into MAP: the third column as the value, or as part of the key. */
static int load_map(struct search *search, const char *sql, bool is_value, struct map *map)
{
	struct table_call *call = search->call;
	sqlite3_stmt *rows = recording_prepare(call->recording, sql, call->error);
	int state = -1;

	while (rows && (state = recording_step(call->recording, rows, call->error)) == 1) {
		struct map_key key = {sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
		                      is_value ? 0 : sqlite3_column_int64(rows, 2)};

		if (map_put(map, key, is_value ? (uint32_t)sqlite3_column_int64(rows, 2) : 0) < 0) {
			state = no_memory(search);
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

/* Which series are of one chip and region. */
static int find_spaces(struct search *search)
{
	const struct catalog *catalog = &search->catalog;
	struct map spaces = {0};
	int result = 0;

	for (uint32_t i = 0; i < catalog->series_count && result == 0; i++) {
		const struct catalog_series *series = &catalog->series[i];
		int64_t process = catalog->processes[series->process].id;
		uint32_t chip = map_get(&search->chips, (struct map_key){process, series->device, 0});
		struct map_key key = {chip == MAP_NONE ? process : -1, chip == MAP_NONE ? series->device : chip,
		                      series->region};

		search->space_of[i] = map_enter(&spaces, key, i);
		if (search->space_of[i] == MAP_NONE)
			result = no_memory(search);
	}
	map_clear(&spaces);
	return result;
}

/* Whether BLOCK takes memory that nobody else may have. */
static bool counts(const struct search *search, const struct replay_block *block)
{
	const struct catalog_origin *origin = &search->catalog.origins[block->origin];
	const struct catalog_series *series = &search->catalog.series[origin->series];
	struct map_key allocator = {search->catalog.processes[origin->process].id, series->device, origin->allocator};
	int64_t end;

	return !origin->aliased && series->region < TTALLOC_CB && block->bank_bytes > 0 && block->address >= 0 &&
	       !__builtin_add_overflow(block->address, block->bank_bytes, &end) &&
	       (!origin->allocator || origin->cores || map_get(&search->per_core, allocator) == MAP_NONE);
}

static struct gaps *space_of(const struct search *search, const struct replay_block *block)
{
	return &search->spaces[search->space_of[search->catalog.origins[block->origin].series]];
}

/* ---- Blocks, going backwards ---- */

static int add_overlap(struct search *search, const struct replay_block *a, const struct replay_block *b)
{
	struct table_call *call = search->call;
	bool in_order = a->alloc_ns != b->alloc_ns ? a->alloc_ns < b->alloc_ns : a->alloc_key < b->alloc_key;
	const struct replay_block *first = in_order ? a : b, *later = in_order ? b : a;
	int64_t start = first->address > later->address ? first->address : later->address;
	int64_t first_end = first->address + first->bank_bytes, later_end = later->address + later->bank_bytes;
	const struct catalog_series *series = &search->catalog.series[search->catalog.origins[later->origin].series];
	int64_t cells[] = {series->device,
	                   series->region,
	                   start,
	                   (first_end < later_end ? first_end : later_end) - start,
	                   later->alloc_ns,
	                   search->to_ns,
	                   first->alloc_key,
	                   first->origin,
	                   first->size_bytes,
	                   first->address,
	                   later->alloc_key,
	                   later->origin,
	                   later->size_bytes,
	                   later->address};

	if (later->alloc_ns > call->filter.end_ns ||
	    (search->to_ns != TABLE_NULL && search->to_ns < call->filter.start_ns))
		return 0;
	if (call->table->count == OVERLAPS_MAX)
		return sql_fail(call->error,
		                "more than %d overlaps: --start and --end, --device or --region choose some",
		                OVERLAPS_MAX);
	return table_add(call->table, cells, call->error);
}

/* Keeps BLOCK at *PLACE. */
static int keep(struct search *search, const struct replay_block *block, uint64_t *place)
{
	uint32_t at = search->unused_count ? search->unused[--search->unused_count] : (uint32_t)search->block_count;

	if (at == search->block_count) {
		if (array_reserve(&search->blocks, &search->block_capacity, search->block_count) < 0 ||
		    array_reserve(&search->unused, &search->unused_capacity, search->block_count) < 0)
			return no_memory(search);
		search->block_count++;
	}
	search->blocks[at] = *block;
	*place = at;
	return 0;
}

/* BLOCK is live from here back to its alloc. */
static int come(struct search *search, const struct replay_block *block)
{
	uint64_t start = (uint64_t)block->address, end = start + (uint64_t)block->bank_bytes;
	struct gaps *space = space_of(search, block);
	struct gap met, piece = {.first = start, .second = (uint64_t)block->alloc_key, .bytes = end};

	if (!counts(search, block))
		return 0;
	for (bool any = gaps_find(space, 0, end - 1, start + 1, false, &met); any;
	     any = gaps_next(space, end - 1, start + 1, &met)) {
		const struct replay_block *other = &search->blocks[met.address];

		if (!catalog_apart(search->catalog.origins[block->origin].cores,
		                   search->catalog.origins[other->origin].cores) &&
		    add_overlap(search, other, block) < 0)
			return -1;
	}
	if (keep(search, block, &piece.address) < 0)
		return -1;
	return gaps_add(space, &piece) < 0 ? no_memory(search) : 0;
}

static void leave(struct search *search, const struct replay_block *block)
{
	if (!counts(search, block))
		return;
	struct gap piece = gaps_remove(space_of(search, block), (uint64_t)block->address, (uint64_t)block->alloc_key);
	search->unused[search->unused_count++] = (uint32_t)piece.address;
}

static void start_with(const struct replay_block *block, void *context)
{
	struct search *search = context;

	search->failed = search->failed || come(search, block) < 0;
}

static int run_search(struct search *search)
{
	struct table_call *call = search->call;
	struct replay *replay = replay_open(call->recording, &search->catalog, call->error);
	struct replay_event event;
	int state = -1;

	if (!replay)
		return -1;
	search->to_ns = TABLE_NULL;
	replay_each(replay, start_with, search);
	while (!search->failed && (state = replay_peek(replay, &event, call->error)) == 1) {
		search->to_ns = event.at_ns;
		if (event.is_alloc)
			leave(search, event.block);
		else
			search->failed = come(search, event.block) < 0;
		if (replay_undo(replay, call->error) < 0)
			search->failed = true;
	}
	replay_close(replay);
	return search->failed || state < 0 ? -1 : 0;
}

/* ---- The table ---- */

static int open_search(struct search *search)
{
	struct table_call *call = search->call;
	struct filter window = call->filter;

	/* an overlap has to lie in the window, not its blocks */
	call->filter.start_ns = INT64_MIN;
	call->filter.end_ns = INT64_MAX;
	int result = catalog_load(&search->catalog, call->recording, &call->filter, true, call->error);
	call->filter = window;
	if (result < 0 || load_map(search, chips_sql, true, &search->chips) < 0 ||
	    load_map(search, per_core_sql, false, &search->per_core) < 0)
		return -1;
	search->spaces = calloc(search->catalog.series_count + 1, sizeof(*search->spaces));
	search->space_of = calloc(search->catalog.series_count + 1, sizeof(*search->space_of));
	if (!search->spaces || !search->space_of)
		return no_memory(search);
	return find_spaces(search);
}

static int fill_overlaps(struct table_call *call)
{
	struct search search = {.call = call};
	int result = open_search(&search);

	if (result == 0)
		result = run_search(&search);
	for (size_t i = 0; search.spaces && i < search.catalog.series_count; i++)
		gaps_clear(&search.spaces[i]);
	free(search.spaces);
	free(search.space_of);
	free(search.blocks);
	free(search.unused);
	map_clear(&search.chips);
	map_clear(&search.per_core);
	catalog_clear(&search.catalog);
	return result;
}

const struct table_function table_overlaps = {
    .name = "overlaps",
    .columns =
        "device, region, address, bytes, from_ns, to_ns, key, origin, size_bytes, start, later_key, later_origin, "
        "later_size_bytes, later_start",
    .fill = fill_overlaps,
};
