/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.c - see figures.h. Blocks are read backwards, circular buffers forwards.
 */
#include "figures.h"

#include <stdlib.h>

#include "circular.h"
#include "sql/store/recording.h"
#include "replay.h"
#include "ttalloc.h"

struct computation {
	const struct catalog *catalog;
	struct figures *figures;
	const struct figures_watch *watch; /* NULL: nobody watches */
	bool window_began;                 /* going forwards */
};

static void keep_peak(struct figures *figures, struct place place)
{
	figures->peak_bytes = (int64_t)figures->level.bytes;
	figures->peak_blocks = (int64_t)figures->level.blocks;
	figures->peak = place;
}

static void keep_bank_peak(struct figures *figures, struct place place)
{
	figures->peak_bank_bytes = (int64_t)figures->level.bank_bytes;
	figures->bank_peak = place;
}

/* Going backwards, an earlier place of the same height is the better one. */
static void observe_backwards(struct figures *figures, struct place place)
{
	if (!figures->any || (int64_t)figures->level.bytes >= figures->peak_bytes)
		keep_peak(figures, place);
	if (!figures->any || (int64_t)figures->level.bank_bytes >= figures->peak_bank_bytes)
		keep_bank_peak(figures, place);
	figures->any = true;
}

static bool same_place(struct place a, struct place b)
{
	return a.at_ns == b.at_ns && a.process == b.process && a.key == b.key;
}

/* Going forwards, a later one has to be higher, unless it is still the same event. */
static void observe_forwards(struct figures *figures, struct place place)
{
	int64_t bytes = (int64_t)figures->level.bytes, bank_bytes = (int64_t)figures->level.bank_bytes;

	if (!figures->any || bytes > figures->peak_bytes ||
	    (bytes == figures->peak_bytes && same_place(place, figures->peak)))
		keep_peak(figures, place);
	if (!figures->any || bank_bytes > figures->peak_bank_bytes)
		keep_bank_peak(figures, place);
	figures->any = true;
}

/* Takes in that there is BLOCK, whenever it was allocated. */
static void meet(struct figures *figures, const struct catalog_origin *origin, const struct replay_block *block)
{
	int64_t bank_bytes = origin->aliased ? 0 : block->bank_bytes;

	figures->chosen = true;
	if (bank_bytes > figures->largest_bank_bytes)
		figures->largest_bank_bytes = bank_bytes;
}

static void count_alloc(struct figures *figures, const struct catalog_origin *origin, int64_t size_bytes)
{
	figures->allocs++;
	if (!origin->aliased)
		figures->allocated_bytes = (int64_t)((uint64_t)figures->allocated_bytes + (uint64_t)size_bytes);
}

static void add_live(struct figures *figures, const struct catalog_origin *origin, const struct replay_block *block)
{
	level_change(&figures->end, origin, block->size_bytes, block->bank_bytes, 1);
	figures->live_bytes = (int64_t)figures->end.bytes;
	figures->live_bank_bytes = (int64_t)figures->end.bank_bytes;
	figures->live_blocks = (int64_t)figures->end.blocks;
}

/* ---- Blocks, backwards ---- */

static void start_with(const struct replay_block *block, void *context)
{
	struct computation *computation = context;
	const struct catalog_origin *origin = &computation->catalog->origins[block->origin];
	struct figures *figures = &computation->figures[origin->series];

	level_change(&figures->level, origin, block->size_bytes, block->bank_bytes, 1);
	if (block->alloc_ns <= computation->catalog->filter.end_ns)
		add_live(figures, origin, block);
	if (computation->watch)
		computation->watch->live(block, computation->watch->context);
}

/* Takes in what is about to be undone. */
static void take_event(struct computation *computation, const struct replay_event *event)
{
	const struct filter *filter = &computation->catalog->filter;
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &computation->catalog->origins[block->origin];
	struct figures *figures = &computation->figures[origin->series];

	if (event->at_ns <= filter->end_ns) {
		observe_backwards(figures, (struct place){event->at_ns, event->process, event->key});
		figures->changes++;
	}
	if (event->is_alloc && event->at_ns <= filter->end_ns) {
		meet(figures, origin, block);
		count_alloc(figures, origin, block->size_bytes);
	} else if (!event->is_alloc && block->alloc_ns <= filter->end_ns) {
		figures->frees += event->at_ns <= filter->end_ns && block->freed;
		if (event->key == REPLAY_PROCESS_END)
			add_live(figures, origin, block);
	}
	level_change(&figures->level, origin, block->size_bytes, block->bank_bytes, event->is_alloc ? -1 : 1);
}

/* What is still live when the window begins was allocated before it. */
static void end_with(const struct replay_block *block, void *context)
{
	struct computation *computation = context;
	const struct catalog_origin *origin = &computation->catalog->origins[block->origin];
	struct figures *figures = &computation->figures[origin->series];

	meet(figures, origin, block);
	observe_backwards(figures, (struct place){computation->catalog->filter.start_ns, -1, -1});
}

