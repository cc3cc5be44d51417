/* SPDX-License-Identifier: Apache-2.0
 *
 * keyed.c - see keyed.h.
 */
#include "keyed.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/store/key_rows.h"
#include "sql/store/recording.h"

#define ROWS_AT_ONCE 64

struct keyed_reader {
	struct recording *recording;
	const struct catalog *catalog;
	sqlite3_stmt *statement; /* or */
	struct key_rows *rows;
	size_t columns;
};

static struct keyed_reader *new_reader(struct recording *recording, const struct catalog *catalog,
                                       struct sql_error *error)
{
	struct keyed_reader *reader = calloc(1, sizeof(*reader));

	if (reader)
		*reader = (struct keyed_reader){.recording = recording, .catalog = catalog};
	else
		sql_fail(error, "%s: out of memory", recording->path);
	return reader;
}

struct keyed_reader *keyed_reader_open(struct recording *recording, const struct catalog *catalog, const char *sql,
                                       struct sql_error *error)
{
	struct keyed_reader *reader = new_reader(recording, catalog, error);

	if (!reader)
		return NULL;
	reader->statement = recording_prepare(recording, sql, error);
	if (!reader->statement) {
		free(reader);
		return NULL;
	}
	reader->columns = (size_t)sqlite3_column_count(reader->statement);
	return reader;
}

struct keyed_reader *keyed_reader_open_table(struct recording *recording, const struct catalog *catalog,
                                             const char *table, const char *const *columns, size_t count,
                                             struct sql_error *error)
{
	struct keyed_reader *reader = new_reader(recording, catalog, error);

	if (!reader)
		return NULL;
	reader->rows = key_rows_open(recording, table, columns, count, error);
	if (!reader->rows) {
		free(reader);
		return NULL;
	}
	reader->columns = count;
	return reader;
}

void keyed_reader_close(struct keyed_reader *reader)
{
	if (!reader)
		return;
	sqlite3_finalize(reader->statement);
	key_rows_close(reader->rows);
	free(reader);
}

void keyed_cursor_clear(struct keyed_cursor *cursor)
{
	free(cursor->rows);
}

static void take_row(const struct keyed_reader *reader, struct keyed_row *row)
{
	for (size_t i = 0; i < reader->columns && i < KEYED_COLUMNS; i++) {
		bool is_null = sqlite3_column_type(reader->statement, (int)i) == SQLITE_NULL;

		row->cells[i] = is_null ? INT64_MIN : sqlite3_column_int64(reader->statement, (int)i);
	}
}

static int fill_by_sql(struct keyed_reader *reader, struct keyed_cursor *cursor, int64_t last, struct sql_error *error)
{
	int state = 0;

	sqlite3_bind_int64(reader->statement, 1, cursor->from);
	sqlite3_bind_int64(reader->statement, 2, last);
	while (cursor->count < ROWS_AT_ONCE &&
	       (state = recording_step(reader->recording, reader->statement, error)) == 1)
		take_row(reader, &cursor->rows[cursor->count++]);
	sqlite3_reset(reader->statement);
	return state < 0 ? -1 : 0;
}

struct filling {
	struct keyed_cursor *cursor;
	size_t columns;
};

static bool take_cells(const int64_t *cells, void *context)
{
	const struct filling *filling = context;
	struct keyed_cursor *cursor = filling->cursor;

	memcpy(cursor->rows[cursor->count++].cells, cells, filling->columns * sizeof(*cells));
	return cursor->count < ROWS_AT_ONCE;
}

/* Reads on up to LAST, as far as there is room. 1 when there may be more, 0, or -1 with ERROR. */
static int fill_from(struct keyed_reader *reader, struct keyed_cursor *cursor, int64_t last, struct sql_error *error)
{
	struct filling filling = {cursor, reader->columns};
	int state = reader->rows ? key_rows_read(reader->rows, cursor->from, last, take_cells, &filling, error)
	                         : fill_by_sql(reader, cursor, last, error);

	if (state < 0)
		return -1;
	int64_t read = cursor->count == ROWS_AT_ONCE ? cursor->rows[cursor->count - 1].cells[0] : last;
	cursor->from = read < last ? read + 1 : 0;
	return read < last;
}

static int fill(struct keyed_reader *reader, struct keyed_cursor *cursor, uint32_t process, struct sql_error *error)
{
	const struct catalog_process *owner = &reader->catalog->processes[process];

	cursor->count = cursor->at = 0;
	if (!cursor->rows && cursor->range < owner->range_count)
		cursor->rows = malloc(ROWS_AT_ONCE * sizeof(*cursor->rows));
	while (cursor->count < ROWS_AT_ONCE && cursor->range < owner->range_count) {
		const struct key_range *range = &owner->ranges[cursor->range];

		if (!cursor->rows)
			return sql_fail(error, "%s: out of memory", reader->recording->path);
		if (cursor->from == 0)
			cursor->from = range->first;
		int more = fill_from(reader, cursor, range->last, error);
		if (more < 0)
			return -1;
		cursor->range += !more;
	}
	if (cursor->count == 0) {
		free(cursor->rows);
		cursor->rows = NULL;
	}
	return 0;
}

int keyed_peek(struct keyed_reader *reader, struct keyed_cursor *cursor, uint32_t process, const struct keyed_row **row,
               struct sql_error *error)
{
	if (cursor->at == cursor->count && fill(reader, cursor, process, error) < 0)
		return -1;
	*row = cursor->at < cursor->count ? &cursor->rows[cursor->at] : NULL;
	return 0;
}
