/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - rows of the file as the structs of rows.def.
 */
#include <stddef.h>
#include <stdio.h>

#include "writer.h"

static int load_rows(sqlite3_stmt *statement, const struct row_shape *shape,
                     bool (*each)(void *context, const void *row), void *context)
{
	_Alignas(max_align_t) uint8_t row[ROW_MOST_BYTES];
	int places[ROW_MOST_COLUMNS], code;

	if (!row_results(statement, shape, places))
		return SQLITE_CORRUPT;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		row_read(statement, places, shape, row);
		if (!each(context, row))
			return SQLITE_CORRUPT;
	}
	return code;
}

int writer_load(struct writer *writer, enum load_kind kind, bool (*each)(void *context, const void *row), void *context,
                struct sql_error *error)
{
	const struct row_shape *shape = load_statements[kind].shape();
	char *sql = row_sql(&load_statements[kind]);
	sqlite3_stmt *statement = NULL;
	int code = sql ? sqlite3_prepare_v2(writer->db, sql, -1, &statement, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	if (code == SQLITE_OK)
		code = load_rows(statement, shape, each, context);
	if (code == SQLITE_CORRUPT)
		snprintf(error->text, sizeof(error->text), "%s is damaged and cannot be appended to (%s)", writer->path,
		         shape->name);
	else if (code != SQLITE_DONE)
		write_failed(writer, error);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : -1;
}
