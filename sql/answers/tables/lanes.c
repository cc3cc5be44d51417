/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.c - see lanes.h.
 */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"

static bool is_same(const struct lane_name *a, const struct lane_name *b)
{
	if (a->series != b->series || !a->name != !b->name)
		return false;
	return !a->name || (a->process == b->process && strcmp(a->name, b->name) == 0);
}

/* The lane of WANTED, which is made when it is new; UINT32_MAX without memory. */
static uint32_t find_lane(struct lane_names *lanes, const struct lane_name *wanted)
{
	for (size_t i = 0; i < lanes->count; i++)
		if (is_same(&lanes->names[i], wanted))
			return (uint32_t)i;
	if (array_reserve(&lanes->names, &lanes->capacity, lanes->count) < 0)
		return UINT32_MAX;
	lanes->names[lanes->count] = *wanted;
	return (uint32_t)lanes->count++;
}

static size_t count_named(const struct lane_names *lanes, uint32_t series)
{
	size_t count = 0;

	for (size_t i = 0; i < lanes->count; i++)
		count += lanes->names[i].series == series && lanes->names[i].name;
	return count;
}

/* Where one allocator alone has a name, what nobody named, or lies on some cores alone, is in its way too. */
static void join(struct lane_names *lanes, const struct catalog *catalog)
{
	for (size_t i = 0; i < lanes->count; i++)
		if (count_named(lanes, lanes->names[i].series) <= 1)
			lanes->names[i].name = NULL;
	for (size_t i = 0; i < catalog->origin_count; i++)
		lanes->of[i] = catalog->origins[i].known ? find_lane(lanes, &lanes->names[lanes->of[i]]) : 0;
}

int lanes_load(struct lane_names *lanes, struct recording *recording, const struct catalog *catalog,
               struct sql_error *error)
{
	*lanes = (struct lane_names){.of = calloc(catalog->origin_count + 1, sizeof(*lanes->of))};
	if (!lanes->of)
		return sql_fail(error, "out of memory");
	if (owners_load(&lanes->owners, recording, error) < 0)
		return -1;
	for (size_t i = 0; i < catalog->origin_count; i++) {
		const struct catalog_origin *origin = &catalog->origins[i];

		if (!origin->known)
			continue;
		lanes->of[i] =
		    find_lane(lanes, &(struct lane_name){.series = origin->series,
		                                         .process = catalog->processes[origin->process].id,
		                                         .name = owners_name(&lanes->owners, catalog, origin,
		                                                             catalog->series[origin->series].device)});
		if (lanes->of[i] == UINT32_MAX)
			return sql_fail(error, "out of memory");
	}
	join(lanes, catalog);
	return 0;
}

void lanes_clear(struct lane_names *lanes)
{
	free(lanes->of);
	free(lanes->names);
	owners_clear(&lanes->owners);
}
