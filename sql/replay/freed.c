/* SPDX-License-Identifier: Apache-2.0
 *
 * freed.c - see freed.h.
 */
#include "freed.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/key_rows.h"
#include "sql/store/recording.h"

/* Keys that are read at once, for all processes together and for one. */
#define KEYS_IN_ALL 131072
#define KEYS_MIN 32
#define KEYS_MAX 1024
/* Where few keys are freed blocks, more of them are read. */
#define KEYS_GROW 8

struct freed_reader {
	struct recording *recording;
	const struct catalog *catalog;
	struct key_rows *rows;
	sqlite3_stmt *below; /* the largest key in a range */
	int64_t keys;
	struct freed_cursor *cursor; /* being filled */
	uint32_t process;            /* of the cursor */
	size_t seen;                 /* rows, chosen or not */
	const char *problem;         /* with a row */
};

enum column { KEY, LIFE, FREE_NS, HELD_NS, ADDRESS, SIZE_BYTES, BANK_BYTES, ORIGIN, FREE_ORIGIN, COLUMNS };
static const char *const columns[COLUMNS] = {"key",        "life",       "free_ns", "held_ns",    "address",
                                             "size_bytes", "bank_bytes", "origin",  "free_origin"};

struct freed_reader *freed_reader_open(struct recording *recording, const struct catalog *catalog,
                                       struct sql_error *error)
{
	struct freed_reader *reader = calloc(1, sizeof(*reader));
	int64_t share = KEYS_IN_ALL / ((int64_t)catalog->process_count + 1);

	if (!reader) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	*reader = (struct freed_reader){
	    .recording = recording,
	    .catalog = catalog,
	    .keys = share < KEYS_MIN   ? KEYS_MIN
	            : share > KEYS_MAX ? KEYS_MAX
	                               : share,
	};
	reader->rows = key_rows_open(recording, "freed", columns, COLUMNS, error);
	if (reader->rows)
		reader->below =
		    recording_prepare(recording, "SELECT max(key) FROM main.freed WHERE key >= ?1 AND key < ?2", error);
	if (reader->below)
		return reader;
	freed_reader_close(reader);
	return NULL;
}

void freed_reader_close(struct freed_reader *reader)
{
	if (!reader)
		return;
	key_rows_close(reader->rows);
	sqlite3_finalize(reader->below);
	free(reader);
}

void freed_cursor_clear(struct freed_cursor *cursor)
{
	free(cursor->blocks);
}

/* Whether the end of the block was a free by the program. FREE_ORIGIN is NULL when it is the origin of the alloc. */
static bool was_freed(const struct catalog *catalog, int64_t free_origin)
{
	const struct catalog_origin *origin =
	    free_origin == KEY_ROWS_NULL ? NULL : catalog_origin(catalog, free_origin);

	return !origin || !origin->replaced;
}

/* Stores a row behind those that are there. */
static bool take_row(const int64_t *cells, void *context)
{
	struct freed_reader *reader = context;
	const struct catalog *catalog = reader->catalog;
	struct freed_cursor *cursor = reader->cursor;
	const struct catalog_origin *origin = catalog_origin(catalog, cells[ORIGIN]);
	int64_t key = cells[KEY], life = cells[LIFE];

	reader->seen++;
	if (!origin || origin->process != reader->process || life <= 0 || life >= key)
		reader->problem = "a block that ended before it began, or of another process";
	if (reader->problem || !origin->chosen || !catalog_key_chosen(catalog, origin, key - life))
		return !reader->problem;
	if (array_reserve(&cursor->blocks, &cursor->capacity, cursor->left) < 0) {
		reader->problem = "too large for the memory that there is";
		return false;
	}
	struct freed_block *row = &cursor->blocks[cursor->left++];
	row->key = key;
	row->free_ns = cells[FREE_NS];
	row->block = (struct replay_block){
	    .alloc_key = key - life,
	    /* unsigned, because a corrupt row may overflow */
	    .alloc_ns = (int64_t)((uint64_t)cells[FREE_NS] - (uint64_t)cells[HELD_NS]),
	    .address = cells[ADDRESS],
	    .size_bytes = cells[SIZE_BYTES],
	    .bank_bytes = cells[BANK_BYTES] == KEY_ROWS_NULL ? cells[SIZE_BYTES] : cells[BANK_BYTES],
	    .origin = (uint32_t)cells[ORIGIN],
	    .freed = was_freed(catalog, cells[FREE_ORIGIN]),
	};
	return true;
}

/* Reads the rows of [FIRST, BELOW). */
static int read_keys(struct freed_reader *reader, int64_t first, int64_t below, struct sql_error *error)
{
	reader->seen = 0;
	int state = key_rows_read(reader->rows, first, below - 1, take_row, reader, error);
	if (state == 0 && reader->problem)
		return sql_fail(error, "%s: corrupt: %s; 'verify' says more", reader->recording->path, reader->problem);
	return state < 0 ? -1 : catalog_check(reader->catalog, error);
}

/* Where keys are without rows for a while: goes down to the next row, or to FIRST when there is none. */
static int skip_hole(struct freed_reader *reader, int64_t first, int64_t *below, struct sql_error *error)
{
	sqlite3_bind_int64(reader->below, 1, first);
	sqlite3_bind_int64(reader->below, 2, *below);
	int state = recording_step(reader->recording, reader->below, error);
	bool any = state == 1 && sqlite3_column_type(reader->below, 0) != SQLITE_NULL;
	*below = any ? sqlite3_column_int64(reader->below, 0) + 1 : first;
	sqlite3_reset(reader->below);
	return state < 0 ? -1 : 0;
}

int freed_fill(struct freed_reader *reader, struct freed_cursor *cursor, uint32_t process, struct sql_error *error)
{
	const struct catalog_process *owner = &reader->catalog->processes[process];

	reader->cursor = cursor;
	reader->process = process;
	if (cursor->keys == 0)
		cursor->keys = reader->keys;
	while (cursor->left == 0 && cursor->ranges_done < owner->range_count) {
		const struct key_range *range = &owner->ranges[owner->range_count - 1 - cursor->ranges_done];

		if (cursor->below == 0)
			cursor->below = range->last < INT64_MAX ? range->last + 1 : INT64_MAX;
		int64_t first =
		    cursor->below - range->first > cursor->keys ? cursor->below - cursor->keys : range->first;
		if (read_keys(reader, first, cursor->below, error) < 0)
			return -1;
		if ((int64_t)cursor->left > reader->keys)
			cursor->keys = reader->keys;
		else if ((int64_t)cursor->left < reader->keys / 8 && cursor->keys < reader->keys * KEYS_GROW)
			cursor->keys *= 2;
		if (reader->seen == 0 && first > range->first && skip_hole(reader, range->first, &first, error) < 0)
			return -1;
		cursor->below = first > range->first ? first : 0;
		cursor->ranges_done += first == range->first;
	}
	if (cursor->left == 0) {
		free(cursor->blocks);
		*cursor = (struct freed_cursor){.ranges_done = cursor->ranges_done};
	}
	return 0;
}
