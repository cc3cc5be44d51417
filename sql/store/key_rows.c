/* SPDX-License-Identifier: Apache-2.0
 *
 * key_rows.c - see key_rows.h.
 */
#include "key_rows.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "recording.h"
#include "sql/base/error.h"
#include "table_pages.h"

struct key_rows {
	struct recording *recording;
	struct table_pages *pages; /* NULL: SQL is asked */
	sqlite3_stmt *statement;
	size_t count;
};

static sqlite3_stmt *prepare(struct recording *recording, const char *table, const char *const *columns, size_t count,
                             struct sql_error *error)
{
	sqlite3_str *text = sqlite3_str_new(recording->db);
	sqlite3_stmt *statement = NULL;

	for (size_t i = 0; i < count; i++)
		sqlite3_str_appendf(text, "%s %s", i == 0 ? "SELECT" : ",", columns[i]);
	/* not of "main", since an older file has some of them empty beside it */
	sqlite3_str_appendf(text, " FROM %s WHERE %s BETWEEN ?1 AND ?2 ORDER BY %s", table, columns[0], columns[0]);
	char *sql = sqlite3_str_finish(text);
	if (sql)
		statement = recording_prepare(recording, sql, error);
	else
		sql_fail(error, "%s: out of memory", recording->path);
	sqlite3_free(sql);
	return statement;
}

struct key_rows *key_rows_open(struct recording *recording, const char *table, const char *const *columns, size_t count,
                               struct sql_error *error)
{
	struct key_rows *rows = calloc(1, sizeof(*rows));

	if (!rows) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	*rows = (struct key_rows){.recording = recording, .count = count};
	rows->statement = prepare(recording, table, columns, count, error);
	if (!rows->statement) {
		free(rows);
		return NULL;
	}
	rows->pages = table_pages_open(recording, table, columns, count);
	return rows;
}

void key_rows_close(struct key_rows *rows)
{
	if (!rows)
		return;
	table_pages_close(rows->pages);
	sqlite3_finalize(rows->statement);
	free(rows);
}

static int read_by_sql(struct key_rows *rows, int64_t first, int64_t last,
                       bool (*each)(const int64_t *cells, void *context), void *context, struct sql_error *error)
{
	int64_t cells[TABLE_PAGES_COLUMNS];
	int state;

	sqlite3_bind_int64(rows->statement, 1, first);
	sqlite3_bind_int64(rows->statement, 2, last);
	while ((state = recording_step(rows->recording, rows->statement, error)) == 1) {
		for (size_t i = 0; i < rows->count; i++) {
			cells[i] = sqlite3_column_int64(rows->statement, (int)i);
			/* NULL reads as 0, and few numbers are 0 */
			if (cells[i] == 0 && sqlite3_column_type(rows->statement, (int)i) == SQLITE_NULL)
				cells[i] = KEY_ROWS_NULL;
		}
		if (!each(cells, context))
			break;
	}
	sqlite3_reset(rows->statement);
	return state < 0 ? -1 : 0;
}

int key_rows_read(struct key_rows *rows, int64_t first, int64_t last, bool (*each)(const int64_t *cells, void *context),
                  void *context, struct sql_error *error)
{
	int64_t next = first;

	if (rows->pages) {
		if (table_pages_read(rows->pages, first, last, each, context, &next) != TABLE_PAGES_ODD)
			return 0;
		table_pages_close(rows->pages);
		rows->pages = NULL;
	}
	return read_by_sql(rows, next, last, each, context, error);
}
