/* SPDX-License-Identifier: Apache-2.0
 *
 * drawing.c - see drawing.h.
 */
#include "drawing.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "sql/base/error.h"
#include "sql/replay/circular.h"
#include "sql/replay/replay.h"
#include "sql/replay/spans.h"
#include "sql/store/recording.h"
#include "ttalloc.h"

#define BUCKETS_MAX 100000
#define BLOCKS_MAX 1000000
/* Of one series; the last ones. */
#define FAILURES_MAX 8

/* Moments of one series that matter: a block that was live then is kept. */
struct moments {
	int64_t at_ns[1 + FAILURES_MAX];
	size_t count;
};

struct pass {
	struct recording *recording;
	struct drawing *drawing;
	struct groups *groups;
	struct moments *moments; /* per series */
	double parts_per_ns;
	struct sql_error *error;
	int result;
};

static int no_memory(struct pass *pass)
{
	return sql_fail(pass->error,
	                "%s: too much to draw for the memory that there is: fewer --buckets, or another --by",
	                pass->recording->path);
}

/* ---- What is drawn already ---- */

static void drawing_free(void *kept)
{
	struct drawing *drawing = kept;

	for (size_t i = 0; drawing->kept && i < drawing->catalog.series_count; i++)
		keep_free(drawing->kept[i]);
	for (size_t i = 0; drawing->rasters && i < drawing->catalog.series_count; i++)
		raster_clear(&drawing->rasters[i]);
	free(drawing->kept);
	free(drawing->rasters);
	levels_clear(&drawing->levels);
	catalog_clear(&drawing->catalog);
	free(drawing);
}

const struct grouping *drawing_grouping(const struct drawing *drawing, const char *by)
{
	for (size_t i = 0; i < drawing->levels.grouping_count; i++)
		if (strcmp(drawing->levels.groupings[i].by, by) == 0)
			return &drawing->levels.groupings[i];
	return NULL;
}

bool drawing_chooses(const struct drawing *drawing, uint32_t series, const struct filter *filter)
{
	const struct catalog_series *at = &drawing->catalog.series[series];

	return drawing->levels.lines[series].chosen && (!filter->has_device || at->device == filter->device) &&
	       (!filter->has_region || at->region == filter->region);
}

static bool wants_blocks(const struct filter *filter)
{
	return !filter->has_region || filter->region != TTALLOC_CB;
}

static bool wants_circular(const struct filter *filter)
{
	return !filter->has_region || filter->region == TTALLOC_CB;
}

/* Whether a drawing under HAS shows all that one under WANTS would. */
static bool filter_covers(const struct filter *has, const struct filter *wants)
{
	bool device = !has->has_device || (wants->has_device && wants->device == has->device);
	bool region = !has->has_region || (wants->has_region && wants->region == has->region);

	return device && region && !has->has_pid && !wants->has_pid && !has->has_steps && !wants->has_steps &&
	       !has->label && !wants->label && !has->op && !wants->op && has->start_ns == wants->start_ns &&
	       has->end_ns == wants->end_ns;
}

static bool has_words(const struct drawing *drawing, const char *by)
{
	char *words = strdup(by ? by : ""), *rest = words;
	bool all = words;

	for (char *word; all && (word = strsep(&rest, ",")) && word[0] != '\0';)
		all = drawing_grouping(drawing, word);
	free(words);
	return all;
}

static bool is_enough(const struct drawing *drawing, const struct filter *filter, const struct drawing_wish *wish)
{
	return filter_covers(&drawing->catalog.filter, filter) && drawing->levels.buckets.count == wish->buckets &&
	       (wish->blocks == 0 || wish->blocks == drawing->blocks) && has_words(drawing, wish->by) &&
	       (!wants_blocks(filter) || drawing->with_blocks) && (!wants_circular(filter) || drawing->with_circular);
}

/* ---- Moments that matter ---- */

static const char failures_sql[] = "SELECT origin, at_ns FROM main.failure_info ORDER BY at_ns DESC LIMIT 1000";

