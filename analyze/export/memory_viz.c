/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_viz.c - a recording as a snapshot of PyTorch's allocator, for pytorch.org/memory_viz: a pickle (protocol 2) of
 * {"segments": [], "device_traces": [...]}, a trace for each device and region, which "ttalloc" names in the same
 * order. Frames of a stack are in the pickle once; its memo holds them.
 */
#include "formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/query.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/base/memory.h"
#include "sql/base/vocabulary_sql.h"

/* Elements of a list between MARK and APPENDS. */
#define BATCH 1000
/* A flag of origins (vocabulary.h): such blocks lie in others, and count zero. */
#define ALIASED 4

struct series {
	int64_t device, region;
	char name[32]; /* of the region */
};

struct memory_viz {
	FILE *out;
	struct recording *recording;
	struct sql_error *error;
	struct series *series;
	size_t series_count;
	struct map memos; /* of stacks */
	uint32_t memo_count;
};

/* ---- pickle ---- */

static void put_op(struct memory_viz *viz, char op)
{
	putc(op, viz->out);
}

static void put_u32(struct memory_viz *viz, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		putc((int)(number >> (8 * i) & 0xff), viz->out);
}

static void put_text(struct memory_viz *viz, const char *text)
{
	put_op(viz, 'X'); /* BINUNICODE */
	put_u32(viz, (uint32_t)strlen(text));
	fputs(text, viz->out);
}

static void put_integer(struct memory_viz *viz, int64_t number)
{
	put_op(viz, '\x8a'); /* LONG1 */
	putc(8, viz->out);
	put_u32(viz, (uint32_t)number);
	put_u32(viz, (uint32_t)((uint64_t)number >> 32));
}

static void put_text_of(struct memory_viz *viz, const char *key, const char *text)
{
	put_text(viz, key);
	put_text(viz, text);
}

static void put_integer_of(struct memory_viz *viz, const char *key, int64_t number)
{
	put_text(viz, key);
	put_integer(viz, number);
}

/* ---- frames ---- */

static int put_new_frames(struct memory_viz *viz, int64_t stack)
{
	char statement[160];
	struct query_run *run;
	int state;

	snprintf(
	    statement, sizeof(statement),
	    "SELECT coalesce(function, module, ''), coalesce(file, module, ''), coalesce(line, 0) FROM stack WHERE "
	    "stack_id = %" PRId64 " ORDER BY depth",
	    stack);
	run = query_start_sql(viz->recording, statement, viz->error);
	put_op(viz, ']');
	put_op(viz, '(');
	while ((state = run ? query_next(run, viz->error) : -1) == 1) {
		struct query_cell name, file, line;

		query_cell(run, 0, &name);
		query_cell(run, 1, &file);
		query_cell(run, 2, &line);
		put_op(viz, '}');
		put_op(viz, '(');
		put_text_of(viz, "name", name.text);
		put_text_of(viz, "filename", file.text);
		put_integer_of(viz, "line", line.integer);
		put_op(viz, 'u');
	}
	put_op(viz, 'e');
	if (run)
		query_finish(run);
	return state;
}

/* The frames of a stack; where there is none, the label stands for them. */
static int put_frames(struct memory_viz *viz, const struct query_cell *stack, const struct query_cell *label)
{
	if (stack->type == CELL_INTEGER) {
		struct map_key key = {.a = stack->integer};
		uint32_t memo = map_get(&viz->memos, key);

		if (memo != MAP_NONE) {
			put_op(viz, 'j'); /* LONG_BINGET */
			put_u32(viz, memo);
			return 0;
		}
		if (put_new_frames(viz, stack->integer) < 0)
			return -1;
		if (map_put(&viz->memos, key, viz->memo_count) < 0)
			memory_exhausted();
		put_op(viz, 'r'); /* LONG_BINPUT */
		put_u32(viz, viz->memo_count++);
		return 0;
	}
	put_op(viz, ']');
	if (label->type == CELL_TEXT) {
		put_op(viz, '}');
		put_op(viz, '(');
		put_text_of(viz, "name", label->text);
		put_text_of(viz, "filename", "");
		put_integer_of(viz, "line", 0);
		put_op(viz, 'u');
		put_op(viz, 'a');
	}
	return 0;
}

/* ---- traces ---- */

/* Columns: 1 for an alloc, time in microseconds, address, bytes, stack, label. */
static int put_entry(struct memory_viz *viz, const struct query_run *run)
{
	struct query_cell cells[6];

	for (size_t i = 0; i < 6; i++)
		query_cell(run, i, &cells[i]);
	put_op(viz, '}');
	put_op(viz, '(');
	put_text_of(viz, "action", cells[0].integer ? "alloc" : "free_completed");
	put_integer_of(viz, "addr", cells[2].integer);
	put_integer_of(viz, "size", cells[3].integer);
	put_integer_of(viz, "stream", 0);
	put_integer_of(viz, "time_us", cells[1].integer);
	put_text(viz, "frames");
	if (put_frames(viz, &cells[4], &cells[5]) < 0)
		return -1;
	put_op(viz, 'u');
	return 0;
}

