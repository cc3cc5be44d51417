/* SPDX-License-Identifier: Apache-2.0
 *
 * banks.c - bank_samples() and failure_banks(): what was free in the banks, at chosen moments and when requests
 * failed. The state at a moment is that after all that happened at its nanosecond.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/replay/bank.h"
#include "sql/base/error.h"
#include "sql/replay/figures.h"
#include "sql/replay/layouts.h"
#include "sql/replay/owners.h"
#include "sql/store/recording.h"
#include "sql/replay/replay.h"
#include "sql/replay/spans.h"
#include "sql/answers/table_function.h"
#include "ttalloc.h"

#define SAMPLES_DEFAULT 100
#define SAMPLES_MAX 100000

/* A moment at which to look at a bank. */
struct moment {
	uint32_t series;
	int64_t at_ns, process, key; /* of a failure; a sample is taken after all that happened at its nanosecond */
	struct asker asker;          /* of a failure */
};

struct moments {
	struct moment *list;
	size_t count, capacity;
};

/* Evenly spread samples of one series: of its changes, counted from the last, those that begin another part. */
struct spread {
	int64_t changes, seen, taken;
	int64_t last_ns;   /* of the change before, on the way back */
	int64_t looked_ns; /* at which a row was made last */
	bool any;          /* there are rows for the series at all */
};

/* One of several that serve a device and do not know of each other's blocks. */
struct group {
	struct asker asker;
	const char *name;
};

/* A pass over the blocks that looks at banks on its way back. */
struct survey {
	struct table_call *call;
	struct catalog catalog;
	struct layouts layouts;
	struct owners owners;
	struct bank *banks;     /* per series */
	int64_t *request_bytes; /* per series: what free space is held against */
	struct spread *spreads; /* per series */
	int64_t samples;        /* of each series */
	bool at_failures;       /* moments are failures, each at its own place among events of the same nanosecond */
	struct moments moments; /* the latest first */
	const struct replay *replay;
	int (*add)(struct survey *survey, const struct moment *moment, const struct bank_figures *figures);
	bool *are_several;    /* per series: it has blocks of several groups, at some time */
	struct group *groups; /* of the moment */
	size_t group_count, group_capacity;
	const char *group; /* that figures are of; NULL: of all */
	uint32_t refilling;
	const struct asker *asker; /* of whom a bank is being filled; NULL: of all */
	struct bank own;           /* what it knows of */
	struct moment told;        /* the last one that is_shared() was asked about, and what it said */
	bool told_shared;
	int result;
};

static int no_memory(struct survey *survey)
{
	return sql_fail(survey->call->error, "out of memory");
}

static void survey_clear(struct survey *survey)
{
	for (size_t i = 0; survey->banks && i < survey->catalog.series_count; i++)
		bank_clear(&survey->banks[i]);
	free(survey->banks);
	free(survey->request_bytes);
	free(survey->spreads);
	free(survey->are_several);
	free(survey->groups);
	free(survey->moments.list);
	bank_clear(&survey->own);
	owners_clear(&survey->owners);
	layouts_clear(&survey->layouts);
	catalog_clear(&survey->catalog);
}

static int survey_open(struct survey *survey)
{
	struct table_call *call = survey->call;

	if (catalog_load(&survey->catalog, call->recording, &call->filter, false, call->error) < 0 ||
	    layouts_load(&survey->layouts, call->recording, call->error) < 0 ||
	    owners_load(&survey->owners, call->recording, call->error) < 0)
		return -1;
	size_t count = survey->catalog.series_count + 1;
	survey->banks = calloc(count, sizeof(*survey->banks));
	survey->request_bytes = calloc(count, sizeof(*survey->request_bytes));
	survey->spreads = calloc(count, sizeof(*survey->spreads));
	survey->are_several = calloc(count, sizeof(*survey->are_several));
	if (!survey->banks || !survey->request_bytes || !survey->spreads || !survey->are_several)
		return no_memory(survey);
	for (size_t i = 0; i < survey->catalog.series_count; i++)
		survey->spreads[i].last_ns = survey->spreads[i].looked_ns = INT64_MIN;
	return 0;
}

static int add_moment(struct survey *survey, struct moment moment)
{
	struct moments *moments = &survey->moments;

	if (array_reserve(&moments->list, &moments->capacity, moments->count) < 0)
		return no_memory(survey);
	moments->list[moments->count++] = moment;
	return 0;
}

