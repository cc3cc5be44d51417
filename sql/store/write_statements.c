/* SPDX-License-Identifier: Apache-2.0
 *
 * write_statements.c - every statement by which the recorder writes rows, prepared once.
 */
#include "writer.h"

#include <string.h>

static int prepare(struct writer *writer, const char *text, sqlite3_stmt **statement)
{
	if (!text)
		return SQLITE_NOMEM;
	return sqlite3_prepare_v3(writer->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

int write_prepare_row(struct writer *writer, enum row_kind kind)
{
	struct row_writer *row = &writer->rows[kind];
	char *sql;
	int code;

	if (row->statement)
		return SQLITE_OK;
	sql = row_sql(&row_statements[kind]);
	code = prepare(writer, sql, &row->statement);
	sqlite3_free(sql);
	if (code == SQLITE_OK && !row_parameters(row->statement, row_statements[kind].shape(), row->places))
		code = SQLITE_MISUSE;
	return code;
}

static int prepare_all(struct writer *writer)
{
	int code = row_image_open(writer->db, &writer->image);

	for (int i = 0; i < ROW_KINDS && code == SQLITE_OK; i++)
		code = write_prepare_row(writer, (enum row_kind)i);
	if (code == SQLITE_OK)
		code = prepare(writer, "BEGIN IMMEDIATE", &writer->begin);
	if (code == SQLITE_OK)
		code = prepare(writer, "COMMIT", &writer->commit);
	return code;
}

int write_prepare(struct writer *writer, struct sql_error *error)
{
	if (prepare_all(writer) == SQLITE_OK)
		return 0;
	write_failed(writer, error);
	return -1;
}

void write_unprepare(struct writer *writer)
{
	for (int i = 0; i < ROW_KINDS; i++)
		sqlite3_finalize(writer->rows[i].statement);
	sqlite3_finalize(writer->begin);
	sqlite3_finalize(writer->commit);
	memset(writer->rows, 0, sizeof(writer->rows));
	writer->begin = writer->commit = NULL;
	/* what is said of all databases, such as their journal mode, is meant for the file */
	if (writer->image)
		sqlite3_exec(writer->db, "DETACH " ROW_IMAGE_NAME, NULL, NULL, NULL);
}
