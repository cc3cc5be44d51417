/* SPDX-License-Identifier: Apache-2.0
 *
 * space.c - what is free in the banks now, by the blocks that live.
 */
#include <stdlib.h>

#include "live.h"
#include "sql/base/error.h"
#include "sql/replay/bank.h"
#include "sql/replay/layouts.h"
#include "sql/store/recording.h"
#include "ttalloc/vocabulary.h"

static const char blocks_sql[] =
    "SELECT o.device, o.region, h.address, coalesce(h.bank_bytes, h.size_bytes) FROM main.held AS h "
    "JOIN main.origin AS o ON o.id = h.origin JOIN main.process_info AS p ON p.id = o.process "
    "WHERE h.end_key IS NULL AND p.ended_ns IS NULL AND NOT o.flags & ?1";

static int fill(struct live *live, struct bank *banks, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording, blocks_sql, error);
	int state = rows ? 1 : -1;

	if (rows)
		sqlite3_bind_int64(rows, 1, TTALLOC_ALIASED);
	while (state == 1 && (state = recording_step(recording, rows, error)) == 1) {
		int64_t address = sqlite3_column_int64(rows, 2), bytes = sqlite3_column_int64(rows, 3);
		const struct live_region *region =
		    live_region(live, sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1));

		if (!region || address < 0 || bytes < 0)
			continue;
		if (bank_refill_add(&banks[region - live->regions], (uint64_t)address, (uint64_t)bytes) < 0)
			state = sql_fail(error, "%s: out of memory", recording->path);
	}
	sqlite3_finalize(rows);
	return state;
}

static int measure(struct live *live, struct bank *banks, struct recording *recording, struct sql_error *error)
{
	struct layouts layouts;
	int result = layouts_load(&layouts, recording, error);

	for (size_t i = 0; i < live->region_count && result == 0; i++) {
		struct live_region *region = &live->regions[i];
		const struct bank_layout *layout = layouts_at(&layouts, region->device, region->region, live->end_ns);
		struct bank_figures figures;

		region->free_bytes = region->largest_free_bytes = -1;
		if (!layout)
			continue;
		if (bank_measure(&banks[i], layout, 0, &figures) < 0) {
			result = sql_fail(error, "%s: out of memory", recording->path);
			break;
		}
		region->free_bytes = figures.free_bytes;
		region->largest_free_bytes = figures.largest_free_bytes;
	}
	layouts_clear(&layouts);
	return result;
}

int live_read_space(struct live *live, struct recording *recording, struct sql_error *error)
{
	struct bank *banks = calloc(live->region_count + 1, sizeof(*banks));
	int result = -1;

	if (!banks)
		return sql_fail(error, "%s: out of memory", recording->path);
	if (recording_begin(recording, error) == 0 && fill(live, banks, recording, error) == 0)
		result = measure(live, banks, recording, error);
	recording_release(recording);
	for (size_t i = 0; i < live->region_count; i++)
		bank_clear(&banks[i]);
	free(banks);
	return result;
}