static int latest_first(const void *a, const void *b)
{
	const struct moment *first = a, *second = b;

	if (first->at_ns != second->at_ns)
		return first->at_ns > second->at_ns ? -1 : 1;
	if (first->process != second->process)
		return first->process > second->process ? -1 : 1;
	return (first->key < second->key) - (first->key > second->key);
}

/* Whether EVENT is part of what MOMENT shows. */
static bool is_shown(const struct moment *moment, const struct replay_event *event)
{
	struct place place = {event->at_ns, event->process, event->key};

	return !place_is_before((struct place){moment->at_ns, moment->process, moment->key}, place);
}

/* ---- Looking ---- */

static void refill_block(const struct replay_block *block, void *context)
{
	struct survey *survey = context;
	const struct catalog_origin *origin = &survey->catalog.origins[block->origin];
	struct bank *bank = survey->asker ? &survey->own : &survey->banks[origin->series];

	if (origin->series != survey->refilling || origin->aliased ||
	    (survey->asker && !owners_know(&survey->owners, survey->asker, &survey->catalog, origin)))
		return;
	if (bank_refill_add(bank, (uint64_t)block->address, (uint64_t)block->bank_bytes) < 0)
		survey->result = no_memory(survey);
}

static bool has_unknown(const struct survey *survey, const struct moment *moment)
{
	for (size_t i = 0; moment->asker.allocator && i < survey->catalog.origin_count; i++) {
		const struct catalog_origin *origin = &survey->catalog.origins[i];

		if (origin->known && origin->series == moment->series &&
		    !owners_know(&survey->owners, &moment->asker, &survey->catalog, origin))
			return true;
	}
	return false;
}

/* Whether who asked does not know of all that lies in the bank. Failures of one allocator follow each other. */
static bool is_shared(struct survey *survey, const struct moment *moment)
{
	const struct moment *told = &survey->told;

	if (told->series != moment->series || told->asker.process != moment->asker.process ||
	    told->asker.allocator != moment->asker.allocator || !told->asker.allocator) {
		survey->told = *moment;
		survey->told_shared = has_unknown(survey, moment);
	}
	return survey->told_shared;
}

/* The bank of MOMENT's series, filled: of who asked, where others use it without its knowing. */
static struct bank *filled_bank(struct survey *survey, const struct moment *moment)
{
	bool is_own = survey->at_failures && is_shared(survey, moment);
	struct bank *bank = is_own ? &survey->own : &survey->banks[moment->series];

	if (!is_own && !bank->is_stale)
		return bank;
	survey->asker = is_own ? &moment->asker : NULL;
	survey->refilling = moment->series;
	bank_refill(bank);
	replay_each(survey->replay, refill_block, survey);
	return bank;
}

/* ---- Allocators that do not know of each other ---- */

/* The group of ORIGIN; without a name it is none, or that of all. */
static struct group group_of(const struct survey *survey, const struct catalog_origin *origin)
{
	int64_t device = survey->catalog.series[origin->series].device;

	return (struct group){.asker = {.process = survey->catalog.processes[origin->process].id,
	                                .device = device,
	                                .allocator = origin->allocator},
	                      .name = owners_name(&survey->owners, &survey->catalog, origin, device)};
}

static bool is_same_group(const struct group *a, const struct group *b)
{
	return a->asker.process == b->asker.process && strcmp(a->name, b->name) == 0;
}

static int find_several(struct survey *survey)
{
	struct group *first = calloc(survey->catalog.series_count + 1, sizeof(*first));

	if (!first)
		return no_memory(survey);
	for (size_t i = 0; i < survey->catalog.origin_count; i++) {
		const struct catalog_origin *origin = &survey->catalog.origins[i];
		struct group group = origin->known ? group_of(survey, origin) : (struct group){.name = NULL};

		if (!group.name)
			continue;
		if (!first[origin->series].name)
			first[origin->series] = group;
		survey->are_several[origin->series] |= !is_same_group(&first[origin->series], &group);
	}
	free(first);
	return 0;
}