static int add_failures(struct pass *pass)
{
	sqlite3_stmt *rows = recording_prepare(pass->recording, failures_sql, pass->error);
	int state = -1;

	while (rows && (state = recording_step(pass->recording, rows, pass->error)) == 1) {
		const struct catalog_origin *origin =
		    catalog_origin(&pass->drawing->catalog, sqlite3_column_int64(rows, 0));
		struct moments *moments = origin ? &pass->moments[origin->series] : NULL;

		if (moments && moments->count < FAILURES_MAX)
			moments->at_ns[moments->count++] = sqlite3_column_int64(rows, 1);
	}
	sqlite3_finalize(rows);
	return state;
}

/* Of all blocks, the recorder keeps the peaks ready. */
static int add_peaks(struct pass *pass)
{
	const struct catalog *catalog = &pass->drawing->catalog;
	const struct filter *filter = &catalog->filter;
	struct figures *figures;
	int result = 0;

	if (filter->has_pid || filter->has_steps || filter->op || filter->label)
		return 0;
	figures = calloc(catalog->series_count + 1, sizeof(*figures));
	if (!figures)
		return no_memory(pass);
	result = spans_figures(pass->recording, catalog, figures, pass->error);
	for (size_t i = 0; result == 0 && i < catalog->series_count; i++)
		if (figures[i].any)
			pass->moments[i].at_ns[pass->moments[i].count++] = figures[i].peak.at_ns;
	free(figures);
	return result;
}

static bool mattered(const struct moments *moments, const struct kept_block *block)
{
	for (size_t i = 0; i < moments->count; i++)
		if (block->alloc_ns <= moments->at_ns[i] && moments->at_ns[i] < block->end_ns)
			return true;
	return false;
}

/* ---- Blocks ---- */

static int keep(struct pass *pass, uint32_t series, const struct kept_block *block)
{
	const struct buckets *buckets = &pass->drawing->levels.buckets;
	bool before = block->alloc_ns < buckets->start_ns;
	bool behind = block->end_ns > buckets->end_ns;

	if (block->alloc_ns > buckets->end_ns || block->end_ns < buckets->start_ns)
		return 0;
	pass->drawing->levels.lines[series].chosen = true;
	if (!pass->drawing->kept)
		return 0;
	int64_t from_ns = before ? buckets->start_ns : block->alloc_ns;
	int64_t to_ns = behind ? buckets->end_ns : block->end_ns;
	int64_t part = before ? -1 : (int64_t)((double)(from_ns - buckets->start_ns) * pass->parts_per_ns);
	if (part >= buckets->count)
		part = buckets->count - 1;
	double area = ((double)to_ns - (double)from_ns + 1) * (double)block->bank_bytes;
	if (raster_add(&pass->drawing->rasters[series], (uint64_t)block->address, (uint64_t)block->bank_bytes, from_ns,
	               to_ns) < 0)
		return -1;
	return keep_block(pass->drawing->kept[series], block, area, part, mattered(&pass->moments[series], block));
}

static int keep_replayed(struct pass *pass, const struct replay_block *block, int64_t end_ns)
{
	const struct kept_block kept = {.key = block->alloc_key,
	                                .alloc_ns = block->alloc_ns,
	                                .end_ns = end_ns,
	                                .address = block->address,
	                                .size_bytes = block->size_bytes,
	                                .bank_bytes = block->bank_bytes,
	                                .origin = block->origin,
	                                .freed = block->freed};

	return keep(pass, pass->drawing->catalog.origins[block->origin].series, &kept);
}

static void start_with(const struct replay_block *block, void *context)
{
	struct pass *pass = context;
	const struct catalog_origin *origin = &pass->drawing->catalog.origins[block->origin];

	if (pass->result < 0)
		return;
	pass->result = keep_replayed(pass, block, INT64_MAX);
	if (origin->aliased || pass->result < 0)
		return;
	uint32_t groups[GROUPINGS_MAX];
	pass->result = groups_find(pass->groups, block->origin, block->alloc_key, block->size_bytes, groups);
	if (pass->result == 0)
		levels_begin_with(&pass->drawing->levels, origin->series, groups, block->size_bytes);
}

