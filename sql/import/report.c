/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - the database of a report of ttnn, schemas 2 and 3: for each operation all buffers that were live after it.
 * So what an operation did in between is not known, nor are payloads: sizes are those of a bank.
 */
#include "formats.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meshes.h"
#include "scene.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "ttalloc.h"

#define SIZE_MOST (INT64_C(1) << 48)
#define DURATION_MOST_S 1e6
/* Between two operations, where no time is known to have passed. */
#define GAP_NS 1000

struct report {
	struct book *book;
	struct scene *scene;
	struct recording *from;
	struct meshes meshes;
	struct sql_error *error;
};

/* ---- which tables and columns there are: schemas differ ---- */

static bool has(struct report *report, const char *table, const char *column)
{
	sqlite3_stmt *statement =
	    recording_prepare(report->from,
	                      "SELECT 1 FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 AND hidden = 0 AND EXISTS "
	                      "(SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 AND rootpage > 0)",
	                      report->error);
	bool found = false;

	if (!statement)
		return false;
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
	found = recording_step(report->from, statement, report->error) == 1;
	sqlite3_finalize(statement);
	return found;
}

static int check(struct report *report)
{
	static const struct {
		const char *table, *column;
	} needed[] = {{"operations", "operation_id"}, {"operations", "name"},          {"operations", "duration"},
	              {"buffers", "operation_id"},    {"buffers", "device_id"},        {"buffers", "address"},
	              {"buffers", "buffer_type"},     {"buffers", "max_size_per_bank"}};
	int64_t ranks = 1;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!has(report, needed[i].table, needed[i].column))
			return sql_fail(report->error, "%s: no report of ttnn: it has no table %s with a column %s",
			                report->from->path, needed[i].table, needed[i].column);
	if (has(report, "operations", "rank") &&
	    recording_integer(report->from, "SELECT count(DISTINCT rank) FROM operations", 1, &ranks, report->error) <
	        0)
		return -1;
	if (ranks > 1)
		return sql_fail(report->error,
		                "%s: a report of several ranks, which cannot be told apart in one recording",
		                report->from->path);
	return 0;
}

/* ---- chips: buffers name the mesh that they lie on ---- */

static int read_pairs(struct report *report, const char *sql)
{
	sqlite3_stmt *rows = recording_prepare(report->from, sql, report->error);
	int state = -1;

	while (rows && (state = recording_step(report->from, rows, report->error)) == 1)
		meshes_add(&report->meshes, rows);
	sqlite3_finalize(rows);
	return state;
}

/* Captured graphs tell the chips of a mesh; the table of tensors may name the mesh itself once more. */
static int read_meshes(struct report *report)
{
	if (has(report, "captured_graph", "captured_graph") &&
	    read_pairs(report, MESHES_SELECT " FROM captured_graph g," MESHES_FROM(
	                           "iif(json_valid(g.captured_graph), g.captured_graph, '[]')")) < 0)
		return -1;
	if (report->meshes.count || !has(report, "device_tensors", "device_id") ||
	    !has(report, "device_tensors", "tensor_id") || !has(report, "tensors", "device_id") ||
	    !has(report, "tensors", "tensor_id"))
		return 0;
	return read_pairs(report, "SELECT DISTINCT t.device_id, d.device_id FROM tensors t JOIN device_tensors d "
	                          "ON d.tensor_id = t.tensor_id WHERE t.device_id IS NOT NULL ORDER BY 1, 2");
}

/* Whether MESH is known to be other chips than one of its number. */
static bool is_mesh(const struct report *report, uint32_t mesh)
{
	uint32_t device;

	return meshes_device(&report->meshes, mesh, 0, &device) && device != mesh;
}

/* L1 alone: of DRAM a report says nothing. */
static int read_banks(struct report *report)
{
	static const char sql[] =
	    "SELECT DISTINCT device_id, l1_num_banks, l1_bank_size, address_at_first_l1_cb_buffer FROM devices "
	    "WHERE device_id BETWEEN 0 AND 65534 AND l1_num_banks BETWEEN 1 AND 65535 AND l1_bank_size BETWEEN 1 AND 1 "
	    "<< 48 "
	    "AND address_at_first_l1_cb_buffer BETWEEN 0 AND 1 << 48 ORDER BY 1";
	sqlite3_stmt *rows;
	int state = -1;

	if (!has(report, "devices", "l1_bank_size") || !has(report, "devices", "l1_num_banks") ||
	    !has(report, "devices", "address_at_first_l1_cb_buffer") || !has(report, "devices", "device_id"))
		return 0;
	rows = recording_prepare(report->from, sql, report->error);
	while (rows && (state = recording_step(report->from, rows, report->error)) == 1) {
		uint32_t device = (uint32_t)sqlite3_column_int64(rows, 0);

		if (!is_mesh(report, device)) /* which is in the table, too */
			book_bank(report->book, &(struct book_bank){.device = device,
			                                            .region = TTALLOC_L1,
			                                            .banks = (uint32_t)sqlite3_column_int64(rows, 1),
			                                            .bank_bytes = sqlite3_column_int64(rows, 2),
			                                            .base_address = sqlite3_column_int64(rows, 3)});
	}
	sqlite3_finalize(rows);
	return state;
}