static void take_group(const struct replay_block *block, void *context)
{
	struct survey *survey = context;
	const struct catalog_origin *origin = &survey->catalog.origins[block->origin];
	struct group group = {.name = NULL};

	if (origin->series == survey->refilling && !origin->aliased)
		group = group_of(survey, origin);
	for (size_t i = 0; group.name && i < survey->group_count; i++)
		if (is_same_group(&survey->groups[i], &group))
			return;
	if (!group.name)
		return;
	if (array_reserve(&survey->groups, &survey->group_capacity, survey->group_count) < 0)
		survey->result = no_memory(survey);
	else
		survey->groups[survey->group_count++] = group;
}

static int by_name(const void *a, const void *b)
{
	const struct group *first = a, *second = b;

	if (first->asker.process != second->asker.process)
		return first->asker.process < second->asker.process ? -1 : 1;
	return strcmp(first->name, second->name);
}

/* Those that have blocks at the moment; none, if it is not more than one. */
static void find_groups(struct survey *survey, uint32_t series)
{
	survey->group_count = 0;
	survey->refilling = series;
	if (!survey->at_failures && survey->are_several[series])
		replay_each(survey->replay, take_group, survey);
	if (survey->group_count < 2)
		survey->group_count = 0;
	else
		qsort(survey->groups, survey->group_count, sizeof(*survey->groups), by_name);
}

/* A row for each of them. */
static int look_at_groups(struct survey *survey, const struct moment *moment, const struct bank_layout *layout)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < survey->group_count; i++) {
		struct bank_figures figures;

		survey->group = survey->groups[i].name;
		survey->asker = &survey->groups[i].asker;
		bank_refill(&survey->own);
		replay_each(survey->replay, refill_block, survey);
		result =
		    survey->result < 0 || bank_measure(&survey->own, layout,
		                                       (uint64_t)survey->request_bytes[moment->series], &figures) < 0
		        ? no_memory(survey)
		        : survey->add(survey, moment, &figures);
	}
	survey->group = NULL;
	return result;
}

/* Samples show each moment once. */
static bool is_looked_at(struct survey *survey, const struct moment *moment)
{
	struct spread *spread = &survey->spreads[moment->series];
	bool is = !survey->at_failures && spread->looked_ns == moment->at_ns;

	spread->looked_ns = moment->at_ns;
	return is;
}

/* Looks at the bank as it is now. */
static int look(struct survey *survey, const struct moment *moment)
{
	const struct catalog_series *series = &survey->catalog.series[moment->series];
	const struct bank_layout *layout = layouts_at(&survey->layouts, series->device, series->region, moment->at_ns);
	uint64_t request_bytes = (uint64_t)survey->request_bytes[moment->series];
	struct bank_figures figures;
	struct bank *bank;

	if (is_looked_at(survey, moment))
		return 0;
	/* circular buffers lie in L1; their addresses are no bank of their own */
	if (!layout || series->region == TTALLOC_CB)
		return survey->add(survey, moment, NULL);
	find_groups(survey, moment->series);
	if (survey->group_count)
		return look_at_groups(survey, moment, layout);
	bank = filled_bank(survey, moment);
	if (survey->result < 0 || bank_measure(bank, layout, request_bytes, &figures) < 0)
		return no_memory(survey);
	return survey->add(survey, moment, &figures);
}

/* Looks at what is due before the change of SERIES at AT_NS is undone. */
static int look_at_spread(struct survey *survey, uint32_t series, int64_t at_ns)
{
	struct spread *spread = &survey->spreads[series];
	bool is_new = at_ns != spread->last_ns;

	spread->last_ns = at_ns;
	if (!spread->any || survey->samples == 0 || at_ns > survey->catalog.filter.end_ns ||
	    spread->taken == survey->samples)
		return 0;
	__extension__ __int128 due = (__int128)spread->taken * spread->changes / survey->samples;
	/* of several changes in one nanosecond only the last one shows what that moment left behind */
	if (spread->seen++ < (int64_t)due || !is_new)
		return 0;
	spread->taken++;
	return look(survey, &(struct moment){.series = series, .at_ns = at_ns});
}

static int undo(struct survey *survey, struct replay *replay, const struct replay_event *event)
{
	const struct replay_block *block = event->block;
	const struct catalog_origin *origin = &survey->catalog.origins[block->origin];
	struct bank *bank = &survey->banks[origin->series];

	if (look_at_spread(survey, origin->series, event->at_ns) < 0)
		return -1;
	if (!origin->aliased &&
	    bank_change(bank, (uint64_t)block->address, (uint64_t)block->bank_bytes, !event->is_alloc) < 0)
		return no_memory(survey);
	return replay_undo(replay, survey->call->error);
}

