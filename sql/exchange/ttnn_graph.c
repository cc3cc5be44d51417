/* SPDX-License-Identifier: Apache-2.0
 *
 * ttnn_graph.c - the circular buffers of each operation, as nodes of a graph that ttnn captured: those of the programs
 * that ran in it, or that it placed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "sql/base/vocabulary_sql.h"
#include "ttnn_private.h"

struct circular {
	int64_t key, end_key; /* INT64_MAX: it has not ended */
	int64_t program, device, address, size_bytes;
	bool aliased;
	char *cores; /* JSON */
};

struct run {
	int64_t key, program, device;
};

struct graphs {
	struct ttnn_report *report;
	sqlite3_stmt *circulars, *runs, *name, *insert;
	int64_t next_key;      /* of the row that CIRCULARS is at; INT64_MAX: there are no more */
	struct circular *list; /* those that have not ended before the operation */
	size_t count, capacity;
	struct run *ran; /* in the operation */
	size_t ran_count, ran_capacity;
};

/* Nodes are numbered, and each names the one behind it. */
static void put_node(FILE *out, size_t *counter, const char *type, const char *params)
{
	fprintf(out, "%s{\"counter\":%zu,\"node_type\":\"%s\",\"params\":%s,\"connections\":[%zu],\"arguments\":[]}",
	        *counter ? "," : "[", *counter, type, params, *counter + 1);
	++*counter;
}

/* JSON [[x0,y0,x1,y1],...] as TT-Metal writes a CoreRangeSet. */
static void put_cores(FILE *out, const char *cores)
{
	long x0, y0, x1, y1;
	int used;
	const char *between = "";

	fputs("\"{", out);
	for (cores += *cores == '['; sscanf(cores, "[%ld,%ld,%ld,%ld]%n", &x0, &y0, &x1, &y1, &used) == 4;
	     between = ", ") {
		fprintf(out, "%s[(x=%ld,y=%ld) - (x=%ld,y=%ld)]", between, x0, y0, x1, y1);
		cores += used;
		cores += *cores == ',';
	}
	fputs("}\"", out);
}

static void put_circular(FILE *out, size_t *counter, const struct circular *circular)
{
	char *params = NULL;
	size_t bytes;
	FILE *text = memory_or_die(open_memstream(&params, &bytes));

	fprintf(text,
	        "{\"address\":\"%" PRId64 "\",\"size\":\"%" PRId64 "\",\"device_id\":\"%" PRId64
	        "\",\"globally_allocated\":\"%d\",\"core_range_set\":",
	        circular->address, circular->size_bytes, circular->device, circular->aliased);
	put_cores(text, circular->cores);
	putc('}', text);
	fclose(text);
	put_node(out, counter, "circular_buffer_allocate", memory_or_die(params));
	free(params);
}

static void put_named(FILE *out, size_t *counter, const char *type, const char *name)
{
	char *params = NULL;
	size_t bytes;
	FILE *text = memory_or_die(open_memstream(&params, &bytes));

	fputs("{\"name\":", text);
	text_json(text, name, strlen(name));
	fputs(",\"inputs\":\"0\"}", text);
	fclose(text);
	put_node(out, counter, type, memory_or_die(params));
	free(params);
}

/* ---- what was there ---- */

static int next_circular(struct graphs *graphs)
{
	int state = recording_step(graphs->report->recording, graphs->circulars, graphs->report->error);

	graphs->next_key = state == 1 ? sqlite3_column_int64(graphs->circulars, 0) : INT64_MAX;
	return state < 0 ? -1 : 0;
}

static int take_circular(struct graphs *graphs)
{
	sqlite3_stmt *row = graphs->circulars;
	const char *cores = (const char *)sqlite3_column_text(row, 6);

	graphs->list = memory_room(graphs->list, graphs->count, &graphs->capacity, sizeof(*graphs->list));
	graphs->list[graphs->count++] = (struct circular){.key = sqlite3_column_int64(row, 0),
	                                                  .end_key = sqlite3_column_int64(row, 1),
	                                                  .program = sqlite3_column_int64(row, 2),
	                                                  .device = sqlite3_column_int64(row, 3),
	                                                  .address = sqlite3_column_int64(row, 4),
	                                                  .size_bytes = sqlite3_column_int64(row, 5),
	                                                  .aliased = sqlite3_column_int(row, 7) != 0,
	                                                  .cores = memory_text(cores ? cores : "")};
	return next_circular(graphs);
}

/* Those that ended before KEY go. */
static void drop_ended(struct graphs *graphs, int64_t key)
{
	size_t kept = 0;

	for (size_t i = 0; i < graphs->count; i++) {
		if (graphs->list[i].end_key > key)
			graphs->list[kept++] = graphs->list[i];
		else
			free(graphs->list[i].cores);
	}
	graphs->count = kept;
}

