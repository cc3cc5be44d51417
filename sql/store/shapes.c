/* SPDX-License-Identifier: Apache-2.0
 *
 * shapes.c - see shapes.h.
 */
#include "shapes.h"

#include <assert.h>
#include <string.h>

/* What of the file a living process still holds. */
#define LIVE_PROCESSES "(SELECT id FROM process_info WHERE ended_ns IS NULL)"
#define LIVE_ORIGINS "(SELECT id FROM origin WHERE process IN " LIVE_PROCESSES ")"

/* ---- rows.def, read once for the shapes and once for the statements ---- */

#define COLUMN(column, type, optional, none) {#column, offsetof(row_type, column), type, optional, none},
#define INTEGER(column) COLUMN(column, COLUMN_INTEGER, false, 0)
#define OPTIONAL(column, none) COLUMN(column, COLUMN_INTEGER, true, none)
#define NARROW(column) COLUMN(column, COLUMN_NARROW, false, 0)
#define NARROW_OPTIONAL(column, none) COLUMN(column, COLUMN_NARROW, true, none)
#define TEXT(column) COLUMN(column, COLUMN_TEXT, false, 0)
#define BLOB(column) COLUMN(column, COLUMN_BLOB, false, 0)
#define BULK(name, sql)
#define STORE(name, sql)
#define LOAD(kind, name, sql)
/* clang-format off */
#define ROW(name)                                                                                                      \
	static const struct row_shape *shape_##name(void)                                                              \
	{                                                                                                              \
		typedef struct name##_row row_type;                                                                    \
		static const char row_name[] = #name;                                                                  \
		static const struct row_column columns[] = {
#define END                                                                                                            \
		};                                                                                                     \
		static const struct row_shape shape = {row_name, columns, sizeof(columns) / sizeof(*columns),          \
		                                       sizeof(row_type)};                                              \
		static_assert(sizeof(row_type) <= ROW_MOST_BYTES, "a larger row than is copied");                     \
		static_assert(sizeof(columns) / sizeof(*columns) <= ROW_MOST_COLUMNS, "more columns than are bound");  \
		return &shape;                                                                                         \
	}
#include "rows.def"
/* clang-format on */
#undef INTEGER
#undef OPTIONAL
#undef NARROW
#undef NARROW_OPTIONAL
#undef TEXT
#undef BLOB
#undef ROW
#undef END
#define INTEGER(column)
#define OPTIONAL(column, none)
#define NARROW(column)
#define NARROW_OPTIONAL(column, none)
#define TEXT(column)
#define BLOB(column)
#define ROW(name)
#define END

#undef BULK
#define BULK(name, sql) {shape_##name, sql},
const struct row_statement bulk_statements[BULK_KINDS] = {
#include "rows.def"
};
#undef BULK
#define BULK(name, sql)

#undef STORE
#define STORE(name, sql) {shape_##name, sql},
const struct row_statement row_statements[ROW_KINDS] = {
#include "rows.def"
};
#undef STORE
#define STORE(name, sql)

#undef LOAD
#define LOAD(kind, name, sql) {shape_##name, sql},
const struct row_statement load_statements[LOAD_KINDS] = {
#include "rows.def"
};

/* ---- statements ---- */

static void append_columns(sqlite3_str *text, const struct row_shape *shape, const char *prefix)
{
	for (size_t i = 0; i < shape->column_count; i++)
		sqlite3_str_appendf(text, "%s%s%s", i ? ", " : "", prefix, shape->columns[i].name);
}

char *row_sql(const struct row_statement *statement)
{
	const struct row_shape *shape = statement->shape();
	sqlite3_str *text = sqlite3_str_new(NULL);

	if (strncmp(statement->sql, "FROM ", 5) == 0) {
		sqlite3_str_appendall(text, "SELECT ");
		append_columns(text, shape, "");
		sqlite3_str_appendf(text, " %s", statement->sql);
	} else if (strncmp(statement->sql, "INSERT ", 7) == 0 && !strchr(statement->sql, '(')) {
		sqlite3_str_appendf(text, "%s(", statement->sql);
		append_columns(text, shape, "");
		sqlite3_str_appendall(text, ") VALUES (");
		append_columns(text, shape, ":");
		sqlite3_str_appendall(text, ")");
	} else {
		sqlite3_str_appendall(text, statement->sql);
	}
	return sqlite3_str_finish(text);
}