static int survey_blocks(struct survey *survey)
{
	struct table_call *call = survey->call;
	struct replay *replay = replay_open(call->recording, &survey->catalog, call->error);
	struct replay_event event;
	size_t next = 0;
	int state = replay ? 1 : -1;

	survey->replay = replay;
	for (size_t i = 0; i < survey->catalog.series_count; i++)
		survey->banks[i].is_stale = true; /* to be filled with what is live at the end */
	if (survey->moments.count > 1)
		qsort(survey->moments.list, survey->moments.count, sizeof(*survey->moments.list), latest_first);
	while (state == 1 && (state = replay_peek(replay, &event, call->error)) >= 0) {
		bool more = state == 1 && event.at_ns >= survey->catalog.filter.start_ns;

		while (state >= 0 && next < survey->moments.count &&
		       (!more || is_shown(&survey->moments.list[next], &event)))
			if (look(survey, &survey->moments.list[next++]) < 0)
				state = -1;
		if (!more)
			break;
		if (state == 1 && undo(survey, replay, &event) < 0)
			state = -1;
	}
	replay_close(replay);
	return state < 0 ? -1 : 0;
}

/* ---- failure_banks() ---- */

static int add_failure(struct survey *survey, const struct moment *moment, const struct bank_figures *figures)
{
	int64_t cells[] = {moment->key, figures ? figures->free_bytes : TABLE_NULL,
	                   figures ? figures->largest_free_bytes : TABLE_NULL};

	return table_add(survey->call->table, cells, survey->call->error);
}

/* The failures in the filter's window, device and region. */
static const char failures_sql[] =
    "SELECT f.key, f.at_ns, o.device, o.region, coalesce(f.bank_bytes, f.size_bytes), f.origin FROM main.failure_info "
    "f "
    "JOIN main.origin o ON o.id = f.origin "
    "WHERE (?1 IS NULL OR o.device = ?1) AND (?2 IS NULL OR o.region = ?2) AND f.at_ns BETWEEN ?3 AND ?4";

static int take_failure(struct survey *survey, sqlite3_stmt *row)
{
	const struct catalog_origin *origin = catalog_origin(&survey->catalog, sqlite3_column_int64(row, 5));
	struct moment moment = {.at_ns = sqlite3_column_int64(row, 1), .process = INT64_MAX, .key = INT64_MAX};
	int64_t bank_bytes = sqlite3_column_int64(row, 4);

	if (!origin)
		return 0;
	moment.series = origin->series;
	if (survey->at_failures) {
		moment.process = origin->process;
		moment.key = sqlite3_column_int64(row, 0);
		moment.asker = (struct asker){.process = survey->catalog.processes[origin->process].id,
		                              .device = sqlite3_column_int64(row, 2),
		                              .allocator = origin->allocator};
	}
	if (bank_bytes > survey->request_bytes[moment.series])
		survey->request_bytes[moment.series] = bank_bytes;
	return add_moment(survey, moment);
}

