/* SPDX-License-Identifier: Apache-2.0
 *
 * row_image.c - see row_image.h. The format is SQLite's (sqlite.org/fileformat2.html, 1.6 and 2.1). SQLite itself makes
 * the empty tables; here are written the pages of their b-trees, leaves first. Rows have no overflow pages: all their
 * columns are integers.
 */
#include "row_image.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shapes.h"
#include "sql/base/array.h"

#define PAGE_BYTES 32768u
#define LEAF 13
#define LEAF_HEADER_BYTES 8u
#define INTERIOR 5
#define INTERIOR_HEADER_BYTES 12u
#define VARINT_MOST 9u
/* Of an interior page: a cell and its pointer, at most. */
#define CHILD_BYTES (4u + VARINT_MOST + 2u)
#define CHILDREN_MOST ((PAGE_BYTES - INTERIOR_HEADER_BYTES) / CHILD_BYTES)
#define STORED_MOST ROW_MOST_COLUMNS
#define ROW_MOST (2 * VARINT_MOST + 1u + STORED_MOST + 8u * STORED_MOST)
#define NO_COLUMN (-1)
#define KEY_COLUMN (-2)

struct image_table {
	const struct row_shape *shape;
	size_t stored;                 /* columns of a row */
	int8_t column_of[STORED_MOST]; /* of the shape; or NO_COLUMN: null; or KEY_COLUMN */
	uint32_t root;                 /* page */
};

/* A page of a b-tree, and the highest key in it. */
struct child {
	uint32_t page;
	int64_t key;
};

struct row_image {
	sqlite3 *db;
	struct image_table tables[BULK_KINDS];
	uint8_t *empty; /* the image without rows; SQLite's memory */
	uint32_t empty_pages;
	uint8_t *bytes;
	uint32_t page_count, page_capacity;
	struct child *children; /* of one level of the tree that is being made */
	size_t child_count, child_capacity;
};

/* ---- Numbers ---- */

static inline size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t count = 1;

	if (value >> 56) { /* eight bits in the last byte */
		to[8] = (uint8_t)value;
		value >>= 8;
		for (size_t i = 8; i-- > 0; value >>= 7)
			to[i] = (uint8_t)(value | 0x80);
		return 9;
	}
	while (value >> 7 * count)
		count++;
	for (size_t i = count; i-- > 0; value >>= 7)
		to[i] = (uint8_t)(value | 0x80);
	to[count - 1] &= 0x7f;
	return count;
}

