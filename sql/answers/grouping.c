/* SPDX-License-Identifier: Apache-2.0
 *
 * grouping.c - see grouping.h. attribution() is asked once for each origin, or for each thing that tells blocks of one
 * origin apart: asking it anew takes as long as reading thousands of blocks.
 */
#include "grouping.h"

#include <stdlib.h>
#include <string.h>

#include "attribution.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/store/recording.h"

#define UNKNOWN GROUPING_FAILED

struct grouping {
	struct recording *recording;
	sqlite3_stmt *statement; /* attribution(?1, ?2, ?3, ?4) */
	const struct catalog *catalog;
	enum telling telling;
	uint32_t *of_origin; /* UNKNOWN: not asked yet; NULL: blocks of one origin differ */
	struct map told;     /* likewise, by what telling_of() says of a block -> texts */
	char **texts;        /* of each group; NULL: that of blocks that have none */
	size_t count, capacity;
	struct map map; /* (hash of the text, which one with that hash) -> texts */
};

struct grouping *grouping_open(struct recording *recording, const char *by, const struct catalog *catalog,
                               struct sql_error *error)
{
	struct grouping *grouping = calloc(1, sizeof(*grouping));

	if (!grouping) {
		sql_fail(error, "out of memory");
		return NULL;
	}
	*grouping = (struct grouping){.recording = recording, .catalog = catalog, .telling = telling_by(by)};
	grouping->statement = recording_prepare(recording, "SELECT attribution(?1, ?2, ?3, ?4)", error);
	if (!grouping->statement)
		goto fail;
	sqlite3_bind_text(grouping->statement, 1, by, -1, SQLITE_TRANSIENT);
	if (grouping->telling != TELLING_ORIGIN)
		return grouping;
	grouping->of_origin = malloc((catalog->origin_count + 1) * sizeof(*grouping->of_origin));
	if (!grouping->of_origin) {
		sql_fail(error, "out of memory");
		goto fail;
	}
	memset(grouping->of_origin, 0xff, (catalog->origin_count + 1) * sizeof(*grouping->of_origin));
	return grouping;
fail:
	grouping_close(grouping);
	return NULL;
}

void grouping_close(struct grouping *grouping)
{
	if (!grouping)
		return;
	for (size_t i = 0; i < grouping->count; i++)
		free(grouping->texts[i]);
	free(grouping->texts);
	free(grouping->of_origin);
	map_clear(&grouping->map);
	map_clear(&grouping->told);
	sqlite3_finalize(grouping->statement);
	free(grouping);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (int64_t)hash;
}

/* Makes TEXT a group, at the end. */
static int add_text(struct grouping *grouping, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if ((text && !copy) || array_reserve(&grouping->texts, &grouping->capacity, grouping->count) < 0) {
		free(copy);
		return -1;
	}
	grouping->texts[grouping->count++] = copy;
	return 0;
}

/* The group of TEXT, which may be new; UNKNOWN: no memory. */
static uint32_t enter(struct grouping *grouping, const char *text)
{
	struct map_key key = {hash_of(text), 0, 0};

	for (;; key.b++) {
		uint32_t index = map_enter(&grouping->map, key, (uint32_t)grouping->count);

		if (index == MAP_NONE || (index == grouping->count && add_text(grouping, text) < 0))
			return UNKNOWN;
		if (same_text(grouping->texts[index], text))
			return index;
	}
}

static uint32_t ask(struct grouping *grouping, const struct replay_block *block, struct sql_error *error)
{
	sqlite3_stmt *statement = grouping->statement;
	uint32_t group;

	sqlite3_bind_int64(statement, 2, block->origin);
	sqlite3_bind_int64(statement, 3, block->alloc_key);
	sqlite3_bind_int64(statement, 4, block->size_bytes);
	if (recording_step(grouping->recording, statement, error) < 0)
		return GROUPING_FAILED;
	group = enter(grouping, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_reset(statement);
	if (group == UNKNOWN)
		sql_fail(error, "out of memory");
	return group;
}

static uint32_t ask_once(struct grouping *grouping, const struct replay_block *block, struct sql_error *error)
{
	const struct catalog_origin *origin = &grouping->catalog->origins[block->origin];
	struct map_key key = {
	    telling_of(grouping->telling, grouping->catalog, origin, block->size_bytes, block->alloc_key), 0, 0};
	uint32_t group = map_get(&grouping->told, key);

	if (group != MAP_NONE)
		return group;
	group = ask(grouping, block, error);
	if (group != GROUPING_FAILED && map_put(&grouping->told, key, group) < 0) {
		sql_fail(error, "out of memory");
		return GROUPING_FAILED;
	}
	return group;
}

uint32_t grouping_of(struct grouping *grouping, const struct replay_block *block, struct sql_error *error)
{
	if (!grouping->of_origin)
		return ask_once(grouping, block, error);
	uint32_t *known = &grouping->of_origin[block->origin];
	if (*known == UNKNOWN)
		*known = ask(grouping, block, error);
	return *known;
}
