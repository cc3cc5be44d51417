/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.c - a graph capture of ttnn: a JSON array of nodes in the order of what happened.
 *
 * Buffers name the mesh that they lie on, circular buffers the chip. Which chips a mesh has is told by tensors.
 */
#include "formats.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meshes.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "ttalloc.h"

/* Node by node: that of the order is all that is known of the time. */
#define NODE_NS 1000
#define SIZE_MOST (INT64_C(1) << 48)

/* The nodes are all of the file, or a member of it where that is of end_graph_capture_to_file(). */
#define GRAPH "iif(json_type(?1) = 'object', json_extract(?1, '$.graph'), ?1)"
/* SQLite reads the JSON; numbers are strings in captures of some versions. */
#define MEMBER(name) "json_extract(value, '$.params." name "')"
#define NUMBER(name) "CAST(" MEMBER(name) " AS INTEGER)"
/* The type is L1 of buffers in L1_SMALL, too; their buffer_type, which older captures lack, tells. */
/* clang-format off */
static const char nodes_sql[] =
    "SELECT json_extract(value, '$.node_type'), " MEMBER("name") ", " NUMBER("device_id") ", " NUMBER("address") ", "
    NUMBER("size") ", " NUMBER("max_size_per_bank") ", coalesce(" MEMBER("buffer_type") ", " MEMBER("type") "), "
    MEMBER("layout") ", " MEMBER("core_range_set") ", " NUMBER("globally_allocated")
    " FROM json_each(" GRAPH ") WHERE type = 'object'";
/* clang-format on */
enum column { NODE_TYPE, NAME, DEVICE, ADDRESS, SIZE, BANK_SIZE, TYPE, LAYOUT, CORES, ALIASED };

static const char meshes_sql[] = MESHES_SELECT " FROM" MESHES_FROM(GRAPH);

struct graph {
	struct book *book;
	sqlite3 *db;
	struct meshes meshes;
	uint64_t program; /* the one that circular buffers are placed for */
	uint32_t index;
};

/* ---- chips ---- */

static int read_meshes(struct graph *graph, sqlite3_stmt *rows)
{
	int code;

	while ((code = sqlite3_step(rows)) == SQLITE_ROW)
		meshes_add(&graph->meshes, rows);
	return code == SQLITE_DONE ? 0 : -1;
}

/* ---- nodes ---- */

static const char *text_of(sqlite3_stmt *row, enum column column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? text : "";
}

/* -1: it cannot be. */
static int64_t size_of(sqlite3_stmt *row, enum column column)
{
	int64_t size = sqlite3_column_int64(row, column);

	return size >= 0 && size <= SIZE_MOST ? size : -1;
}

static void take_buffer(struct graph *graph, sqlite3_stmt *row, bool is_alloc)
{
	int64_t region = region_number(text_of(row, TYPE), NULL);
	struct book_block block = {.region = (uint32_t)region,
	                           .allocator = (uint32_t)sqlite3_column_int64(row, DEVICE) & 0xffff,
	                           .address = sqlite3_column_int64(row, ADDRESS),
	                           .size_bytes = size_of(row, SIZE),
	                           .bank_bytes = size_of(row, BANK_SIZE)};

	if (region < 0 || block.size_bytes < 0 || block.bank_bytes < 0) {
		if (is_alloc)
			book_leave_out(graph->book);
		return;
	}
	if (strcmp(text_of(row, LAYOUT), "INTERLEAVED") != 0)
		block.flags = TTALLOC_SHARDED;
	for (size_t i = 0; meshes_device(&graph->meshes, sqlite3_column_int64(row, DEVICE), i, &block.device); i++) {
		if (is_alloc)
			book_alloc(graph->book, &block);
		else
			book_free(graph->book, &block);
	}
}

/* "{[0-0 - 12-9], [0-10 - 3-10]}" */
static void read_cores(const char *text, struct cores *cores)
{
	struct core_range range;

	cores->count = 0;
	for (; (text = strchr(text, '[')); text++) {
		if (cores->count == CORE_RANGES_MOST ||
		    sscanf(text, "[%5hu-%5hu - %5hu-%5hu]", &range.x0, &range.y0, &range.x1, &range.y1) != 4) {
			cores->count = 0; /* not known */
			return;
		}
		cores->ranges[cores->count++] = range;
	}
}

