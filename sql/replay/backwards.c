/* SPDX-License-Identifier: Apache-2.0
 *
 * backwards.c - the changes that blocks made, read back from the last to the first.
 */
#include "replay.h"
#include "history.h"
#include "sql/store/write_private.h"

static struct usage_change change_of(const struct catalog *catalog, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	bool aliased = catalog->origins[block->origin].aliased;
	int64_t sign = event->is_alloc ? 1 : -1;

	return (struct usage_change){
	    .at_ns = (uint64_t)event->at_ns,
	    .key = event->key,
	    .process = (uint32_t)catalog->processes[event->process].id,
	    .bytes = aliased ? 0 : sign * block->size_bytes,
	    .bank_bytes = aliased ? 0 : sign * block->bank_bytes,
	    .blocks = aliased ? 0 : sign,
	    .allocs = event->is_alloc,
	    .frees = !event->is_alloc && block->freed,
	};
}

/* What counts nothing moves no total when something else than a free ends it: that is no change. */
static bool is_change(const struct catalog *catalog, const struct replay_event *event)
{
	return event->is_alloc || event->block->freed || !catalog->origins[event->block->origin].aliased;
}

typedef bool change_call(void *context, uint32_t device, uint32_t region, const struct usage_change *change);

/* 1: it is done; 0: it was stopped; -1 with ERROR. */
static int go_back(struct replay *replay, const struct catalog *catalog, uint64_t from_ns, change_call *each,
                   void *context, struct sql_error *error)
{
	struct replay_event event;
	int state;

	while ((state = replay_peek(replay, &event, error)) == 1 && (uint64_t)event.at_ns >= from_ns) {
		const struct catalog_series *series = &catalog->series[catalog->origins[event.block->origin].series];
		struct usage_change change = change_of(catalog, &event);

		if (is_change(catalog, &event) &&
		    !each(context, (uint32_t)series->device, (uint32_t)series->region, &change))
			return 0;
		if (replay_undo(replay, error) < 0)
			return -1;
	}
	return state < 0 ? -1 : 1;
}

enum write_result writer_changes_backwards(struct writer *writer, uint64_t from_ns, change_call *each, void *context,
                                           struct sql_error *error)
{
	struct filter all = filter_all();
	struct catalog catalog = {0};
	struct replay *replay = NULL;
	enum write_result failed;
	int state = -1;

	struct recording *reader = writer_reader(writer);
	if (catalog_load(&catalog, reader, &all, false, error) == 0)
		replay = replay_open(reader, &catalog, error);
	if (replay)
		state = go_back(replay, &catalog, from_ns, each, context, error);
	/* What the reader found wrong with the rows will not get better. */
	failed = state < 0 ? write_failed(writer, &(struct sql_error){{0}}) : WRITE_LATER;
	replay_close(replay);
	catalog_clear(&catalog);
	return state > 0 ? WRITE_DONE : failed;
}
