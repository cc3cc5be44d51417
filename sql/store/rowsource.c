/* SPDX-License-Identifier: Apache-2.0
 *
 * rowsource.c - an array of C structs as an eponymous virtual table.
 */
#include "rowsource.h"

#include <stdio.h>
#include <string.h>

struct source_table {
	sqlite3_vtab base;
	const struct rowsource *source;
};

struct source_cursor {
	sqlite3_vtab_cursor base;
	const struct row_shape *shape;
	const uint8_t *row, *end;
};

static int source_connect(sqlite3 *db, void *context, int count, const char *const *arguments, sqlite3_vtab **table,
                          char **error)
{
	const struct rowsource *source = context;
	struct source_table *made = sqlite3_malloc(sizeof(*made));
	sqlite3_str *declaration = sqlite3_str_new(db);
	char *text;
	int code;

	(void)count, (void)arguments, (void)error;
	for (size_t i = 0; i < source->shape->column_count; i++)
		sqlite3_str_appendf(declaration, "%s%s INTEGER", i ? ", " : "CREATE TABLE t(",
		                    source->shape->columns[i].name);
	sqlite3_str_appendall(declaration, ")");
	text = sqlite3_str_finish(declaration);
	code = made && text ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
	sqlite3_free(text);
	if (code != SQLITE_OK) {
		sqlite3_free(made);
		return code;
	}
	*made = (struct source_table){.source = source};
	*table = &made->base;
	return SQLITE_OK;
}

static int source_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

static int source_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = 1e6;
	return SQLITE_OK;
}

static int source_open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor)
{
	struct source_cursor *made = sqlite3_malloc(sizeof(*made));

	(void)table;
	if (!made)
		return SQLITE_NOMEM;
	*made = (struct source_cursor){0};
	*cursor = &made->base;
	return SQLITE_OK;
}

static int source_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int source_filter(sqlite3_vtab_cursor *base, int number, const char *name, int count, sqlite3_value **values)
{
	struct source_cursor *cursor = (struct source_cursor *)base;
	const struct rowsource *source = ((struct source_table *)base->pVtab)->source;

	(void)number, (void)name, (void)count, (void)values;
	cursor->shape = source->shape;
	cursor->row = source->rows;
	cursor->end = cursor->row + source->count * source->shape->row_bytes;
	return SQLITE_OK;
}

static int source_next(sqlite3_vtab_cursor *base)
{
	struct source_cursor *cursor = (struct source_cursor *)base;

	cursor->row += cursor->shape->row_bytes;
	return SQLITE_OK;
}

static int source_eof(sqlite3_vtab_cursor *base)
{
	const struct source_cursor *cursor = (const struct source_cursor *)base;

	return cursor->row >= cursor->end;
}

static int source_column(sqlite3_vtab_cursor *base, sqlite3_context *result, int number)
{
	const struct source_cursor *cursor = (const struct source_cursor *)base;
	int64_t value;

	if (row_number(&cursor->shape->columns[number], cursor->row, &value))
		sqlite3_result_int64(result, value); /* nothing set is a null */
	return SQLITE_OK;
}

static int source_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
	struct source_cursor *cursor = (struct source_cursor *)base;
	const struct rowsource *source = ((struct source_table *)base->pVtab)->source;

	*rowid = (cursor->row - (const uint8_t *)source->rows) / (ptrdiff_t)cursor->shape->row_bytes;
	return SQLITE_OK;
}

int rowsource_register(sqlite3 *db, struct rowsource *source)
{
	/* No xCreate: the table is there without CREATE VIRTUAL TABLE, and leaves no trace in the file. */
	static const sqlite3_module module = {
	    .iVersion = 1,
	    .xConnect = source_connect,
	    .xBestIndex = source_best_index,
	    .xDisconnect = source_disconnect,
	    .xOpen = source_open,
	    .xClose = source_close,
	    .xFilter = source_filter,
	    .xNext = source_next,
	    .xEof = source_eof,
	    .xColumn = source_column,
	    .xRowid = source_rowid,
	};

	return sqlite3_create_module(db, source->table, &module, source);
}
