/* SPDX-License-Identifier: Apache-2.0
 *
 * groups.c - see groups.h.
 */
#include "groups.h"

#include <stdlib.h>
#include <string.h>

#include "sql/answers/attribution.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/store/recording.h"

/* How one word tells groups. */
struct teller {
	enum telling telling;
	uint32_t *of_origin; /* group of each origin; NULL: it differs within an origin */
	struct map known;    /* (series, what tells) -> group */
};

struct groups {
	struct recording *recording;
	const struct catalog *catalog;
	struct levels *levels;
	struct teller tellers[GROUPINGS_MAX]; /* as levels->groupings */
	sqlite3_stmt *text_of;
	struct sql_error *error;
};

static int no_memory(struct groups *groups)
{
	return sql_fail(groups->error, "%s: out of memory", groups->recording->path);
}

/* Calls EACH for every word of BY. */
static int each_word(const char *by, int (*each)(void *context, const char *word), void *context)
{
	char *words = strdup(by ? by : ""), *rest = words;
	int result = words ? 0 : -1;

	for (char *word; result == 0 && (word = strsep(&rest, ",")) && word[0] != '\0';)
		result = each(context, word);
	free(words);
	return result;
}

static int need_word(void *context, const char *word)
{
	telling_need(telling_by(word), context);
	return 0;
}

void groups_need(const char *by, struct filter *filter)
{
	each_word(by, need_word, filter);
}

/* The group of SERIES that NUMBER tells; a new one has TEXT. MAP_NONE: no memory. */
static uint32_t enter_group(struct grouping *grouping, struct map *known, uint32_t series, const char *text,
                            int64_t number)
{
	uint32_t group = map_enter(known, (struct map_key){series, number, 0}, (uint32_t)grouping->count);

	if (group != grouping->count)
		return group;
	if (array_reserve(&grouping->groups, &grouping->capacity, grouping->count) < 0)
		return MAP_NONE;
	char *copy = text ? strdup(text) : NULL;
	if (text && !copy)
		return MAP_NONE;
	grouping->groups[grouping->count++] = (struct group){.text = copy, .next = grouping->first[series]};
	grouping->first[series] = group;
	return group;
}

/* ---- What all blocks of an origin have in common ---- */

/* Texts are told apart by SQLite, which numbers them: dense_rank() of what --by says of each origin. */
static const char origins_sql[] =
    "SELECT id, text, iif(text IS NULL, 0, dense_rank() OVER (ORDER BY text)) "
    "FROM (SELECT id, CAST(attribution(?1, id, NULL, NULL) AS TEXT) AS text FROM main.origin)";

static int look_up_origins(struct groups *groups, struct grouping *grouping, struct teller *teller)
{
	sqlite3_stmt *rows = recording_prepare(groups->recording, origins_sql, groups->error);
	int state = rows ? 1 : -1;

	if (rows)
		sqlite3_bind_text(rows, 1, grouping->by, -1, SQLITE_STATIC);
	while (state == 1 && (state = recording_step(groups->recording, rows, groups->error)) == 1) {
		int64_t id = sqlite3_column_int64(rows, 0);
		const struct catalog_origin *origin = catalog_origin(groups->catalog, id);

		if (!origin)
			continue;
		teller->of_origin[id] =
		    enter_group(grouping, &teller->known, origin->series, (const char *)sqlite3_column_text(rows, 1),
		                sqlite3_column_int64(rows, 2));
		if (teller->of_origin[id] == MAP_NONE)
			state = no_memory(groups);
	}
	sqlite3_finalize(rows);
	return state < 0 ? -1 : 0;
}

/* ---- What differs within an origin ---- */

static const char block_sql[] = "SELECT CAST(attribution(?1, ?2, ?3, ?4) AS TEXT)";

