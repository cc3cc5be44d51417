/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c - see scan.h.
 */
#include "scan.h"

#include "sql/base/error.h"
#include "sql/store/recording.h"

/* What the column "fate" says where it is no id of an origin, which tells whether an end was a replacement. */
enum fate { FATE_FREED = 0, FATE_REPLACED = -1, FATE_HELD = -2 };
enum column { END_KEY, ALLOC_KEY, END_NS, ALLOC_NS, SIZE_BYTES, BANK_BYTES, ORIGIN, FATE };

/* Both tables have their rows in that order, or an end for few: nothing large is sorted. */
static const char ended_sql[] =
    "SELECT key, key - life, free_ns, free_ns - held_ns, size_bytes, coalesce(bank_bytes, size_bytes), origin,"
    "  coalesce(free_origin, 0) FROM main.freed "
    "UNION ALL SELECT end_key, key, end_ns, alloc_ns, size_bytes, size_bytes, origin, iif(ended = 'freed', 0, -1)"
    "  FROM main.circular_buffer WHERE ended IN ('freed', 'replaced') ORDER BY 1";

/* A device close that ended a block has a key, too, but that is no end of this kind. */
static const char held_sql[] =
    "SELECT NULL, key, end_ns, alloc_ns, size_bytes, coalesce(bank_bytes, size_bytes), origin, -2 FROM main.held "
    "UNION ALL SELECT NULL, key, end_ns, alloc_ns, size_bytes, size_bytes, origin, -2 FROM main.circular_buffer"
    "  WHERE ended IS NULL OR ended NOT IN ('freed', 'replaced')";

static int corrupt(struct recording *recording, struct sql_error *error)
{
	return sql_fail(error, "%s: corrupt: a block without origin, or that ended before it began; 'verify' says more",
	                recording->path);
}

static enum scan_end end_of(const struct catalog *catalog, int64_t fate)
{
	const struct catalog_origin *origin = fate > 0 ? catalog_origin(catalog, fate) : NULL;

	return fate == FATE_REPLACED || (origin && origin->replaced) ? SCAN_REPLACED : SCAN_FREED;
}

/* How a block ended that its program did not free. */
static void end_held(const struct catalog *catalog, sqlite3_stmt *row, struct scan_block *block)
{
	const struct catalog_process *process = &catalog->processes[block->origin->process];
	bool closed = sqlite3_column_type(row, END_NS) != SQLITE_NULL;

	block->end = closed || process->ended ? SCAN_TAKEN : SCAN_LIVE;
	block->end_ns = closed ? sqlite3_column_int64(row, END_NS) : process->ended_ns;
}

static int take_row(struct recording *recording, const struct catalog *catalog, sqlite3_stmt *row,
                    struct scan_block *block, struct sql_error *error)
{
	int64_t fate = sqlite3_column_int64(row, FATE);

	*block = (struct scan_block){.alloc_key = sqlite3_column_int64(row, ALLOC_KEY),
	                             .alloc_ns = sqlite3_column_int64(row, ALLOC_NS),
	                             .size_bytes = sqlite3_column_int64(row, SIZE_BYTES),
	                             .bank_bytes = sqlite3_column_int64(row, BANK_BYTES),
	                             .end_key = sqlite3_column_int64(row, END_KEY),
	                             .end_ns = sqlite3_column_int64(row, END_NS),
	                             .origin_id = sqlite3_column_int64(row, ORIGIN)};
	block->origin = catalog_origin(catalog, block->origin_id);
	if (!block->origin || block->alloc_key < 1 || (fate != FATE_HELD && block->end_key <= block->alloc_key))
		return corrupt(recording, error);
	if (fate == FATE_HELD)
		end_held(catalog, row, block);
	else
		block->end = end_of(catalog, fate);
	return 0;
}

static int scan(struct recording *recording, const struct catalog *catalog, const char *sql,
                int (*each)(const struct scan_block *block, void *context), void *context, struct sql_error *error)
{
	sqlite3_stmt *rows = recording_prepare(recording, sql, error);
	struct scan_block block;
	int state = -1;

	while (rows && (state = recording_step(recording, rows, error)) == 1) {
		if (take_row(recording, catalog, rows, &block, error) < 0 || each(&block, context) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

int scan_blocks(struct recording *recording, const struct catalog *catalog,
                int (*each)(const struct scan_block *block, void *context), void *context, struct sql_error *error)
{
	if (scan(recording, catalog, ended_sql, each, context, error) < 0)
		return -1;
	if (scan(recording, catalog, held_sql, each, context, error) < 0)
		return -1;
	return catalog_check(catalog, error);
}

bool scan_is_chosen(const struct catalog *catalog, const struct scan_block *block)
{
	const struct filter *filter = &catalog->filter;
	int64_t end_ns = block->end == SCAN_LIVE ? INT64_MAX : block->end_ns;

	return block->origin->chosen && block->alloc_ns <= filter->end_ns && end_ns >= filter->start_ns &&
	       catalog_key_chosen(catalog, block->origin, block->alloc_key);
}
