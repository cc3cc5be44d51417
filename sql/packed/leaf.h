/* SPDX-License-Identifier: Apache-2.0
 *
 * leaf.h - pages of SQLite that hold the rows of a table, taken apart and put together again
 * (https://sqlite.org/fileformat.html, 1.6 and 2). A page that is put together has the same rows in the same order, and
 * nothing else: what was deleted in it is gone.
 */
#ifndef SQL_PACKED_LEAF_H
#define SQL_PACKED_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
	VALUE_NULL,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_TEXT,
	VALUE_BLOB,
	VALUE_KINDS,
};

struct value {
	enum value_kind kind;
	int64_t integer;      /* or the bits of a real */
	const uint8_t *bytes; /* of a text or blob */
	uint32_t byte_count;
};

/* How many rows of how many columns a page holds; false: it is no such page, or one that cannot be put together. */
struct leaf_shape {
	uint32_t rows, columns;
};
bool leaf_look(const uint8_t *page, uint32_t page_bytes, struct leaf_shape *shape);

/* Row NUMBER of a page that leaf_look() took: its id, and its values. */
void leaf_row(const uint8_t *page, uint32_t page_bytes, uint32_t number, int64_t *id, struct value *values);

/* Puts rows into PAGE, which is zeroed first. */
struct leaf_writer {
	uint8_t *page;
	uint32_t page_bytes, rows, row_count, content;
};
void leaf_begin(struct leaf_writer *writer, uint8_t *page, uint32_t page_bytes, uint32_t row_count);
/* False: there is no room for it. */
bool leaf_add(struct leaf_writer *writer, int64_t id, const struct value *values, uint32_t columns);
void leaf_finish(struct leaf_writer *writer);

#endif