static int undo(struct pass *pass, struct replay *replay, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &pass->drawing->catalog.origins[block->origin];
	int64_t bytes = event->is_alloc ? block->size_bytes : -block->size_bytes;

	if (!event->is_alloc && keep_replayed(pass, block, event->at_ns) < 0)
		return no_memory(pass);
	if (!origin->aliased) {
		uint32_t groups[GROUPINGS_MAX];

		if (groups_find(pass->groups, block->origin, block->alloc_key, block->size_bytes, groups) < 0)
			return -1;
		if (levels_undo(&pass->drawing->levels, origin->series, groups, event->at_ns, bytes) < 0)
			return no_memory(pass);
	}
	return replay_undo(replay, pass->error);
}

static int draw_blocks(struct pass *pass)
{
	struct drawing *drawing = pass->drawing;
	struct replay *replay = replay_open(pass->recording, &drawing->catalog, pass->error);
	struct replay_event event;
	int state = replay ? 1 : -1;

	if (replay)
		replay_each(replay, start_with, pass);
	if (pass->result < 0)
		state = no_memory(pass);
	while (state == 1 && (state = replay_peek(replay, &event, pass->error)) == 1 &&
	       event.at_ns >= drawing->levels.buckets.start_ns)
		if (undo(pass, replay, &event) < 0)
			state = -1;
	replay_close(replay);
	for (uint32_t i = 0; state >= 0 && i < drawing->catalog.series_count; i++)
		if (drawing->catalog.series[i].region != TTALLOC_CB && levels_finish(&drawing->levels, i, true) < 0)
			state = no_memory(pass);
	drawing->with_blocks = true;
	return state < 0 ? -1 : 0;
}

/* ---- Circular buffers ---- */

/* It was in its place up to END_NS. */
static int keep_circular(struct pass *pass, const struct replay_block *block, int64_t end_ns)
{
	const struct kept_block kept = {.key = block->alloc_key,
	                                .alloc_ns = circular_since(block),
	                                .end_ns = end_ns,
	                                .address = block->address,
	                                .size_bytes = circular_size(block),
	                                .bank_bytes = circular_size(block),
	                                .origin = block->origin,
	                                .freed = true};

	return keep(pass, pass->drawing->catalog.origins[block->origin].series, &kept);
}

static void keep_resident(const struct replay_block *block, void *context)
{
	struct pass *pass = context;

	if (pass->result == 0)
		pass->result = keep_circular(pass, block, INT64_MAX);
}

static int draw_circular_event(struct pass *pass, const struct circular_event *event)
{
	const struct replay_block *block = event->block;

	if (event->kind == CIRCULAR_OVER)
		circular_each(event->circular, keep_resident, pass);
	if (event->kind != CIRCULAR_RESIDENT && event->kind != CIRCULAR_GONE)
		return pass->result;
	bool comes = event->kind == CIRCULAR_RESIDENT;
	const struct catalog_origin *origin = &pass->drawing->catalog.origins[block->origin];
	if (!comes && keep_circular(pass, block, event->at_ns) < 0)
		return -1;
	if (origin->aliased)
		return 0;
	uint32_t groups[GROUPINGS_MAX];
	if (groups_find(pass->groups, block->origin, block->alloc_key, block->size_bytes, groups) < 0)
		return -1;
	return levels_do(&pass->drawing->levels, origin->series, groups, event->at_ns,
	                 comes ? block->size_bytes : -block->size_bytes);
}

static bool take_circular(const struct circular_event *event, void *context)
{
	struct pass *pass = context;

	pass->result = draw_circular_event(pass, event);
	return pass->result == 0;
}

static int draw_circular(struct pass *pass)
{
	struct drawing *drawing = pass->drawing;

	if (circular_replay(pass->recording, &drawing->catalog, take_circular, pass, pass->error) < 0)
		return -1;
	for (uint32_t i = 0; pass->result == 0 && i < drawing->catalog.series_count; i++)
		if (drawing->catalog.series[i].region == TTALLOC_CB)
			pass->result = levels_finish(&drawing->levels, i, false);
	drawing->with_circular = true;
	return pass->result < 0 ? no_memory(pass) : 0;
}

/* ---- The drawing ---- */

