/* SPDX-License-Identifier: Apache-2.0
 *
 * peaks.c - peaks(), peak_blocks() and live_blocks(): the most that was live at once, and what that was. Without
 * filters, peaks are looked up in the spans that the recorder keeps, and only what came out of order since is replayed.
 */
#include <stdlib.h>

#include "sql/replay/circular.h"
#include "sql/base/error.h"
#include "sql/replay/figures.h"
#include "peaks.h"
#include "sql/store/recording.h"
#include "sql/replay/replay.h"
#include "sql/replay/spans.h"
#include "sql/answers/table_function.h"
#include "ttalloc.h"

/* ---- peaks() ---- */

static int add_peak(struct table_call *call, const struct catalog_series *series, const struct figures *figures)
{
	int64_t cells[] = {series->device,       series->region,           figures->peak_bytes,     figures->peak.at_ns,
	                   figures->peak_blocks, figures->peak_bank_bytes, figures->bank_peak.at_ns};

	return figures->any ? table_add(call->table, cells, call->error) : 0;
}

int peaks_find(struct table_call *call, struct catalog *catalog, struct figures **figures)
{
	if (catalog_load(catalog, call->recording, &call->filter, false, call->error) < 0)
		return -1;
	*figures = calloc(catalog->series_count + 1, sizeof(**figures));
	if (!*figures)
		return sql_fail(call->error, "out of memory");
	if (filter_is_all(&call->filter))
		return spans_figures(call->recording, catalog, *figures, call->error);
	return figures_compute(call->recording, catalog, *figures, call->filter.start_ns, call->error);
}

/* All that the spans know, when that is all there is to know. 1: it was; 0: it is not; -1 with ERROR. */
static int fill_from_spans(struct table_call *call)
{
	struct spans spans = {0};
	int result = filter_is_all(&call->filter) ? spans_load(&spans, call->recording, call->error) : 0;

	if (result == 0 && spans.dirty_ns == INT64_MAX && filter_is_all(&call->filter))
		result = 1;
	for (size_t i = 0; result == 1 && i < spans.count; i++)
		if (add_peak(call, &spans.list[i].series, &spans.list[i].figures) < 0)
			result = -1;
	spans_clear(&spans);
	return result;
}

static int fill_peaks(struct table_call *call)
{
	struct catalog catalog = {0};
	struct figures *figures = NULL;
	int result = fill_from_spans(call);

	if (result != 0)
		return result < 0 ? -1 : 0;
	result = peaks_find(call, &catalog, &figures);
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++)
		result = add_peak(call, &catalog.series[i], &figures[i]);
	free(figures);
	catalog_clear(&catalog);
	return result;
}

/* ---- peak_blocks() and live_blocks(): what was live at a place ---- */

struct snapshot {
	struct table_call *call;
	const struct catalog *catalog;
	struct place *places; /* per series: what was live after what happened there */
	bool *taken;          /* per series */
	size_t open;          /* series that are not taken */
	uint32_t series;      /* being taken */
	int result;
};

static void add_block(const struct replay_block *block, void *context)
{
	struct snapshot *snapshot = context;
	const struct catalog_origin *origin = &snapshot->catalog->origins[block->origin];
	const struct catalog_series *series = &snapshot->catalog->series[origin->series];
	int64_t cells[] = {series->device, series->region,    block->alloc_key,  block->origin,
	                   block->address, block->size_bytes, block->bank_bytes, block->alloc_ns};

	if (origin->series == snapshot->series && snapshot->result == 0)
		snapshot->result = table_add(snapshot->call->table, cells, snapshot->call->error);
}

static void mark_taken(struct snapshot *snapshot, uint32_t series)
{
	snapshot->series = series;
	snapshot->taken[series] = true;
	snapshot->open--;
}

static bool is_circular(const struct snapshot *snapshot, uint32_t series)
{
	return snapshot->catalog->series[series].region == TTALLOC_CB;
}

/* Of the series that are not taken, those of circular buffers aside, the one whose place is the latest. */
static uint32_t latest_open(const struct snapshot *snapshot)
{
	uint32_t latest = UINT32_MAX;

	for (uint32_t i = 0; i < snapshot->catalog->series_count; i++)
		if (!snapshot->taken[i] && !is_circular(snapshot, i) &&
		    (latest == UINT32_MAX || place_is_before(snapshot->places[latest], snapshot->places[i])))
			latest = i;
	return latest;
}

