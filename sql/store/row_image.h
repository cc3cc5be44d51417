/* SPDX-License-Identifier: Apache-2.0
 *
 * row_image.h - arrays of C structs as tables of a small database in memory, in SQLite's own file format. From there
 * SQLite copies rows as they are (INSERT ... SELECT * between tables that are alike): no byte code for each column.
 */
#ifndef SQL_ROW_IMAGE_H
#define SQL_ROW_IMAGE_H

#include <sqlite3.h>
#include <stddef.h>

#include "rows.h"

/* What the tables of the image, one for each kind of bulk rows, are called: ROW_IMAGE_NAME.NAME_rows. */
#define ROW_IMAGE_NAME "row_image"

struct row_image;

/* Attaches an image to DB, whose main tables it is made after; *IMAGE is for row_image_free() either way, after DB was
 * closed. A SQLite code. */
int row_image_open(sqlite3 *db, struct row_image **image);
void row_image_free(struct row_image *image);

/* An array of the structs of a kind, by rising key. */
struct row_array {
	const void *rows;
	size_t count;
};

/* Exchanges what is in the image, outside of transactions: no statement that knows it may be left. A SQLite code. */
int row_image_fill(struct row_image *image, const struct row_array arrays[BULK_KINDS]);

/* The statement that stores the rows of KIND, for sqlite3_finalize(). A SQLite code. */
int row_image_prepare(struct row_image *image, enum bulk_kind kind, sqlite3_stmt **statement);

#endif