static int set_window(struct pass *pass, const struct filter *filter, const struct drawing_wish *wish)
{
	struct buckets *buckets = &pass->drawing->levels.buckets;
	int64_t length_ns;

	if (wish->buckets < 1 || wish->buckets > BUCKETS_MAX)
		return sql_fail(pass->error, "buckets: from 1 to %d", BUCKETS_MAX);
	if (wish->blocks < 0 || wish->blocks > BLOCKS_MAX)
		return sql_fail(pass->error, "blocks: from 1 to %d", BLOCKS_MAX);
	if (recording_integer(pass->recording, "SELECT end_ns FROM main.recording_info", 0, &length_ns, pass->error) <
	    0)
		return -1;
	*buckets = (struct buckets){.count = wish->buckets,
	                            .start_ns = filter->start_ns == INT64_MIN ? 0 : filter->start_ns,
	                            .end_ns = filter->end_ns < length_ns ? filter->end_ns : length_ns};
	if (buckets->end_ns < buckets->start_ns)
		return sql_fail(pass->error, "the time window is empty: the recording ends before it starts");
	pass->parts_per_ns = (double)buckets->count / ((double)(buckets->end_ns - buckets->start_ns) + 1);
	return 0;
}

static int make_lines(struct pass *pass)
{
	struct drawing *drawing = pass->drawing;
	struct levels *levels = &drawing->levels;
	size_t count = drawing->catalog.series_count;

	levels->lines = calloc(count + 1, sizeof(*levels->lines));
	pass->moments = calloc(count + 1, sizeof(*pass->moments));
	if (drawing->blocks > 0) {
		drawing->kept = calloc(count + 1, sizeof(*drawing->kept));
		drawing->rasters = calloc(count + 1, sizeof(*drawing->rasters));
	}
	if (!levels->lines || !pass->moments || (drawing->blocks > 0 && (!drawing->kept || !drawing->rasters)))
		return no_memory(pass);
	levels->series_count = count;
	for (size_t i = 0; i < count; i++) {
		levels->lines[i].series = (uint32_t)i;
		levels->lines[i].marks = calloc((size_t)levels->buckets.count, sizeof(*levels->lines[i].marks));
		if (drawing->kept) {
			drawing->kept[i] = keep_new(drawing->blocks, levels->buckets.count);
			raster_open(&drawing->rasters[i], &levels->buckets);
		}
		if (!levels->lines[i].marks || (drawing->kept && !drawing->kept[i]))
			return no_memory(pass);
	}
	return 0;
}

static int draw(struct pass *pass, const struct filter *filter, const struct drawing_wish *wish)
{
	struct drawing *drawing = pass->drawing;
	struct filter able = *filter;

	drawing->blocks = wish->blocks;
	groups_need(wish->by, &able);
	if (set_window(pass, filter, wish) < 0 ||
	    catalog_load(&drawing->catalog, pass->recording, &able, false, pass->error) < 0 || make_lines(pass) < 0 ||
	    add_failures(pass) < 0 || add_peaks(pass) < 0)
		return -1;
	pass->groups = groups_open(pass->recording, &drawing->catalog, &drawing->levels, wish->by, pass->error);
	if (!pass->groups)
		return -1;
	if (wants_blocks(filter) && !wish->no_blocks && draw_blocks(pass) < 0)
		return -1;
	return wants_circular(filter) && !wish->no_circular ? draw_circular(pass) : 0;
}

const struct drawing *drawing_get(struct recording *recording, const struct filter *filter,
                                  const struct drawing_wish *wish, struct sql_error *error)
{
	struct pass pass = {.recording = recording, .error = error};
	const struct recording_kept *kept = &recording->kept;

	if (kept->free == drawing_free && is_enough(kept->what, filter, wish))
		return kept->what;
	pass.drawing = calloc(1, sizeof(*pass.drawing));
	if (!pass.drawing) {
		no_memory(&pass);
		return NULL;
	}
	int result = draw(&pass, filter, wish);
	groups_close(pass.groups);
	free(pass.moments);
	if (result < 0) {
		drawing_free(pass.drawing);
		return NULL;
	}
	/* texts of the filter are the caller's */
	if (pass.drawing->catalog.filter.label)
		pass.drawing->catalog.filter.label = "";
	if (pass.drawing->catalog.filter.op)
		pass.drawing->catalog.filter.op = "";
	recording_keep(recording, pass.drawing, drawing_free);
	return pass.drawing;
}