static void take_cb(struct graph *graph, sqlite3_stmt *row)
{
	struct cores cores;
	int64_t device = sqlite3_column_int64(row, DEVICE), size = size_of(row, SIZE);

	if (device < 0 || device >= TTALLOC_ANY || size < 0) {
		book_leave_out(graph->book);
		return;
	}
	read_cores(text_of(row, CORES), &cores);
	book_cb_alloc(graph->book, &(struct book_cb){.device = (uint32_t)device,
	                                             .index = graph->index++,
	                                             .program = graph->program,
	                                             .address = sqlite3_column_int64(row, ADDRESS),
	                                             .size_bytes = size,
	                                             .aliased = sqlite3_column_int64(row, ALIASED) != 0,
	                                             .cores = &cores});
}

/* The next program replaces the one before. */
static void take_next_program(struct graph *graph, sqlite3_stmt *row)
{
	uint32_t device;

	for (size_t i = 0; meshes_device(&graph->meshes, sqlite3_column_int64(row, DEVICE), i, &device); i++)
		book_cb_free(graph->book, device, graph->program);
	graph->program++;
	graph->index = 0;
}

static void take_node(struct graph *graph, sqlite3_stmt *row)
{
	const char *type = text_of(row, NODE_TYPE);

	if (strcmp(type, "function_start") == 0)
		book_operation_begin(graph->book, text_of(row, NAME), NULL);
	else if (strcmp(type, "function_end") == 0)
		book_operation_end(graph->book);
	else if (strcmp(type, "buffer_allocate") == 0)
		take_buffer(graph, row, true);
	else if (strcmp(type, "buffer_deallocate") == 0)
		take_buffer(graph, row, false);
	else if (strcmp(type, "circular_buffer_allocate") == 0)
		take_cb(graph, row);
	else if (strcmp(type, "circular_buffer_deallocate_all") == 0)
		take_next_program(graph, row);
}

static int read_nodes(struct graph *graph, sqlite3_stmt *rows)
{
	int64_t at_ns = 0;
	int code;

	while ((code = sqlite3_step(rows)) == SQLITE_ROW && book_is_fine(graph->book)) {
		book_time(graph->book, at_ns += NODE_NS);
		take_node(graph, rows);
	}
	return code == SQLITE_DONE || code == SQLITE_ROW ? 0 : -1;
}

static int query(struct graph *graph, const char *sql, const char *text, size_t bytes,
                 int (*read)(struct graph *graph, sqlite3_stmt *rows))
{
	sqlite3_stmt *rows;
	int result = -1;

	if (sqlite3_prepare_v2(graph->db, sql, -1, &rows, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_bind_text64(rows, 1, text, bytes, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK)
		result = read(graph, rows);
	sqlite3_finalize(rows);
	return result;
}

int graph_import(struct book *book, const char *path, const char *text, size_t bytes, struct sql_error *error)
{
	struct graph graph = {.book = book, .program = 1};
	int result = -1;

	if (sqlite3_open(":memory:", &graph.db) == SQLITE_OK &&
	    query(&graph, meshes_sql, text, bytes, read_meshes) == 0)
		result = query(&graph, nodes_sql, text, bytes, read_nodes);
	if (result < 0)
		sql_fail(error, "%s: no graph capture of ttnn: %s", path, sqlite3_errmsg(graph.db));
	sqlite3_close(graph.db);
	meshes_clear(&graph.meshes);
	book_note(
	    book,
	    "imported from a graph capture of ttnn, which does not tell times (1 us stands between two of its nodes), "
	    "threads, banks and the unit that sizes in them are rounded up to, kernel binaries, nor what was live "
	    "before it began");
	book_note(book, "imported from a graph capture of ttnn, in which dataflow buffers and scratchpads are missing");
	return result;
}