static void put_2(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put_4(uint8_t *to, uint32_t value)
{
	put_2(to, value >> 16);
	put_2(to + 2, value & 0xffff);
}

/* The serial type of VALUE, and in how many bytes it is stored. */
static inline uint8_t type_of(int64_t value, size_t *bytes)
{
	uint64_t size = (uint64_t)(value < 0 ? ~value : value);

	*bytes = 0;
	if (size <= 1 && value >= 0)
		return (uint8_t)(8 + size);
	if (size <= INT8_MAX)
		return (uint8_t)(*bytes = 1);
	if (size <= INT16_MAX)
		return (uint8_t)(*bytes = 2);
	if (size < 1 << 23)
		return (uint8_t)(*bytes = 3);
	if (size <= INT32_MAX)
		return (uint8_t)(*bytes = 4);
	*bytes = size < UINT64_C(1) << 47 ? 6 : 8;
	return *bytes == 6 ? 5 : 6;
}

/* ---- Rows ---- */

/* Fills RECORD with ROW as SQLite stores it, which may be followed by eight bytes more. Its bytes. */
static size_t put_record(const struct image_table *table, const uint8_t *row, uint8_t *record, int64_t *key)
{
	uint8_t *data = record + 1 + table->stored;
	int64_t value;
	size_t bytes;

	record[0] = (uint8_t)(1 + table->stored);
	for (size_t i = 0; i < table->stored; i++) {
		int column = table->column_of[i];

		record[1 + i] = 0;
		if (column == KEY_COLUMN)
			row_number(&table->shape->columns[0], row, key);
		else if (column != NO_COLUMN && row_number(&table->shape->columns[column], row, &value)) {
			record[1 + i] = type_of(value, &bytes);
			uint64_t big = bytes ? htobe64((uint64_t)value << (64 - 8 * bytes)) : 0;
			memcpy(data, &big, sizeof(big));
			data += bytes;
		}
	}
	return (size_t)(data - record);
}

/* ---- Pages ---- */

static uint8_t *page_at(const struct row_image *image, uint32_t number)
{
	return image->bytes + (size_t)(number - 1) * PAGE_BYTES;
}

/* The number of a page behind all others; 0: no memory. */
static uint32_t new_page(struct row_image *image)
{
	if (image->page_count == image->page_capacity) {
		uint32_t capacity = image->page_capacity * 2;
		uint8_t *grown = realloc(image->bytes, (size_t)capacity * PAGE_BYTES);

		if (!grown)
			return 0;
		image->bytes = grown;
		image->page_capacity = capacity;
	}
	return ++image->page_count;
}

static int add_child(struct row_image *image, uint32_t page, int64_t key)
{
	if (array_reserve(&image->children, &image->child_capacity, image->child_count) < 0)
		return -1;
	image->children[image->child_count++] = (struct child){page, key};
	return 0;
}

/* A page that is being filled: pointers to cells from its header upwards, cells from its end downwards. */
struct filling {
	uint8_t *page;
	size_t pointers, cells, content;
};

static struct filling start_page(uint8_t *page, uint8_t type)
{
	page[0] = type;
	return (struct filling){page, type == LEAF ? LEAF_HEADER_BYTES : INTERIOR_HEADER_BYTES, 0, PAGE_BYTES};
}

static bool has_room(const struct filling *filling, size_t bytes)
{
	return filling->pointers + 2 * (filling->cells + 1) + bytes <= filling->content;
}

static void add_cell(struct filling *filling, const uint8_t *cell, size_t bytes)
{
	filling->content -= bytes;
	memcpy(filling->page + filling->content, cell, bytes);
	put_2(filling->page + filling->pointers + 2 * filling->cells++, filling->content);
}

static void finish_page(const struct filling *filling)
{
	put_2(filling->page + 1, 0); /* nothing is free between cells */
	put_2(filling->page + 3, filling->cells);
	put_2(filling->page + 5, filling->content);
	filling->page[7] = 0;
}

/* ---- Trees ---- */

static int make_leaves(struct row_image *image, const struct image_table *table, const struct row_array *array)
{
	const uint8_t *row = array->rows;
	uint32_t number = new_page(image);
	uint8_t cell[ROW_MOST], record[ROW_MOST];
	int64_t key = 0, last = 0;

	image->child_count = 0;
	if (!number)
		return -1;
	struct filling leaf = start_page(page_at(image, number), LEAF);
	for (size_t i = 0; i < array->count; i++, row += table->shape->row_bytes) {
		size_t record_bytes = put_record(table, row, record, &key);
		size_t bytes = put_varint(cell, record_bytes);

		bytes += put_varint(cell + bytes, (uint64_t)key);
		memcpy(cell + bytes, record, record_bytes);
		bytes += record_bytes;
		if (!has_room(&leaf, bytes)) {
			finish_page(&leaf);
			if (add_child(image, number, last) < 0 || !(number = new_page(image)))
				return -1;
			leaf = start_page(page_at(image, number), LEAF);
		}
		add_cell(&leaf, cell, bytes);
		last = key;
	}
	finish_page(&leaf);
	return add_child(image, number, last);
}

/* One page above COUNT children: the last of them is to its right. */
static void make_interior(uint8_t *page, const struct child *children, size_t count)
{
	struct filling filling = start_page(page, INTERIOR);
	uint8_t cell[CHILD_BYTES];

	for (size_t i = 0; i + 1 < count; i++) {
		put_4(cell, children[i].page);
		add_cell(&filling, cell, 4 + put_varint(cell + 4, (uint64_t)children[i].key));
	}
	put_4(page + 8, children[count - 1].page);
	finish_page(&filling);
}

/* Puts a level of pages above the children, which become these. */
static int raise_level(struct row_image *image)
{
	size_t raised = 0;

	for (size_t first = 0; first < image->child_count; first += CHILDREN_MOST) {
		size_t left = image->child_count - first, count = left < CHILDREN_MOST ? left : CHILDREN_MOST;
		uint32_t number = new_page(image);

		if (!number)
			return -1;
		make_interior(page_at(image, number), image->children + first, count);
		image->children[raised++] = (struct child){number, image->children[first + count - 1].key};
	}
	image->child_count = raised;
	return 0;
}

static int make_tree(struct row_image *image, const struct image_table *table, const struct row_array *array)
{
	if (make_leaves(image, table, array) < 0)
		return -1;
	if (image->child_count == 1) { /* the root is the leaf */
		memcpy(page_at(image, table->root), page_at(image, image->page_count), PAGE_BYTES);
		image->page_count--;
		return 0;
	}
	while (image->child_count > CHILDREN_MOST)
		if (raise_level(image) < 0)
			return -1;
	make_interior(page_at(image, table->root), image->children, image->child_count);
	return 0;
}

int row_image_fill(struct row_image *image, const struct row_array arrays[BULK_KINDS])
{
	memcpy(image->bytes, image->empty, (size_t)image->empty_pages * PAGE_BYTES);
	image->page_count = image->empty_pages;
	for (int i = 0; i < BULK_KINDS; i++)
		if (arrays[i].count && make_tree(image, &image->tables[i], &arrays[i]) < 0)
			return SQLITE_NOMEM;
	put_4(image->bytes + 28, image->page_count);
	sqlite3_int64 bytes = (sqlite3_int64)image->page_count * PAGE_BYTES;
	return sqlite3_deserialize(image->db, ROW_IMAGE_NAME, image->bytes, bytes, bytes, 0);
}

/* ---- Opening ---- */

/* The table that rows of KIND are inserted into; NULL: its statement does something else. */
static const char *target_of(enum bulk_kind kind)
{
	static const char insert[] = "INSERT INTO ";
	const char *sql = bulk_statements[kind].sql;

	return strncmp(sql, insert, sizeof(insert) - 1) == 0 ? sql + sizeof(insert) - 1 : NULL;
}

/* What makes the table of KIND in the image, for sqlite3_free(): columns are those of its target, to the letter. */
static char *definition_of(sqlite3 *db, enum bulk_kind kind)
{
	const struct row_shape *shape = bulk_statements[kind].shape();
	const char *target = target_of(kind), *columns = NULL;
	sqlite3_stmt *row = NULL;
	char *text = NULL;

	if (!target)
		return sqlite3_mprintf("CREATE TABLE %s_rows(%s INTEGER PRIMARY KEY)", shape->name,
		                       shape->columns[0].name);
	if (sqlite3_prepare_v2(db, "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1", -1, &row,
	                       NULL) == SQLITE_OK) {
		sqlite3_bind_text(row, 1, target, -1, SQLITE_STATIC);
		if (sqlite3_step(row) == SQLITE_ROW && sqlite3_column_text(row, 0))
			columns = strchr((const char *)sqlite3_column_text(row, 0), '(');
		if (columns)
			text = sqlite3_mprintf("CREATE TABLE %s_rows%s", shape->name, columns);
	}
	sqlite3_finalize(row);
	return text;
}

static int8_t column_named(const struct row_shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->column_count; i++)
		if (strcmp(shape->columns[i].name, name) == 0)
			return (int8_t)i;
	return NO_COLUMN;
}