static int take_blocks(struct snapshot *snapshot)
{
	struct table_call *call = snapshot->call;
	struct replay *replay = replay_open(call->recording, snapshot->catalog, call->error);
	struct replay_event event;
	int state = replay ? 1 : -1;
	uint32_t next = latest_open(snapshot);

	while (state == 1 && snapshot->open > 0 && (state = replay_peek(replay, &event, call->error)) == 1) {
		struct place place = {event.at_ns, event.process, event.key};

		/* what did not happen later than the place stays */
		while (snapshot->open > 0 && !place_is_before(snapshot->places[next], place)) {
			mark_taken(snapshot, next);
			replay_each(replay, add_block, snapshot);
			next = latest_open(snapshot);
		}
		if (snapshot->open > 0 && replay_undo(replay, call->error) < 0)
			state = -1;
	}
	replay_close(replay);
	return state < 0 ? -1 : 0;
}

static bool take_circular(const struct circular_event *event, void *context)
{
	struct snapshot *snapshot = context;
	struct place place = {event->at_ns, event->process, event->key};

	for (uint32_t i = 0; i < snapshot->catalog->series_count; i++) {
		if (snapshot->taken[i] || !is_circular(snapshot, i))
			continue;
		if (event->kind == CIRCULAR_OVER || place_is_before(snapshot->places[i], place)) {
			mark_taken(snapshot, i);
			circular_each(event->circular, add_block, snapshot);
		}
	}
	return snapshot->open > 0;
}

/* Adds the blocks of every series that were live at its place. Series without one are taken already. */
static int take_snapshot(struct table_call *call, const struct catalog *catalog, struct place *places, bool *taken)
{
	struct snapshot snapshot = {.call = call, .catalog = catalog, .places = places, .taken = taken};

	for (uint32_t i = 0; i < catalog->series_count; i++)
		snapshot.open += !taken[i] && is_circular(&snapshot, i);
	if (snapshot.open > 0 && circular_replay(call->recording, catalog, take_circular, &snapshot, call->error) < 0)
		return -1;
	snapshot.open = 0;
	for (uint32_t i = 0; i < catalog->series_count; i++)
		snapshot.open += !taken[i] && !is_circular(&snapshot, i);
	if (snapshot.open > 0 && take_blocks(&snapshot) < 0)
		return -1;
	return snapshot.result;
}

static int fill_peak_blocks(struct table_call *call)
{
	struct catalog catalog = {0};
	struct figures *figures = NULL;
	struct place *places = NULL;
	bool *taken = NULL;
	int result = peaks_find(call, &catalog, &figures);

	if (result == 0) {
		places = calloc(catalog.series_count + 1, sizeof(*places));
		taken = calloc(catalog.series_count + 1, sizeof(*taken));
		if (!places || !taken)
			result = sql_fail(call->error, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++) {
		places[i] = figures[i].peak;
		taken[i] = !figures[i].any;
	}
	if (result == 0)
		result = take_snapshot(call, &catalog, places, taken);
	free(places);
	free(taken);
	free(figures);
	catalog_clear(&catalog);
	return result;
}

static int fill_live_blocks(struct table_call *call)
{
	struct catalog catalog = {0};
	struct place *places = NULL;
	bool *taken = NULL;
	int result = catalog_load(&catalog, call->recording, &call->filter, false, call->error);

	if (result == 0) {
		places = calloc(catalog.series_count + 1, sizeof(*places));
		taken = calloc(catalog.series_count + 1, sizeof(*taken));
		if (!places || !taken)
			result = sql_fail(call->error, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++)
		places[i] = (struct place){table_number(call, 0, INT64_MAX), INT64_MAX, INT64_MAX};
	if (result == 0)
		result = take_snapshot(call, &catalog, places, taken);
	free(places);
	free(taken);
	catalog_clear(&catalog);
	return result;
}

const struct table_function table_peaks = {
    .name = "peaks",
    .columns = "device, region, peak_bytes, peak_ns, peak_blocks, peak_bank_bytes, peak_bank_ns",
    .fill = fill_peaks,
};

const struct table_function table_peak_blocks = {
    .name = "peak_blocks",
    .columns = "device, region, key, origin, address, size_bytes, bank_bytes, alloc_ns",
    .fill = fill_peak_blocks,
};

const struct table_function table_live_blocks = {
    .name = "live_blocks",
    .columns = "device, region, key, origin, address, size_bytes, bank_bytes, alloc_ns",
    .arguments = {"at_ns"},
    .fill = fill_live_blocks,
};
