/* SPDX-License-Identifier: Apache-2.0
 *
 * layouts.c - see layouts.h.
 */
#include "layouts.h"

#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

/* Beyond this a bank is not real, and sums could overflow. */
#define BANK_BYTES_MAX (INT64_C(1) << 60)

static struct layout_mark read_mark(sqlite3_stmt *row)
{
	int64_t base_address = sqlite3_column_int64(row, 3), bank_bytes = sqlite3_column_int64(row, 4);
	int64_t alignment_bytes = sqlite3_column_int64(row, 5);

	if (base_address < 0 || base_address > BANK_BYTES_MAX || bank_bytes < 0 || bank_bytes > BANK_BYTES_MAX)
		bank_bytes = base_address = 0;
	if (alignment_bytes < 0 || alignment_bytes > bank_bytes)
		alignment_bytes = 0;
	return (struct layout_mark){.device = sqlite3_column_int64(row, 0),
	                            .region = sqlite3_column_int64(row, 1),
	                            .at_ns = sqlite3_column_int64(row, 2),
	                            .layout = {.base_address = (uint64_t)base_address,
	                                       .bank_bytes = (uint64_t)bank_bytes,
	                                       .alignment_bytes = (uint64_t)alignment_bytes,
	                                       .top_down = sqlite3_column_int64(row, 6) != 0}};
}

int layouts_load(struct layouts *layouts, struct recording *recording, struct sql_error *error)
{
	sqlite3_stmt *rows =
	    recording_prepare(recording,
	                      "SELECT device, region, at_ns, base_address, bank_bytes, alignment_bytes, top_down "
	                      "FROM main.device_mark "
	                      "ORDER BY device, region, at_ns, process, key",
	                      error);
	size_t capacity = 0;
	int state = -1;

	*layouts = (struct layouts){0};
	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		if (array_reserve(&layouts->marks, &capacity, layouts->count) < 0) {
			state = sql_fail(error, "out of memory");
			break;
		}
		layouts->marks[layouts->count++] = read_mark(rows);
	}
	sqlite3_finalize(rows);
	return state;
}

void layouts_clear(struct layouts *layouts)
{
	free(layouts->marks);
}

const struct bank_layout *layouts_at(const struct layouts *layouts, int64_t device, int64_t region, int64_t at_ns)
{
	const struct layout_mark *best = NULL;

	for (size_t i = 0; i < layouts->count; i++) {
		const struct layout_mark *mark = &layouts->marks[i];

		if (mark->device == device && mark->region == region && (!best || mark->at_ns <= at_ns))
			best = mark;
	}
	return best && best->layout.bank_bytes ? &best->layout : NULL;
}
