/* SPDX-License-Identifier: Apache-2.0
 *
 * table_pages.c - see table_pages.h. The format is SQLite's (sqlite.org/fileformat2.html, 1.5 and 2.1). Nobody vouches
 * for the file: every place in a page is checked, and how far a walk may go.
 */
#include "table_pages.h"

#include <endian.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "key_rows.h"
#include "recording.h"

#define DEPTH_MAX 20
/* What is read at once, if pages are smaller: neighbours of a table are, as a rule, neighbours in the file. */
#define WINDOW_BYTES 65536u
/* How far behind a page a number is read that begins in it. */
#define SLACK_BYTES 16
#define FILE_HEADER_BYTES 100
#define ROLLBACK_MODE 1

enum page_type { INTERIOR = 5, LEAF = 13 };

/* Some pages of the file, for one level of the tree. */
struct window {
	unsigned char *bytes;
	uint32_t first, count; /* pages */
};

struct table_pages {
	sqlite3_file *file;
	size_t page_bytes, usable_bytes; /* usable: without what is reserved at the end of each page */
	uint32_t page_count, root;
	size_t stored;                       /* columns that rows need to have */
	int8_t cell_of[TABLE_PAGES_COLUMNS]; /* of each of them: where it is wanted */
	int8_t key_column;                   /* among them; it is stored as NULL */
	struct window windows[DEPTH_MAX];
	/* of the walk under way */
	int64_t first, last, *next;
	uint32_t visited;
	bool (*each)(const int64_t *cells, void *context);
	void *context;
};

struct page {
	const unsigned char *bytes;
	size_t cell_count, pointers; /* where the places of the cells are */
	unsigned type;
};