static int add_failures(struct survey *survey)
{
	struct table_call *call = survey->call;
	sqlite3_stmt *rows = recording_prepare(call->recording, failures_sql, call->error);
	int state = -1;

	if (!rows)
		return -1;
	if (call->filter.has_device)
		sqlite3_bind_int64(rows, 1, call->filter.device);
	if (call->filter.has_region)
		sqlite3_bind_int64(rows, 2, call->filter.region);
	sqlite3_bind_int64(rows, 3, call->filter.start_ns);
	sqlite3_bind_int64(rows, 4, call->filter.end_ns);
	while ((state = recording_step(call->recording, rows, call->error)) == 1) {
		if (take_failure(survey, rows) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

static int fill_failure_banks(struct table_call *call)
{
	struct survey survey = {.call = call, .add = add_failure, .at_failures = true};
	int result = -1;

	/* what is free depends on all blocks, not on those that some filter chooses */
	call->filter.at_failures = true;
	call->filter.has_pid = call->filter.has_steps = false;
	call->filter.label = call->filter.op = NULL;
	if (survey_open(&survey) == 0 && add_failures(&survey) == 0)
		result = survey.moments.count ? survey_blocks(&survey) : 0;
	survey_clear(&survey);
	return result;
}

/* ---- bank_samples() ---- */

static int add_sample(struct survey *survey, const struct moment *moment, const struct bank_figures *figures)
{
	const struct catalog_series *series = &survey->catalog.series[moment->series];
	struct table_call *call = survey->call;
	int64_t allocator = survey->group ? table_text(call->table, survey->group, call->error) : TABLE_NULL;
	int64_t cells[] = {series->device,
	                   series->region,
	                   moment->at_ns,
	                   figures ? figures->used_bytes : TABLE_NULL,
	                   figures ? figures->free_bytes : TABLE_NULL,
	                   figures ? figures->largest_free_bytes : TABLE_NULL,
	                   figures ? figures->free_blocks : TABLE_NULL,
	                   figures ? figures->fitting_bytes : TABLE_NULL,
	                   allocator};

	if (survey->group && allocator < 0)
		return -1;
	return table_add(call->table, cells, call->error);
}

static struct moment after(uint32_t series, int64_t at_ns)
{
	return (struct moment){.series = series, .at_ns = at_ns, .process = INT64_MAX, .key = INT64_MAX};
}

/* The moments of a series beside the spread ones, and what the spread needs to know. */
static int take_figures(struct survey *survey, uint32_t series, const struct figures *figures, int64_t end_ns)
{
	survey->spreads[series].changes = figures->changes;
	if (figures->largest_bank_bytes > survey->request_bytes[series])
		survey->request_bytes[series] = figures->largest_bank_bytes;
	survey->spreads[series].any = figures->any;
	if (!figures->any)
		return 0;
	if (add_moment(survey, after(series, figures->bank_peak.at_ns)) < 0)
		return -1;
	return add_moment(survey, after(series, end_ns));
}

static int add_figures(struct survey *survey)
{
	struct table_call *call = survey->call;
	struct figures *figures = calloc(survey->catalog.series_count + 1, sizeof(*figures));
	int64_t end_ns = 0;
	int result = -1;

	if (!figures)
		return no_memory(survey);
	if (recording_integer(call->recording, "SELECT end_ns FROM main.recording_info", 0, &end_ns, call->error) == 0)
		result = filter_is_all(&call->filter)
		             ? spans_quick_figures(call->recording, &survey->catalog, figures, call->error)
		             : figures_compute(call->recording, &survey->catalog, figures, call->filter.start_ns,
		                               call->error);
	if (call->filter.end_ns < end_ns)
		end_ns = call->filter.end_ns;
	for (uint32_t i = 0; result == 0 && i < survey->catalog.series_count; i++)
		if (survey->catalog.series[i].region != TTALLOC_HOST)
			result = take_figures(survey, i, &figures[i], end_ns);
	free(figures);
	return result;
}

/* Failures where nothing was ever allocated have no samples; those of HOST neither, which has no banks. */
static void drop_empty(struct survey *survey)
{
	size_t kept = 0;

	for (size_t i = 0; i < survey->moments.count; i++)
		if (survey->spreads[survey->moments.list[i].series].any)
			survey->moments.list[kept++] = survey->moments.list[i];
	survey->moments.count = kept;
}

static int fill_bank_samples(struct table_call *call)
{
	struct survey survey = {.call = call, .add = add_sample};
	int result = -1;

	survey.samples = table_number(call, 0, SAMPLES_DEFAULT);
	if (survey.samples < 0 || survey.samples > SAMPLES_MAX)
		return sql_fail(call->error, "samples: from 0 to %d", SAMPLES_MAX);
	if (survey_open(&survey) == 0 && find_several(&survey) == 0 && add_failures(&survey) == 0 &&
	    add_figures(&survey) == 0) {
		drop_empty(&survey);
		result = survey_blocks(&survey);
	}
	survey_clear(&survey);
	return result;
}

const struct table_function table_failure_banks = {
    .name = "failure_banks",
    .columns = "key, free_bytes, largest_free_bytes",
    .fill = fill_failure_banks,
};

const struct table_function table_bank_samples = {
    .name = "bank_samples",
    .columns =
        "device, region, at_ns, used_bytes, free_bytes, largest_free_bytes, free_blocks, fitting_bytes, allocator",
    .arguments = {"count"},
    .text_columns = 1u << 8,
    .fill = fill_bank_samples,
};
