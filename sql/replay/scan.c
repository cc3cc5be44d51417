/* SPDX-License-Identifier: Apache-2.0
 *
 * scan.c - see scan.h.
 */
#include "scan.h"

#include "sql/base/error.h"
#include "sql/store/key_rows.h"
#include "sql/store/recording.h"

struct scan {
	struct recording *recording;
	const struct catalog *catalog;
	int (*each)(const struct scan_block *block, void *context);
	void *context;
	struct sql_error *error;
	sqlite3_stmt *circular; /* stands on the circular buffer that ended next; NULL: there is no more */
	bool failed;
};

/* Both have their rows in the order of the ends, or nearly so: nothing large is sorted. */
enum freed_column {
	KEY,
	LIFE,
	FREE_NS,
	HELD_NS,
	FREED_BYTES,
	FREED_BANK_BYTES,
	FREED_ORIGIN,
	FREE_ORIGIN,
	FREED_COLUMNS
};
static const char *const freed_columns[FREED_COLUMNS] = {"key",        "life",       "free_ns", "held_ns",
                                                         "size_bytes", "bank_bytes", "origin",  "free_origin"};
enum column { END_KEY, ALLOC_KEY, END_NS, ALLOC_NS, SIZE_BYTES, BANK_BYTES, ORIGIN, ENDED };
static const char circular_sql[] =
    "SELECT end_key, key, end_ns, alloc_ns, size_bytes, size_bytes, origin, iif(ended = 'freed', 0, 1)"
    "  FROM main.circular_buffer WHERE ended IN ('freed', 'replaced') ORDER BY 1";

/* A device close that ended a block has a key, too, but that is no end of this kind. */
static const char held_sql[] =
    "SELECT NULL, key, end_ns, alloc_ns, size_bytes, coalesce(bank_bytes, size_bytes), origin FROM main.held "
    "UNION ALL SELECT NULL, key, end_ns, alloc_ns, size_bytes, size_bytes, origin FROM main.circular_buffer"
    "  WHERE ended IS NULL OR ended NOT IN ('freed', 'replaced')";

static int corrupt(const struct scan *scan)
{
	return sql_fail(scan->error,
	                "%s: corrupt: a block without origin, or that ended before it began; 'verify' says more",
	                scan->recording->path);
}

/* How a block ended that its program did not free. */
static void end_held(const struct catalog *catalog, sqlite3_stmt *row, struct scan_block *block)
{
	const struct catalog_process *process = &catalog->processes[block->origin->process];
	bool closed = sqlite3_column_type(row, END_NS) != SQLITE_NULL;

	block->end = closed || process->ended ? SCAN_TAKEN : SCAN_LIVE;
	block->end_ns = closed ? sqlite3_column_int64(row, END_NS) : process->ended_ns;
}

/* Hands out BLOCK, which has all but an origin. 0 or -1. */
static int hand_out(struct scan *scan, struct scan_block *block)
{
	bool ended = block->end == SCAN_FREED || block->end == SCAN_REPLACED;

	if (!block->origin || block->alloc_key < 1 || (ended && block->end_key <= block->alloc_key))
		return corrupt(scan);
	return scan->each(block, scan->context);
}

/* Of a row whose columns are those above. */
static struct scan_block block_of(const struct scan *scan, sqlite3_stmt *row)
{
	int64_t origin = sqlite3_column_int64(row, ORIGIN);

	return (struct scan_block){.alloc_key = sqlite3_column_int64(row, ALLOC_KEY),
	                           .alloc_ns = sqlite3_column_int64(row, ALLOC_NS),
	                           .size_bytes = sqlite3_column_int64(row, SIZE_BYTES),
	                           .bank_bytes = sqlite3_column_int64(row, BANK_BYTES),
	                           .end_key = sqlite3_column_int64(row, END_KEY),
	                           .end_ns = sqlite3_column_int64(row, END_NS),
	                           .origin_id = origin,
	                           .origin = catalog_origin(scan->catalog, origin)};
}

/* Steps to the next circular buffer. 0 or -1. */
static int next_circular(struct scan *scan)
{
	int state = recording_step(scan->recording, scan->circular, scan->error);

	if (state == 1)
		return 0;
	sqlite3_finalize(scan->circular);
	scan->circular = NULL;
	return state;
}

/* Hands out the circular buffers that ended before KEY. 0 or -1. */
static int circular_before(struct scan *scan, int64_t key)
{
	while (scan->circular && sqlite3_column_int64(scan->circular, END_KEY) < key) {
		struct scan_block block = block_of(scan, scan->circular);

		block.end = sqlite3_column_int(scan->circular, ENDED) == 0 ? SCAN_FREED : SCAN_REPLACED;
		if (hand_out(scan, &block) < 0 || next_circular(scan) < 0)
			return -1;
	}
	return 0;
}

static bool take_freed(const int64_t *cells, void *context)
{
	struct scan *scan = context;
	const struct catalog_origin *end =
	    cells[FREE_ORIGIN] == KEY_ROWS_NULL ? NULL : catalog_origin(scan->catalog, cells[FREE_ORIGIN]);
	struct scan_block block = {
	    /* unsigned, because a corrupt row may overflow */
	    .alloc_key = (int64_t)((uint64_t)cells[KEY] - (uint64_t)cells[LIFE]),
	    .alloc_ns = (int64_t)((uint64_t)cells[FREE_NS] - (uint64_t)cells[HELD_NS]),
	    .size_bytes = cells[FREED_BYTES],
	    .bank_bytes = cells[FREED_BANK_BYTES] == KEY_ROWS_NULL ? cells[FREED_BYTES] : cells[FREED_BANK_BYTES],
	    .end_key = cells[KEY],
	    .end_ns = cells[FREE_NS],
	    .origin_id = cells[FREED_ORIGIN],
	    .origin = catalog_origin(scan->catalog, cells[FREED_ORIGIN]),
	    .end = end && end->replaced ? SCAN_REPLACED : SCAN_FREED,
	};

	scan->failed = circular_before(scan, cells[KEY]) < 0 || hand_out(scan, &block) < 0;
	return !scan->failed;
}

static int scan_ended(struct scan *scan)
{
	struct key_rows *rows = key_rows_open(scan->recording, "freed", freed_columns, FREED_COLUMNS, scan->error);
	int result = -1;

	scan->circular = rows ? recording_prepare(scan->recording, circular_sql, scan->error) : NULL;
	if (scan->circular && next_circular(scan) == 0)
		result = key_rows_read(rows, INT64_MIN, INT64_MAX, take_freed, scan, scan->error);
	if (result == 0)
		result = scan->failed ? -1 : circular_before(scan, INT64_MAX);
	sqlite3_finalize(scan->circular);
	key_rows_close(rows);
	return result;
}

static int scan_held(struct scan *scan)
{
	sqlite3_stmt *rows = recording_prepare(scan->recording, held_sql, scan->error);
	int state = -1;

	while (rows && (state = recording_step(scan->recording, rows, scan->error)) == 1) {
		struct scan_block block = block_of(scan, rows);

		if (block.origin)
			end_held(scan->catalog, rows, &block);
		if (hand_out(scan, &block) < 0) {
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
	struct scan scan = {
	    .recording = recording, .catalog = catalog, .each = each, .context = context, .error = error};

	if (scan_ended(&scan) < 0 || scan_held(&scan) < 0)
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
