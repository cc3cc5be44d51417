/* SPDX-License-Identifier: Apache-2.0
 *
 * freed.c - see freed.h.
 */
#include "freed.h"

#include <stdlib.h>

#include "error.h"
#include "recording.h"

/* Rows that are read ahead, of all processes together and of one. */
#define ROWS_IN_ALL 131072
#define ROWS_AT_ONCE_MIN 16
#define ROWS_AT_ONCE_MAX 512

struct freed_reader {
	struct recording *recording;
	const struct catalog *catalog;
	sqlite3_stmt *statement;
	size_t rows_at_once;
};

struct freed_reader *freed_reader_open(struct recording *recording, const struct catalog *catalog,
                                       struct sql_error *error)
{
	struct freed_reader *reader = calloc(1, sizeof(*reader));

	if (!reader) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	size_t share = ROWS_IN_ALL / (catalog->process_count + 1);
	*reader = (struct freed_reader){
	    .recording = recording,
	    .catalog = catalog,
	    .rows_at_once = share < ROWS_AT_ONCE_MIN   ? ROWS_AT_ONCE_MIN
	                    : share > ROWS_AT_ONCE_MAX ? ROWS_AT_ONCE_MAX
	                                               : share,
	};
	reader->statement = recording_prepare(
	    recording,
	    "SELECT origin, key, life, free_ns, held_ns, address, size_bytes, bank_bytes, free_origin FROM main.freed "
	    "WHERE key >= ?1 AND key < ?2 ORDER BY key DESC",
	    error);
	if (reader->statement)
		return reader;
	freed_reader_close(reader);
	return NULL;
}

void freed_reader_close(struct freed_reader *reader)
{
	if (!reader)
		return;
	sqlite3_finalize(reader->statement);
	free(reader);
}

void freed_cursor_clear(struct freed_cursor *cursor)
{
	free(cursor->rows);
}

/* Whether the end of the block was a free by the program. FREE_ORIGIN is NULL (0) when it is the origin of the alloc.
 */
static bool was_freed(const struct catalog *catalog, int64_t free_origin)
{
	const struct catalog_origin *origin = free_origin ? catalog_origin(catalog, free_origin) : NULL;

	return !origin || !origin->replaced;
}

/* Stores the row under STATEMENT when the catalog chooses it. 1: stored; 0: not chosen; -1: it makes no sense. */
static int take_row(const struct catalog *catalog, sqlite3_stmt *statement, uint32_t process, struct freed_row *row)
{
	int64_t origin_id = sqlite3_column_int64(statement, 0);
	const struct catalog_origin *origin = catalog_origin(catalog, origin_id);

	if (!origin || origin->process != process)
		return -1;
	if (!origin->chosen)
		return 0;
	row->key = sqlite3_column_int64(statement, 1);
	row->free_ns = sqlite3_column_int64(statement, 3);
	int64_t size_bytes = sqlite3_column_int64(statement, 6);
	bool has_bank = sqlite3_column_type(statement, 7) != SQLITE_NULL;
	/* unsigned, because a corrupt row may overflow */
	row->block = (struct replay_block){
	    .alloc_key = (int64_t)((uint64_t)row->key - (uint64_t)sqlite3_column_int64(statement, 2)),
	    .alloc_ns = (int64_t)((uint64_t)row->free_ns - (uint64_t)sqlite3_column_int64(statement, 4)),
	    .address = sqlite3_column_int64(statement, 5),
	    .size_bytes = size_bytes,
	    .bank_bytes = has_bank ? sqlite3_column_int64(statement, 7) : size_bytes,
	    .origin = (uint32_t)origin_id,
	    .freed = was_freed(catalog, sqlite3_column_int64(statement, 8)),
	};
	if (row->block.alloc_key >= row->key)
		return -1;
	return !catalog->filter.has_steps || catalog_step_chosen(catalog, process, row->block.alloc_key);
}

/* Reads rows of [FIRST, cursor->below) until there are enough. */
static int fill_from(struct freed_reader *reader, struct freed_cursor *cursor, uint32_t process, int64_t first,
                     struct sql_error *error)
{
	sqlite3_stmt *statement = reader->statement;
	int state;

	sqlite3_bind_int64(statement, 1, first);
	sqlite3_bind_int64(statement, 2, cursor->below);
	while ((state = recording_step(reader->recording, statement, error)) == 1) {
		int taken = take_row(reader->catalog, statement, process, &cursor->rows[cursor->count]);

		if (taken < 0) {
			state = sql_fail(error,
			                 "%s: corrupt: a block that ended before it began, or of another process; "
			                 "'verify' says more",
			                 reader->recording->path);
			break;
		}
		cursor->count += (size_t)taken;
		if (cursor->count == reader->rows_at_once) {
			cursor->below = cursor->rows[cursor->count - 1].key;
			break;
		}
	}
	sqlite3_reset(statement);
	if (state == 0)
		cursor->below = 0;
	return state < 0 ? -1 : 0;
}

int freed_fill(struct freed_reader *reader, struct freed_cursor *cursor, uint32_t process, struct sql_error *error)
{
	const struct catalog_process *owner = &reader->catalog->processes[process];

	cursor->count = cursor->at = 0;
	if (!cursor->rows && cursor->ranges_done < owner->range_count) {
		cursor->rows = malloc(reader->rows_at_once * sizeof(*cursor->rows));
		if (!cursor->rows)
			return sql_fail(error, "%s: out of memory", reader->recording->path);
	}
	while (cursor->count < reader->rows_at_once && cursor->ranges_done < owner->range_count) {
		const struct key_range *range = &owner->ranges[owner->range_count - 1 - cursor->ranges_done];

		if (cursor->below == 0)
			cursor->below = range->last < INT64_MAX ? range->last + 1 : INT64_MAX;
		if (fill_from(reader, cursor, process, range->first, error) < 0)
			return -1;
		if (cursor->below == 0)
			cursor->ranges_done++;
	}
	if (cursor->count == 0) {
		free(cursor->rows);
		cursor->rows = NULL;
	}
	return 0;
}