/* ---- operations, and what was live after each ---- */

static bool is_region(int64_t type)
{
	return type >= TTALLOC_DRAM && type <= TTALLOC_TRACE;
}

static void add_buffer(struct report *report, sqlite3_stmt *row)
{
	int64_t mesh = sqlite3_column_int64(row, 0), type = sqlite3_column_int64(row, 3),
	        size = sqlite3_column_int64(row, 2);
	struct book_block block = {
	    .region = (uint32_t)type, .address = sqlite3_column_int64(row, 1), .size_bytes = size, .bank_bytes = size};

	if (!is_region(type) || size < 0 || size > SIZE_MOST) {
		book_leave_out(report->book);
		return;
	}
	if (sqlite3_column_int64(row, 4) != 0)
		block.flags = TTALLOC_SHARDED;
	for (size_t i = 0; meshes_device(&report->meshes, mesh, i, &block.device); i++)
		scene_add(report->scene, &block);
}

static int read_buffers(struct report *report, sqlite3_stmt *buffers, int64_t operation)
{
	int state;

	sqlite3_bind_int64(buffers, 1, operation);
	while ((state = recording_step(report->from, buffers, report->error)) == 1)
		add_buffer(report, buffers);
	sqlite3_reset(buffers);
	return state;
}

static int64_t duration_ns(sqlite3_stmt *row)
{
	double seconds = sqlite3_column_double(row, 2);

	return seconds > 0 && seconds < DURATION_MOST_S ? (int64_t)(seconds * 1e9) : 0;
}

/* What changed is taken to have changed when the operation began: frees, and then allocations. */
static int read_operation(struct report *report, sqlite3_stmt *row, sqlite3_stmt *buffers, int64_t *at_ns)
{
	const char *name = (const char *)sqlite3_column_text(row, 1);

	book_time(report->book, *at_ns);
	book_operation_begin(report->book, name ? name : "", NULL);
	if (read_buffers(report, buffers, sqlite3_column_int64(row, 0)) < 0)
		return -1;
	scene_change(report->scene);
	*at_ns += duration_ns(row);
	book_time(report->book, *at_ns);
	book_operation_end(report->book);
	*at_ns += GAP_NS;
	return 0;
}

static int read_operations(struct report *report)
{
	sqlite3_stmt *rows = recording_prepare(
	    report->from, "SELECT operation_id, name, duration FROM operations ORDER BY operation_id", report->error);
	sqlite3_stmt *buffers = recording_prepare(
	    report->from,
	    has(report, "buffers", "buffer_layout")
	        ? "SELECT device_id, address, max_size_per_bank, buffer_type, buffer_layout FROM buffers "
	          "WHERE operation_id = ?1"
	        : "SELECT device_id, address, max_size_per_bank, buffer_type, 0 FROM buffers WHERE operation_id = ?1",
	    report->error);
	int64_t at_ns = GAP_NS;
	int state = -1;

	while (rows && buffers && (state = recording_step(report->from, rows, report->error)) == 1)
		if (read_operation(report, rows, buffers, &at_ns) < 0 || !book_is_fine(report->book)) {
			state = -1;
			break;
		}
	sqlite3_finalize(rows);
	sqlite3_finalize(buffers);
	return state;
}

int report_import(struct book *book, const char *path, struct sql_error *error)
{
	struct report report = {.book = book, .error = error, .from = recording_open_foreign(path, error)};
	int result;

	if (!report.from)
		return -1;
	report.scene = scene_new(book);
	result = check(&report) == 0 && read_meshes(&report) == 0 && read_banks(&report) == 0 ? read_operations(&report)
	                                                                                      : -1;
	scene_free(report.scene);
	recording_close(report.from);
	meshes_clear(&report.meshes);
	book_note(book, "imported from a report of ttnn, which tells what was live after each operation, not within: "
	                "peaks may have "
	                "been higher, and blocks that lived within one operation are missing");
	book_note(
	    book,
	    "imported from a report of ttnn, which does not tell payloads (sizes are those of a bank), times between "
	    "operations, threads, banks of DRAM, and program memory");
	return result;
}