/* The group of the first block that is met of it. */
static uint32_t meet_group(struct groups *groups, size_t index, uint32_t origin, int64_t key, int64_t size_bytes,
                           int64_t told)
{
	struct grouping *grouping = &groups->levels->groupings[index];
	sqlite3_stmt *row = groups->text_of;
	uint32_t group = MAP_NONE;

	sqlite3_bind_text(row, 1, grouping->by, -1, SQLITE_STATIC);
	sqlite3_bind_int64(row, 2, origin);
	sqlite3_bind_int64(row, 3, key);
	sqlite3_bind_int64(row, 4, size_bytes);
	if (recording_step(groups->recording, row, groups->error) == 1) {
		group = enter_group(grouping, &groups->tellers[index].known, groups->catalog->origins[origin].series,
		                    (const char *)sqlite3_column_text(row, 0), told);
		if (group == MAP_NONE)
			no_memory(groups);
	}
	sqlite3_reset(row);
	return group;
}

static uint32_t find_group(struct groups *groups, size_t index, uint32_t origin, int64_t key, int64_t size_bytes)
{
	struct teller *teller = &groups->tellers[index];
	const struct catalog_origin *at = &groups->catalog->origins[origin];

	if (teller->of_origin)
		return teller->of_origin[origin];
	int64_t told = telling_of(teller->telling, groups->catalog, at, size_bytes, key);
	uint32_t group = map_get(&teller->known, (struct map_key){at->series, told, 0});
	return group != MAP_NONE ? group : meet_group(groups, index, origin, key, size_bytes, told);
}

int groups_find(struct groups *groups, uint32_t origin, int64_t key, int64_t size_bytes, uint32_t found[GROUPINGS_MAX])
{
	for (size_t i = 0; i < groups->levels->grouping_count; i++)
		if ((found[i] = find_group(groups, i, origin, key, size_bytes)) == MAP_NONE)
			return -1;
	return 0;
}

/* ---- All of them ---- */

static int make_grouping(struct groups *groups, struct grouping *grouping, const char *by)
{
	size_t series = groups->catalog->series_count + 1;

	*grouping = (struct grouping){.by = strdup(by),
	                              .first = malloc(series * sizeof(*grouping->first)),
	                              .cells = calloc(series, sizeof(*grouping->cells)),
	                              .cell_counts = calloc(series, sizeof(*grouping->cell_counts)),
	                              .cell_capacities = calloc(series, sizeof(*grouping->cell_capacities))};
	if (!grouping->by || !grouping->first || !grouping->cells || !grouping->cell_counts ||
	    !grouping->cell_capacities)
		return no_memory(groups);
	memset(grouping->first, 0xff, series * sizeof(*grouping->first)); /* GROUP_NONE */
	return 0;
}

static int add_word(void *context, const char *by)
{
	struct groups *groups = context;
	struct levels *levels = groups->levels;
	size_t index = levels->grouping_count;
	struct teller *teller = &groups->tellers[index];

	if (index == GROUPINGS_MAX)
		return sql_fail(groups->error, "at most %d words of --by at once", GROUPINGS_MAX);
	struct grouping *grown = realloc(levels->groupings, (index + 1) * sizeof(*grown));
	if (!grown)
		return no_memory(groups);
	levels->groupings = grown;
	levels->grouping_count++;
	teller->telling = telling_by(by);
	if (make_grouping(groups, &grown[index], by) < 0)
		return -1;
	if (teller->telling != TELLING_ORIGIN)
		return 0;
	teller->of_origin = calloc(groups->catalog->origin_count + 1, sizeof(*teller->of_origin));
	return teller->of_origin ? look_up_origins(groups, &grown[index], teller) : no_memory(groups);
}

struct groups *groups_open(struct recording *recording, const struct catalog *catalog, struct levels *levels,
                           const char *by, struct sql_error *error)
{
	struct groups *groups = calloc(1, sizeof(*groups));

	if (!groups) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	*groups = (struct groups){.recording = recording, .catalog = catalog, .levels = levels, .error = error};
	groups->text_of = recording_prepare(recording, block_sql, error);
	if (groups->text_of && each_word(by, add_word, groups) == 0)
		return groups;
	groups_close(groups);
	return NULL;
}

void groups_close(struct groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < GROUPINGS_MAX; i++) {
		free(groups->tellers[i].of_origin);
		map_clear(&groups->tellers[i].known);
	}
	sqlite3_finalize(groups->text_of);
	free(groups);
}