/* Blocks that lie at one address of different processes or allocators have to differ: bits above say whose it is. */
static int put_trace(struct memory_viz *viz, const struct series *series)
{
	char statement[2048];
	struct query_run *run;
	size_t count = 0;
	int state;

	snprintf(
	    statement, sizeof(statement),
	    "WITH entry AS (SELECT 1 AS is_alloc, key - life AS key, free_ns - held_ns AS at_ns, address, size_bytes, "
	    "origin FROM freed UNION ALL SELECT 0, key, free_ns, address, size_bytes, origin FROM freed UNION ALL "
	    "SELECT 1, key, alloc_ns, address, size_bytes, origin FROM held UNION ALL "
	    "SELECT 0, coalesce(h.end_key, %" PRId64
	    "), coalesce(h.end_ns, p.ended_ns), address, size_bytes, origin FROM held h "
	    "JOIN origin o ON o.id = h.origin JOIN process_info p ON p.id = o.process "
	    "WHERE coalesce(h.end_ns, p.ended_ns) IS NOT NULL) "
	    "SELECT is_alloc, (start_realtime_ns + at_ns) / 1000, address | ((o.process - 1) << 44) | "
	    "(coalesce(a.allocator - 1, 0) << 52), size_bytes, iif(is_alloc, o.stack, NULL), iif(is_alloc, l.path, "
	    "NULL) "
	    "FROM entry e CROSS JOIN origin o ON o.id = e.origin LEFT JOIN label_info l ON l.id = o.label "
	    "LEFT JOIN origin_allocator a ON a.origin = e.origin, recording_info "
	    "WHERE o.device = %" PRId64 " AND o.region = %" PRId64 " AND o.flags & %d = 0 "
	    "ORDER BY at_ns, o.process, key",
	    INT64_MAX, series->device, series->region, ALIASED);
	run = query_start_sql(viz->recording, statement, viz->error);
	put_op(viz, ']');
	put_op(viz, '(');
	while ((state = run ? query_next(run, viz->error) : -1) == 1 && !ferror(viz->out)) {
		if (put_entry(viz, run) < 0) {
			state = -1;
			break;
		}
		if (++count % BATCH == 0) {
			put_op(viz, 'e');
			put_op(viz, '(');
		}
	}
	put_op(viz, 'e');
	if (run)
		query_finish(run);
	return state < 0 ? -1 : 0;
}

static int find_series(struct memory_viz *viz)
{
	struct query_run *run =
	    query_start_sql(viz->recording,
	                    "SELECT DISTINCT device, region, region_word(region) FROM process_usage WHERE "
	                    "region NOT IN (" SQL_REGION_CB ", " SQL_REGION_KERNEL ") ORDER BY device, region",
	                    viz->error);
	size_t capacity = 0;
	int state;

	while ((state = run ? query_next(run, viz->error) : -1) == 1) {
		struct query_cell device, region, name;

		query_cell(run, 0, &device);
		query_cell(run, 1, &region);
		query_cell(run, 2, &name);
		viz->series = memory_room(viz->series, viz->series_count, &capacity, sizeof(*viz->series));
		struct series *series = &viz->series[viz->series_count++];
		*series = (struct series){.device = device.integer, .region = region.integer};
		snprintf(series->name, sizeof(series->name), "%s", name.text);
	}
	if (run)
		query_finish(run);
	return state;
}

int export_memory_viz(struct recording *recording, FILE *out, struct sql_error *error)
{
	struct memory_viz viz = {.out = out, .recording = recording, .error = error};
	int result = find_series(&viz);

	fputs("\x80\x02}(", out);
	put_text(&viz, "segments");
	put_op(&viz, ']');
	put_text(&viz, "device_traces");
	fputs("](", out);
	for (size_t i = 0; result == 0 && i < viz.series_count; i++)
		result = put_trace(&viz, &viz.series[i]);
	put_op(&viz, 'e');
	put_text(&viz, "ttalloc");
	fputs("](", out);
	for (size_t i = 0; i < viz.series_count; i++) {
		char name[64];

		snprintf(name, sizeof(name), "device %" PRId64 " %s", viz.series[i].device, viz.series[i].name);
		put_text(&viz, name);
	}
	fputs("eu.", out);
	if (result == 0 && !viz.series_count)
		result = sql_fail(error, "%s: nothing was ever live in it", recording_path(recording));
	map_clear(&viz.memos);
	free(viz.series);
	return result;
}