static int compute_blocks(struct recording *recording, struct computation *computation, int64_t stop_ns,
                          struct sql_error *error)
{
	struct replay *replay = replay_open(recording, computation->catalog, error);
	struct replay_event event;
	int state = -1;

	if (!replay)
		return -1;
	replay_each(replay, start_with, computation);
	while ((state = replay_peek(replay, &event, error)) == 1 && event.at_ns >= stop_ns) {
		take_event(computation, &event);
		if (computation->watch)
			computation->watch->event(&event, computation->watch->context);
		if (replay_undo(replay, error) < 0) {
			state = -1;
			break;
		}
	}
	if (state == 1 && stop_ns == computation->catalog->filter.start_ns)
		replay_each(replay, end_with, computation);
	replay_close(replay);
	return state < 0 ? -1 : 0;
}

/* ---- Circular buffers, forwards ---- */

static void begin_window(struct computation *computation)
{
	for (size_t i = 0; i < computation->catalog->series_count; i++) {
		struct figures *figures = &computation->figures[i];

		if (computation->catalog->series[i].region == TTALLOC_CB && figures->before)
			observe_forwards(figures, (struct place){computation->catalog->filter.start_ns, -1, -1});
	}
	computation->window_began = true;
}

static void change_circular(struct computation *computation, const struct circular_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &computation->catalog->origins[block->origin];
	struct figures *figures = &computation->figures[origin->series];
	int sign = event->kind == CIRCULAR_RESIDENT ? 1 : -1;

	level_change(&figures->level, origin, block->size_bytes, block->bank_bytes, sign);
	if (event->key == REPLAY_PROCESS_END)
		add_live(figures, origin, block);
	if (!computation->window_began) {
		figures->before = true;
	} else if (event->at_ns <= computation->catalog->filter.end_ns) {
		figures->changes++;
		observe_forwards(figures, (struct place){event->at_ns, event->process, event->key});
	}
}

/* A circular buffer that never takes its place still makes its region one that has a peak, of 0 bytes. */
static void see_made(struct computation *computation, const struct circular_event *event, struct figures *figures)
{
	if (!computation->window_began)
		figures->before = true;
	else if (event->at_ns <= computation->catalog->filter.end_ns)
		observe_forwards(figures, (struct place){event->at_ns, event->process, event->key});
}

static void take_life(struct computation *computation, const struct circular_event *event)
{
	const struct filter *filter = &computation->catalog->filter;
	const struct catalog_origin *origin = &computation->catalog->origins[event->block->origin];
	struct figures *figures = &computation->figures[origin->series];
	bool inside = event->at_ns >= filter->start_ns && event->at_ns <= filter->end_ns;

	meet(figures, origin, event->block);
	if (event->kind == CIRCULAR_ALLOC)
		see_made(computation, event, figures);
	if (inside && event->kind == CIRCULAR_ALLOC)
		count_alloc(figures, origin, circular_size(event->block));
	else if (inside)
		figures->frees += event->block->freed;
}

static bool take_circular(const struct circular_event *event, void *context)
{
	struct computation *computation = context;

	if (computation->watch)
		computation->watch->circular(event, computation->watch->context);
	if (event->at_ns >= computation->catalog->filter.start_ns && !computation->window_began)
		begin_window(computation);
	if (event->kind == CIRCULAR_OVER)
		return true;
	if (event->kind == CIRCULAR_ALLOC || event->kind == CIRCULAR_END)
		take_life(computation, event);
	else
		change_circular(computation, event);
	return true;
}

static int compute_circular(struct recording *recording, struct computation *computation, struct sql_error *error)
{
	if (circular_replay(recording, computation->catalog, take_circular, computation, error) < 0)
		return -1;
	for (size_t i = 0; i < computation->catalog->series_count; i++) {
		struct figures *figures = &computation->figures[i];

		if (computation->catalog->series[i].region != TTALLOC_CB)
			continue;
		/* what is resident now */
		figures->live_bytes = (int64_t)((uint64_t)figures->live_bytes + figures->level.bytes);
		figures->live_bank_bytes = (int64_t)((uint64_t)figures->live_bank_bytes + figures->level.bank_bytes);
		figures->live_blocks += (int64_t)figures->level.blocks;
	}
	return 0;
}

static int compute(struct recording *recording, struct computation *computation, int64_t stop_ns,
                   struct sql_error *error)
{
	if (compute_blocks(recording, computation, stop_ns, error) < 0)
		return -1;
	return compute_circular(recording, computation, error);
}

int figures_compute(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                    int64_t stop_ns, struct sql_error *error)
{
	struct computation computation = {.catalog = catalog, .figures = figures};

	return compute(recording, &computation, stop_ns, error);
}

int figures_watched(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                    const struct figures_watch *watch, struct sql_error *error)
{
	struct computation computation = {.catalog = catalog, .figures = figures, .watch = watch};

	return compute(recording, &computation, INT64_MIN, error);
}
