/* SPDX-License-Identifier: Apache-2.0
 *
 * owners.c - see owners.h. Allocators of a device are named after it: what is behind a comma tells them apart.
 */
#include "owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

static int take(struct owners *owners, sqlite3_stmt *row, struct sql_error *error)
{
	const char *name = (const char *)sqlite3_column_text(row, 3);
	struct owner *owner;

	if (array_reserve(&owners->list, &owners->capacity, owners->count) < 0)
		return sql_fail(error, "out of memory");
	owner = &owners->list[owners->count++];
	*owner = (struct owner){.process = sqlite3_column_int64(row, 0),
	                        .device = sqlite3_column_int64(row, 1),
	                        .allocator = (uint16_t)sqlite3_column_int(row, 2),
	                        .on_cores = sqlite3_column_int(row, 4) != 0};
	snprintf(owner->of, sizeof(owner->of), "%.*s", name ? (int)strcspn(name, ",") : 0, name ? name : "");
	return 0;
}

int owners_load(struct owners *owners, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording,
	                                       "SELECT process, device, allocator, allocator_name, cores IS NOT NULL "
	                                       "FROM device_identity "
	                                       "WHERE allocator IS NOT NULL ORDER BY key DESC",
	                                       error);
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		if (take(owners, rows, error) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

void owners_clear(struct owners *owners)
{
	free(owners->list);
}

/* NULL: nobody said. */
static const struct owner *find_owner(const struct owners *owners, const struct asker *asker)
{
	for (size_t i = 0; i < owners->count; i++) {
		const struct owner *owner = &owners->list[i];

		if (owner->process == asker->process && owner->device == asker->device &&
		    owner->allocator == asker->allocator)
			return owner->of[0] ? owner : NULL;
	}
	return NULL;
}

const char *owners_name(const struct owners *owners, const struct catalog *catalog, const struct catalog_origin *origin,
                        int64_t device)
{
	struct asker of = {
	    .process = catalog->processes[origin->process].id, .device = device, .allocator = origin->allocator};
	const struct owner *owner = origin->allocator ? find_owner(owners, &of) : NULL;

	return owner && !owner->on_cores ? owner->of : NULL;
}

bool owners_know(const struct owners *owners, const struct asker *asker, const struct catalog *catalog,
                 const struct catalog_origin *origin)
{
	struct asker other = {
	    .process = catalog->processes[origin->process].id, .device = asker->device, .allocator = origin->allocator};
	const struct owner *mine, *others;

	if (!asker->allocator || !other.allocator)
		return true;
	if (asker->process != other.process)
		return false;
	if (asker->allocator == other.allocator)
		return true;
	mine = find_owner(owners, asker);
	others = find_owner(owners, &other);
	return !mine || !others || mine->on_cores || others->on_cores || strcmp(mine->of, others->of) == 0;
}