/* Learns where the columns of a table in MEMORY are, whose key is its rows' first column. */
static int learn_table(sqlite3 *memory, struct image_table *table)
{
	sqlite3_stmt *rows;
	int code = sqlite3_prepare_v2(
	    memory,
	    "SELECT c.name, c.pk, s.rootpage FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.name = ?1 "
	    "ORDER BY c.cid",
	    -1, &rows, NULL);
	char name[64];

	if (code != SQLITE_OK)
		return code;
	snprintf(name, sizeof(name), "%s_rows", table->shape->name);
	sqlite3_bind_text(rows, 1, name, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(rows)) == SQLITE_ROW && table->stored < STORED_MOST) {
		int8_t column = column_named(table->shape, (const char *)sqlite3_column_text(rows, 0));

		table->column_of[table->stored++] = sqlite3_column_int(rows, 1) ? KEY_COLUMN : column;
		table->root = (uint32_t)sqlite3_column_int(rows, 2);
	}
	sqlite3_finalize(rows);
	return code == SQLITE_DONE && table->stored ? SQLITE_OK : SQLITE_ERROR;
}

static int make_tables(struct row_image *image, sqlite3 *memory)
{
	int code = sqlite3_exec(memory, "PRAGMA auto_vacuum = NONE", NULL, NULL, NULL);

	for (int i = 0; i < BULK_KINDS && code == SQLITE_OK; i++) {
		char *sql = definition_of(image->db, (enum bulk_kind)i);

		image->tables[i].shape = bulk_statements[i].shape();
		code = sql ? sqlite3_exec(memory, sql, NULL, NULL, NULL) : SQLITE_ERROR;
		sqlite3_free(sql);
		if (code == SQLITE_OK)
			code = learn_table(memory, &image->tables[i]);
	}
	return code;
}