bool row_parameters(sqlite3_stmt *statement, const struct row_shape *shape, int places[ROW_MOST_COLUMNS])
{
	char name[64];
	bool all = true;

	for (size_t i = 0; i < shape->column_count; i++) {
		sqlite3_snprintf(sizeof(name), name, ":%s", shape->columns[i].name);
		places[i] = sqlite3_bind_parameter_index(statement, name);
		all = all && places[i] > 0;
	}
	return all;
}

static int result_named(sqlite3_stmt *statement, const char *name)
{
	int column = sqlite3_column_count(statement);

	/* from the last one on: what is computed there wins over a column of "*" */
	while (--column >= 0 && strcmp(sqlite3_column_name(statement, column), name) != 0)
		;
	return column;
}

bool row_results(sqlite3_stmt *statement, const struct row_shape *shape, int places[ROW_MOST_COLUMNS])
{
	bool all = true;

	for (size_t i = 0; i < shape->column_count; i++) {
		places[i] = result_named(statement, shape->columns[i].name);
		all = all && places[i] >= 0;
	}
	return all;
}

/* ---- values ---- */

static int bind(sqlite3_stmt *statement, int place, const struct row_column *column, const void *row)
{
	struct row_text text;
	int64_t number;

	if (column->type == COLUMN_INTEGER || column->type == COLUMN_NARROW)
		return row_number(column, row, &number) ? sqlite3_bind_int64(statement, place, number)
		                                        : sqlite3_bind_null(statement, place);
	memcpy(&text, (const uint8_t *)row + column->offset, sizeof(text));
	if (!text.bytes)
		return sqlite3_bind_null(statement, place);
	if (column->type == COLUMN_BLOB)
		return sqlite3_bind_blob64(statement, place, text.bytes, text.count, SQLITE_STATIC);
	return sqlite3_bind_text64(statement, place, text.bytes, text.count, SQLITE_STATIC, SQLITE_UTF8);
}

int row_bind(sqlite3_stmt *statement, const int *places, const struct row_shape *shape, const void *row)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < shape->column_count && code == SQLITE_OK; i++)
		code = bind(statement, places[i], &shape->columns[i], row);
	return code;
}

/* A hostile file may have anything in any column: a text is no number, and a number no text. */
static void read_column(sqlite3_stmt *statement, int place, const struct row_column *column, uint8_t *to)
{
	int type = sqlite3_column_type(statement, place);
	struct row_text text = {0};

	if (column->type == COLUMN_TEXT || column->type == COLUMN_BLOB) {
		if (type == SQLITE_TEXT || type == SQLITE_BLOB)
			text = row_text(sqlite3_column_blob(statement, place),
			                (size_t)sqlite3_column_bytes(statement, place));
		if (!text.bytes && type != SQLITE_NULL)
			text.bytes = ""; /* of no length */
		memcpy(to, &text, sizeof(text));
		return;
	}
	int64_t number = type == SQLITE_INTEGER ? sqlite3_column_int64(statement, place)
	                 : column->optional     ? column->none
	                                        : 0;
	uint32_t narrow = (uint32_t)number;
	if (column->type == COLUMN_NARROW)
		memcpy(to, &narrow, sizeof(narrow));
	else
		memcpy(to, &number, sizeof(number));
}

void row_read(sqlite3_stmt *statement, const int *places, const struct row_shape *shape, void *row)
{
	for (size_t i = 0; i < shape->column_count; i++)
		read_column(statement, places[i], &shape->columns[i], (uint8_t *)row + shape->columns[i].offset);
}
