/* SPDX-License-Identifier: Apache-2.0
 *
 * carry.c - see carry.h.
 */
#include "carry.h"

/* INSERT INTO table(columns of ROWS) VALUES(?, ...). NULL: no memory. */
static char *insert_of(const struct carried *carried, sqlite3_stmt *rows)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);
	int columns = sqlite3_column_count(rows);

	sqlite3_str_appendf(sql, "INSERT INTO %s(", carried->table);
	for (int i = 0; i < columns; i++)
		sqlite3_str_appendf(sql, "%s\"%w\"", i ? "," : "", sqlite3_column_name(rows, i));
	sqlite3_str_appendall(sql, ") VALUES(");
	for (int i = 0; i < columns; i++)
		sqlite3_str_appendall(sql, i ? ",?" : "?");
	sqlite3_str_appendf(sql, ") %s", carried->conflict ? carried->conflict : "ON CONFLICT DO NOTHING");
	return sqlite3_str_finish(sql);
}

static void bind_values(sqlite3_stmt *rows, const struct carry_value *values)
{
	for (; values && values->name; values++) {
		int place = sqlite3_bind_parameter_index(rows, values->name);

		if (place)
			sqlite3_bind_int64(rows, place, values->number);
	}
}

static int insert_row(sqlite3_stmt *rows, sqlite3_stmt *insert)
{
	int columns = sqlite3_column_count(rows);

	for (int i = 0; i < columns; i++)
		sqlite3_bind_value(insert, i + 1, sqlite3_column_value(rows, i));
	sqlite3_step(insert);
	return sqlite3_reset(insert);
}

static int carry_table(sqlite3 *from, sqlite3 *to, const struct carried *carried, const struct carry_value *values,
                       sqlite3 **where)
{
	sqlite3_stmt *rows = NULL, *insert = NULL;
	int code = sqlite3_prepare_v2(from, carried->rows, -1, &rows, NULL), written = SQLITE_OK;
	char *sql = code == SQLITE_OK ? insert_of(carried, rows) : NULL;

	*where = from;
	if (code == SQLITE_OK) {
		bind_values(rows, values);
		written = sql ? sqlite3_prepare_v2(to, sql, -1, &insert, NULL) : SQLITE_NOMEM;
	}
	while (code == SQLITE_OK && written == SQLITE_OK && (code = sqlite3_step(rows)) == SQLITE_ROW) {
		written = insert_row(rows, insert);
		code = SQLITE_OK;
	}
	if (written != SQLITE_OK)
		*where = to;
	sqlite3_free(sql);
	sqlite3_finalize(insert);
	sqlite3_finalize(rows);
	if (written != SQLITE_OK)
		return written;
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int carry(sqlite3 *from, sqlite3 *to, const struct carried *carried, size_t count, const struct carry_value *values,
          sqlite3 **where)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < count && code == SQLITE_OK; i++)
		code = carry_table(from, to, &carried[i], values, where);
	return code;
}
