/* SPDX-License-Identifier: Apache-2.0
 *
 * backwards.c - the changes that blocks made, read back from the last to the first.
 */
#include <stdlib.h>

#include "figures.h"
#include "replay.h"
#include "sql/base/memory.h"
#include "history.h"
#include "sql/store/writer.h"

/* Going back, and what there is at the moment: what a block on single cores counts for depends on the others. */
struct going_back {
	struct catalog catalog;
	struct replay *replay;
	struct level *levels; /* per series */
};

static void start_with(const struct replay_block *block, void *context)
{
	struct going_back *going = context;
	const struct catalog_origin *origin = &going->catalog.origins[block->origin];

	level_change(&going->levels[origin->series], origin, block->size_bytes, block->bank_bytes, 1);
}

/* Takes EVENT, which is about to be undone, back, and says what it changed. */
static struct usage_change change_of(struct going_back *going, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &going->catalog.origins[block->origin];
	struct level *level = &going->levels[origin->series];
	struct usage_change change = {
	    .at_ns = (uint64_t)event->at_ns,
	    .key = event->key,
	    .process = (uint32_t)going->catalog.processes[event->process].id,
	    .bytes = (int64_t)level->bytes,
	    .bank_bytes = (int64_t)level->bank_bytes,
	    .blocks = (int64_t)level->blocks,
	    .allocs = event->is_alloc,
	    .frees = !event->is_alloc && block->freed,
	};

	level_change(level, origin, block->size_bytes, block->bank_bytes, event->is_alloc ? -1 : 1);
	change.bytes -= (int64_t)level->bytes;
	change.bank_bytes -= (int64_t)level->bank_bytes;
	change.blocks -= (int64_t)level->blocks;
	return change;
}

/* What counts nothing moves no total when something else than a free ends it: that is no change. */
static bool is_change(const struct catalog *catalog, const struct replay_event *event)
{
	return event->is_alloc || event->block->freed || !catalog->origins[event->block->origin].aliased;
}

typedef bool change_call(void *context, uint32_t device, uint32_t region, const struct usage_change *change);

/* 1: it is done; 0: it was stopped; -1 with ERROR. */
static int go_back(struct going_back *going, uint64_t from_ns, change_call *each, void *context,
                   struct sql_error *error)
{
	const struct catalog *catalog = &going->catalog;
	struct replay_event event;
	int state;

	replay_each(going->replay, start_with, going);
	while ((state = replay_peek(going->replay, &event, error)) == 1 && (uint64_t)event.at_ns >= from_ns) {
		const struct catalog_series *series = &catalog->series[catalog->origins[event.block->origin].series];
		bool counts = is_change(catalog, &event);
		struct usage_change change = change_of(going, &event);

		if (counts && !each(context, (uint32_t)series->device, (uint32_t)series->region, &change))
			return 0;
		if (replay_undo(going->replay, error) < 0)
			return -1;
	}
	return state < 0 ? -1 : 1;
}

enum write_result writer_changes_backwards(struct writer *writer, uint64_t from_ns, change_call *each, void *context,
                                           struct sql_error *error)
{
	struct filter all = filter_all();
	struct going_back going = {.replay = NULL};
	enum write_result failed;
	int state = -1;

	struct recording *reader = writer_reader(writer);
	if (catalog_load(&going.catalog, reader, &all, false, error) == 0)
		going.replay = replay_open(reader, &going.catalog, error);
	if (going.replay) {
		going.levels = memory_zeroed((going.catalog.series_count + 1) * sizeof(*going.levels));
		state = go_back(&going, from_ns, each, context, error);
	}
	/* What the reader found wrong with the rows will not get better. */
	failed = state < 0 ? write_failed(writer, &(struct sql_error){{0}}) : WRITE_LATER;
	replay_close(going.replay);
	free(going.levels);
	catalog_clear(&going.catalog);
	return state > 0 ? WRITE_DONE : failed;
}