static uint32_t big_endian(const unsigned char *bytes, size_t count)
{
	uint32_t value = 0;

	while (count-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

/* Reads a number of up to nine bytes at *AT, and moves it on. */
static inline uint64_t varint(const unsigned char **at)
{
	const unsigned char *byte = *at;
	uint64_t value = 0;

	for (int i = 0; i < 8; i++) {
		value = value << 7 | (*byte & 0x7f);
		if (*byte++ < 0x80) {
			*at = byte;
			return value;
		}
	}
	*at = byte + 1;
	return value << 8 | *byte;
}

/* ---- Pages ---- */

static const unsigned char *page_bytes(struct table_pages *pages, uint32_t number, int depth)
{
	struct window *window = &pages->windows[depth];
	uint32_t most = pages->page_bytes < WINDOW_BYTES ? (uint32_t)(WINDOW_BYTES / pages->page_bytes) : 1;

	if (!window->bytes && !(window->bytes = malloc(most * pages->page_bytes + SLACK_BYTES)))
		return NULL;
	if (number - window->first >= window->count) {
		uint32_t first = (number - 1) / most * most + 1;
		uint32_t left = pages->page_count - first + 1;

		*window = (struct window){.bytes = window->bytes, .first = first, .count = left < most ? left : most};
		if (pages->file->pMethods->xRead(pages->file, window->bytes, (int)(window->count * pages->page_bytes),
		                                 (sqlite3_int64)(first - 1) * (sqlite3_int64)pages->page_bytes) !=
		    SQLITE_OK) {
			window->count = 0;
			return NULL;
		}
	}
	return window->bytes + (number - window->first) * pages->page_bytes;
}

/* Page 1 is the schema's. False: there is no such page of a table. */
static bool page_open(struct table_pages *pages, uint32_t number, int depth, struct page *page)
{
	if (depth == DEPTH_MAX || number < 2 || number > pages->page_count || pages->visited++ == pages->page_count)
		return false;
	const unsigned char *bytes = page_bytes(pages, number, depth);
	if (!bytes || (bytes[0] != INTERIOR && bytes[0] != LEAF))
		return false;
	*page = (struct page){.bytes = bytes,
	                      .type = bytes[0],
	                      .cell_count = big_endian(bytes + 3, 2),
	                      .pointers = bytes[0] == LEAF ? 8 : 12};
	return page->pointers + 2 * page->cell_count <= pages->usable_bytes;
}

/* Where cell INDEX begins; NULL: not in the page. */
static const unsigned char *cell_at(const struct table_pages *pages, const struct page *page, size_t index)
{
	size_t place = big_endian(page->bytes + page->pointers + 2 * index, 2);

	return place >= page->pointers + 2 * page->cell_count && place < pages->usable_bytes ? page->bytes + place
	                                                                                     : NULL;
}

/* Of an interior page: the highest key below the cell's child. */
static bool key_at(const struct table_pages *pages, const struct page *page, size_t index, int64_t *key)
{
	const unsigned char *at = cell_at(pages, page, index);

	if (!at)
		return false;
	if (page->type == INTERIOR)
		at += 4;
	else
		varint(&at); /* the bytes of the row */
	*key = (int64_t)varint(&at);
	return at <= page->bytes + pages->usable_bytes;
}

/* The first cell with a key that is not below the first that is wanted. */
static bool find_first(const struct table_pages *pages, const struct page *page, size_t *index)
{
	size_t low = 0, high = page->cell_count;
	int64_t key;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (!key_at(pages, page, middle, &key))
			return false;
		if (key < pages->first)
			low = middle + 1;
		else
			high = middle;
	}
	*index = low;
	return true;
}

/* ---- Rows ---- */

/* How integers are stored, by their serial type: so many bytes, or none and this. What is longer is no integer. */
static const uint8_t type_bytes[] = {0, 1, 2, 3, 4, 6, 8, UINT8_MAX, 0, 0};
static const int64_t type_value[] = {KEY_ROWS_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 1};

/* Fills CELLS with the row's, whose parts lie from AT to END. */
static bool take_record(const struct table_pages *pages, const unsigned char *at, const unsigned char *end,
                        int64_t *cells)
{
	const unsigned char *types = at + 1, *data = at + *at;

	if (*at >= 0x80 || *at < pages->stored + 1 || data > end)
		return false;
	for (size_t i = 0; i < pages->stored; i++) {
		unsigned type = types[i];
		uint64_t number;

		if (type >= sizeof(type_bytes) || type_bytes[type] == UINT8_MAX)
			return false;
		size_t bytes = type_bytes[type];
		memcpy(&number, data, sizeof(number));
		cells[pages->cell_of[i]] = bytes ? (int64_t)be64toh(number) >> (64 - 8 * bytes) : type_value[type];
		data += bytes;
		if (data > end)
			return false;
	}
	return true;
}

static enum table_pages_end walk_leaf(struct table_pages *pages, const struct page *page)
{
	const unsigned char *page_end = page->bytes + pages->usable_bytes;
	int64_t cells[TABLE_PAGES_COLUMNS + 1];
	size_t index;

	if (!find_first(pages, page, &index))
		return TABLE_PAGES_ODD;
	for (; index < page->cell_count; index++) {
		const unsigned char *at = cell_at(pages, page, index);

		if (!at)
			return TABLE_PAGES_ODD;
		uint64_t bytes = varint(&at);
		int64_t key = (int64_t)varint(&at);
		if (at >= page_end || bytes < 2 || bytes > (uint64_t)(page_end - at) || key < *pages->next)
			return TABLE_PAGES_ODD;
		if (key > pages->last)
			return TABLE_PAGES_DONE;
		if (!take_record(pages, at, at + bytes, cells) || cells[0] != KEY_ROWS_NULL)
			return TABLE_PAGES_ODD;
		cells[0] = key;
		*pages->next = key < INT64_MAX ? key + 1 : key;
		if (!pages->each(cells, pages->context))
			return TABLE_PAGES_STOPPED;
	}
	return TABLE_PAGES_DONE;
}

static enum table_pages_end walk(struct table_pages *pages, uint32_t number, int depth) /* NOLINT(misc-no-recursion) */
{
	enum table_pages_end end = TABLE_PAGES_DONE;
	struct page page;
	size_t index;

	if (!page_open(pages, number, depth, &page))
		return TABLE_PAGES_ODD;
	if (page.type == LEAF)
		return walk_leaf(pages, &page);
	if (!find_first(pages, &page, &index))
		return TABLE_PAGES_ODD;
	for (; index <= page.cell_count && end == TABLE_PAGES_DONE; index++) {
		bool is_last = index == page.cell_count;
		const unsigned char *child = is_last ? page.bytes + 8 : cell_at(pages, &page, index);
		int64_t highest = INT64_MAX;

		if (!child || (!is_last && !key_at(pages, &page, index, &highest)))
			return TABLE_PAGES_ODD;
		end = walk(pages, big_endian(child, 4), depth + 1);
		if (highest >= pages->last)
			break;
	}
	return end;
}

enum table_pages_end table_pages_read(struct table_pages *pages, int64_t first, int64_t last,
                                      bool (*each)(const int64_t *cells, void *context), void *context, int64_t *next)
{
	*next = first;
	pages->first = first;
	pages->last = last;
	pages->next = next;
	pages->visited = 0;
	pages->each = each;
	pages->context = context;
	return walk(pages, pages->root, 0);
}

/* ---- Opening ---- */

/* Which place COLUMN has among those that are wanted; the one behind them: it is not. */
static size_t place_of(const char *column, const char *const *columns, size_t count)
{
	size_t place = 0;

	while (place < count && strcmp(column, columns[place]) != 0)
		place++;
	return place;
}

/* Learns the order in which the columns are stored. A key by another name than the row's number is stored as it is, and
 * its rows will be odd. */
static bool find_columns(struct table_pages *pages, struct recording *recording, const char *table,
                         const char *const *columns, size_t count)
{
	struct sql_error ignored;
	sqlite3_stmt *rows = recording_prepare(
	    recording, "SELECT name, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid", &ignored);
	size_t found = 0;
	bool plain = true;

	sqlite3_bind_text(rows, 1, table, -1, SQLITE_STATIC);
	while (rows && plain && found < count && recording_step(recording, rows, &ignored) == 1) {
		const char *name = (const char *)sqlite3_column_text(rows, 0);
		size_t place = place_of(name ? name : "", columns, count);

		plain = sqlite3_column_int(rows, 1) == 0 && pages->stored < TABLE_PAGES_COLUMNS;
		if (plain)
			pages->cell_of[pages->stored++] = (int8_t)place;
		found += place < count;
	}
	sqlite3_finalize(rows);
	return plain && found == count;
}

/* Reads the file's header, now that the transaction has begun. */
static bool look_at_file(struct table_pages *pages, const struct recording *recording)
{
	unsigned char header[FILE_HEADER_BYTES];
	sqlite3_int64 file_bytes;

	if (sqlite3_file_control(recording->db, "main", SQLITE_FCNTL_FILE_POINTER, &pages->file) != SQLITE_OK ||
	    !pages->file || !pages->file->pMethods ||
	    pages->file->pMethods->xRead(pages->file, header, sizeof(header), 0) != SQLITE_OK ||
	    pages->file->pMethods->xFileSize(pages->file, &file_bytes) != SQLITE_OK)
		return false;
	if (!recording->at_rest && (header[18] != ROLLBACK_MODE || header[19] != ROLLBACK_MODE))
		return false;
	uint32_t bytes = big_endian(header + 16, 2);
	pages->page_bytes = bytes == 1 ? 65536 : bytes;
	if (pages->page_bytes < 512 || (pages->page_bytes & (pages->page_bytes - 1)) != 0)
		return false;
	pages->usable_bytes = pages->page_bytes - header[20];
	file_bytes /= (sqlite3_int64)pages->page_bytes;
	pages->page_count = file_bytes < UINT32_MAX ? (uint32_t)file_bytes : UINT32_MAX - 1;
	return true;
}

struct table_pages *table_pages_open(struct recording *recording, const char *table, const char *const *columns,
                                     size_t count)
{
	struct table_pages *pages = NULL;
	struct sql_error ignored;

	if (!recording->is_only_read || !recording->in_transaction)
		return NULL;
	sqlite3_stmt *row = recording_prepare(
	    recording, "SELECT rootpage FROM main.sqlite_schema WHERE type = 'table' AND name = ?1", &ignored);
	sqlite3_bind_text(row, 1, table, -1, SQLITE_STATIC);
	if (row && recording_step(recording, row, &ignored) == 1)
		pages = calloc(1, sizeof(*pages));
	if (pages)
		pages->root = (uint32_t)sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	if (pages && find_columns(pages, recording, table, columns, count) && look_at_file(pages, recording))
		return pages;
	table_pages_close(pages);
	return NULL;
}

void table_pages_close(struct table_pages *pages)
{
	if (!pages)
		return;
	for (size_t i = 0; i < DEPTH_MAX; i++)
		free(pages->windows[i].bytes);
	free(pages);
}
