/* SPDX-License-Identifier: Apache-2.0
 *
 * shapes.h - the rows of rows.def as data: which columns lie where, and the statements that take or yield them.
 */
#ifndef SQL_SHAPES_H
#define SQL_SHAPES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "rows.h"

#define ROW_MOST_COLUMNS 20

enum column_type { COLUMN_INTEGER, COLUMN_NARROW, COLUMN_TEXT, COLUMN_BLOB };

struct row_column {
	const char *name;
	size_t offset;
	enum column_type type;
	bool optional;
	int64_t none; /* the number that stands for a null */
};

struct row_shape {
	const char *name; /* of the row */
	const struct row_column *columns;
	size_t column_count, row_bytes;
};

struct row_statement {
	const struct row_shape *(*shape)(void);
	const char *sql; /* as rows.def has it */
};

extern const struct row_statement bulk_statements[BULK_KINDS];
extern const struct row_statement row_statements[ROW_KINDS];
extern const struct row_statement load_statements[LOAD_KINDS];

/* The whole statement, for sqlite3_free(); NULL: no memory. */
char *row_sql(const struct row_statement *statement);

/* The number in COLUMN of ROW; false: it is null. */
static inline bool row_number(const struct row_column *column, const void *row, int64_t *number)
{
	const uint8_t *place = (const uint8_t *)row + column->offset;
	uint32_t narrow;

	if (column->type == COLUMN_NARROW) {
		memcpy(&narrow, place, sizeof(narrow));
		*number = narrow;
	} else {
		memcpy(number, place, sizeof(*number));
	}
	return !column->optional || *number != column->none;
}

/* Binds ROW's columns to the parameters of their names. A SQLite code. */
int row_bind(sqlite3_stmt *statement, const int *places, const struct row_shape *shape, const void *row);

/* Fills ROW, of row_bytes, from the columns of its names in STATEMENT's row. */
void row_read(sqlite3_stmt *statement, const int *places, const struct row_shape *shape, void *row);

/* The places for row_bind() and row_read(), which are the same for each row. False: a column is missing. */
bool row_parameters(sqlite3_stmt *statement, const struct row_shape *shape, int places[ROW_MOST_COLUMNS]);
bool row_results(sqlite3_stmt *statement, const struct row_shape *shape, int places[ROW_MOST_COLUMNS]);

#endif