static int find_runs(struct graphs *graphs, const struct ttnn_operation *operation)
{
	int state;

	graphs->ran_count = 0;
	sqlite3_reset(graphs->runs);
	sqlite3_bind_int64(graphs->runs, 1, operation->process);
	sqlite3_bind_int64(graphs->runs, 2, operation->begin_key);
	sqlite3_bind_int64(graphs->runs, 3, operation->end_key);
	while ((state = recording_step(graphs->report->recording, graphs->runs, graphs->report->error)) == 1) {
		graphs->ran = memory_room(graphs->ran, graphs->ran_count, &graphs->ran_capacity, sizeof(*graphs->ran));
		graphs->ran[graphs->ran_count++] = (struct run){.key = sqlite3_column_int64(graphs->runs, 0),
		                                                .program = sqlite3_column_int64(graphs->runs, 1),
		                                                .device = sqlite3_column_int64(graphs->runs, 2)};
	}
	return state;
}

/* Whether OPERATION placed CIRCULAR, or ran its program. */
static bool belongs(const struct graphs *graphs, const struct ttnn_operation *operation,
                    const struct circular *circular)
{
	if (circular->key >= operation->end_key)
		return false;
	if (circular->key > operation->begin_key)
		return true;
	for (size_t i = 0; i < graphs->ran_count; i++)
		if (graphs->ran[i].program == circular->program && graphs->ran[i].device == circular->device &&
		    graphs->ran[i].key < circular->end_key)
			return true;
	return false;
}

static int put_graph(struct graphs *graphs, const struct ttnn_operation *operation)
{
	char *graph = NULL;
	size_t bytes, counter = 0;

	sqlite3_reset(graphs->name);
	sqlite3_bind_int64(graphs->name, 1, operation->id);
	const char *name =
	    sqlite3_step(graphs->name) == SQLITE_ROW ? (const char *)sqlite3_column_text(graphs->name, 0) : NULL;
	FILE *out = memory_or_die(open_memstream(&graph, &bytes));
	put_node(out, &counter, "capture_start", "{}");
	put_named(out, &counter, "function_start", name ? name : "");
	for (size_t i = 0; i < graphs->count; i++)
		if (belongs(graphs, operation, &graphs->list[i]))
			put_circular(out, &counter, &graphs->list[i]);
	put_named(out, &counter, "function_end", name ? name : "");
	put_node(out, &counter, "capture_end", "{}");
	putc(']', out);
	fclose(out);
	sqlite3_bind_int64(graphs->insert, 1, operation->id);
	sqlite3_bind_text(graphs->insert, 2, memory_or_die(graph), -1, free);
	sqlite3_bind_int64(graphs->insert, 3, operation->rank);
	return ttnn_insert(graphs->report, graphs->insert);
}

static int put_operation(struct graphs *graphs, const struct ttnn_operation *operation)
{
	while (graphs->next_key < operation->end_key)
		if (take_circular(graphs) < 0)
			return -1;
	drop_ended(graphs, operation->begin_key);
	return find_runs(graphs, operation) < 0 ? -1 : put_graph(graphs, operation);
}

static int begin_process(struct graphs *graphs, int64_t process)
{
	drop_ended(graphs, INT64_MAX);
	sqlite3_reset(graphs->circulars);
	sqlite3_bind_int64(graphs->circulars, 1, process);
	return next_circular(graphs);
}

static int prepare(struct graphs *graphs)
{
	struct ttnn_report *report = graphs->report;

	graphs->circulars = recording_prepare(
	    report->recording,
	    "SELECT c.key, coalesce(c.end_key, 9223372036854775807), c.program, o.device, c.address, c.size_bytes, "
	    "c.cores, "
	    "o.flags & " SQL_FLAG_ALIASED
	    " FROM circular_buffer c JOIN origin o ON o.id = c.origin WHERE o.process = ?1 ORDER BY c.key",
	    report->error);
	graphs->runs = recording_prepare(report->recording,
	                                 "SELECT r.key, r.program, o.device FROM program_run r JOIN origin o ON o.id = "
	                                 "r.origin WHERE o.process = ?1 AND r.key > ?2 AND r.key < ?3",
	                                 report->error);
	graphs->name = ttnn_prepare(report, "SELECT name FROM operations WHERE operation_id = ?1");
	graphs->insert =
	    ttnn_prepare(report, "INSERT INTO captured_graph(operation_id, captured_graph, rank) VALUES(?1, ?2, ?3)");
	return graphs->circulars && graphs->runs && graphs->name && graphs->insert ? 0 : -1;
}

int ttnn_write_graphs(struct ttnn_report *report)
{
	struct graphs graphs = {.report = report};
	int result = prepare(&graphs);

	for (size_t i = 0; result == 0 && i < report->operation_count; i++) {
		const struct ttnn_operation *operation = &report->operations[i];

		if (i == 0 || operation->process != operation[-1].process)
			result = begin_process(&graphs, operation->process);
		if (result == 0)
			result = put_operation(&graphs, operation);
	}
	drop_ended(&graphs, INT64_MAX);
	sqlite3_finalize(graphs.circulars);
	sqlite3_finalize(graphs.runs);
	sqlite3_finalize(graphs.name);
	sqlite3_finalize(graphs.insert);
	free(graphs.list);
	free(graphs.ran);
	return result;
}