static int make_empty(struct row_image *image)
{
	sqlite3_int64 bytes = 0;
	sqlite3 *memory;
	char pragma[48];
	int code = sqlite3_open(":memory:", &memory);

	snprintf(pragma, sizeof(pragma), "PRAGMA page_size = %u", PAGE_BYTES);
	if (code == SQLITE_OK)
		code = sqlite3_exec(memory, pragma, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = make_tables(image, memory);
	if (code == SQLITE_OK)
		image->empty = sqlite3_serialize(memory, "main", &bytes, 0);
	sqlite3_close(memory);
	if (code != SQLITE_OK)
		return code;
	image->empty_pages = (uint32_t)(bytes / PAGE_BYTES);
	image->page_capacity = 2 * image->empty_pages;
	image->bytes = malloc((size_t)image->page_capacity * PAGE_BYTES);
	return image->empty && image->bytes ? SQLITE_OK : SQLITE_NOMEM;
}

int row_image_open(sqlite3 *db, struct row_image **made)
{
	struct row_image *image = calloc(1, sizeof(*image));
	int code;

	*made = image;
	if (!image)
		return SQLITE_NOMEM;
	image->db = db;
	code = make_empty(image);
	return code == SQLITE_OK ? sqlite3_exec(db, "ATTACH ':memory:' AS " ROW_IMAGE_NAME, NULL, NULL, NULL) : code;
}

void row_image_free(struct row_image *image)
{
	if (!image)
		return;
	sqlite3_free(image->empty);
	free(image->bytes);
	free(image->children);
	free(image);
}

int row_image_prepare(struct row_image *image, enum bulk_kind kind, sqlite3_stmt **statement)
{
	const char *target = target_of(kind);
	char *sql = target ? sqlite3_mprintf("INSERT INTO main.%s SELECT * FROM " ROW_IMAGE_NAME ".%s_rows", target,
	                                     image->tables[kind].shape->name)
	                   : sqlite3_mprintf("%s", bulk_statements[kind].sql);
	int code = sql ? sqlite3_prepare_v2(image->db, sql, -1, statement, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	return code;
}
