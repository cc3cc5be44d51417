/* SPDX-License-Identifier: Apache-2.0
 *
 * operation_parts.c - operation_parts(parts): what each thread ran when, for pictures. Of the operations that lie in no
 * other one, those that last as long as one of so many equal parts of the time window are rows of their own; shorter
 * ones that begin in the same part are one row, with the name that took most of their time. So there are at most two
 * rows for each part and thread, whatever the recording.
 *
 *   process, thread   ids
 *   number            of the operation; NULL: of several
 *   name              operation_text.id
 *   begin_ns, end_ns  of the first, and of the last one; end_ns is NULL where that has not ended
 *   operations        how many
 *   total_ns          how long all of them took
 */
#include <stdlib.h>
#include <string.h>

#include "sql/answers/table_function.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/operations/operations.h"
#include "sql/store/recording.h"

#define NAMES_TOLD 32 /* apart, of a part */
#define PARTS_MOST 100000

/* Operations of a thread that began in the same part. */
struct part {
	uint32_t thread;
	int64_t at; /* which part it is */
	int64_t operations, number, begin_ns, end_ns, total_ns;
	struct {
		uint32_t name;
		int64_t total_ns;
	} names[NAMES_TOLD];
	size_t name_count;
};

struct telling_parts {
	struct table_call *call;
	struct operations *operations;
	int64_t start_ns, end_ns, width_ns;
	int64_t process;    /* the one that is read */
	struct part *parts; /* a thread each: the one that is being read */
	size_t count, capacity;
	struct map threads; /* id -> parts */
};

/* ---- rows ---- */

static uint32_t longest_name(const struct part *part)
{
	size_t longest = 0;

	for (size_t i = 1; i < part->name_count; i++)
		if (part->names[i].total_ns > part->names[longest].total_ns)
			longest = i;
	return part->names[longest].name;
}

/* Adds the row of PART, which begins anew. */
static int flush(struct telling_parts *telling, struct part *part)
{
	int64_t cells[] = {telling->process,   part->thread,   part->operations == 1 ? part->number : TABLE_NULL,
	                   longest_name(part), part->begin_ns, part->end_ns,
	                   part->operations,   part->total_ns};
	bool any = part->operations > 0;

	part->operations = 0;
	return any ? table_add(telling->call->table, cells, telling->call->error) : 0;
}

static int tell_alone(struct telling_parts *telling, const struct operation *operation, int64_t end_ns)
{
	const struct operation_what *what = operations_what(telling->operations, operation->what);
	int64_t cells[] = {telling->process,
	                   what->thread,
	                   operation->number,
	                   what->name,
	                   operation->begin_ns,
	                   operation->end_key == OPERATION_OPEN ? TABLE_NULL : operation->end_ns,
	                   1,
	                   end_ns - operation->begin_ns};

	return table_add(telling->call->table, cells, telling->call->error);
}

/* ---- parts ---- */

static struct part *part_of(struct telling_parts *telling, uint32_t thread)
{
	uint32_t place = map_enter(&telling->threads, (struct map_key){thread, 0, 0}, (uint32_t)telling->count);

	if (place == MAP_NONE)
		return NULL;
	if (place == telling->count) {
		if (array_reserve(&telling->parts, &telling->capacity, telling->count) < 0)
			return NULL;
		telling->parts[telling->count++] = (struct part){.thread = thread};
	}
	return &telling->parts[place];
}

static void count_name(struct part *part, uint32_t name, int64_t took_ns)
{
	size_t i = 0;

	while (i < part->name_count && part->names[i].name != name)
		i++;
	if (i == NAMES_TOLD)
		return;
	if (i == part->name_count) {
		part->names[part->name_count++].name = name;
		part->names[i].total_ns = 0;
	}
	part->names[i].total_ns += took_ns;
}

/* Backwards: an operation of the thread that ended before those that PART has. */
static int add(struct telling_parts *telling, const struct operation *operation)
{
	const struct operation_what *what = operations_what(telling->operations, operation->what);
	int64_t at = (operation->begin_ns - telling->start_ns) / telling->width_ns;
	int64_t took_ns = operation->end_ns - operation->begin_ns;
	struct part *part = part_of(telling, what->thread);

	if (!part)
		return sql_fail(telling->call->error, "out of memory");
	if (part->operations && part->at != at && flush(telling, part) < 0)
		return -1;
	if (!part->operations)
		*part = (struct part){.thread = what->thread, .at = at, .end_ns = operation->end_ns};
	part->operations++;
	part->number = operation->number;
	part->begin_ns = operation->begin_ns;
	part->total_ns += took_ns;
	count_name(part, what->name, took_ns);
	return 0;
}

static int take(struct telling_parts *telling, const struct operation *operation)
{
	int64_t end_ns = operation->end_key == OPERATION_OPEN ? telling->end_ns : operation->end_ns;

	if (operations_what(telling->operations, operation->what)->around || operation->begin_ns > telling->end_ns ||
	    end_ns < telling->start_ns)
		return 0;
	if (operation->end_key == OPERATION_OPEN || end_ns - operation->begin_ns >= telling->width_ns)
		return tell_alone(telling, operation, end_ns);
	return add(telling, operation);
}

static int tell_process(struct telling_parts *telling, int64_t process)
{
	struct operations_cursor cursor = {0};
	struct operation operation;
	int result = 0;

	telling->process = process;
	telling->count = 0;
	map_clear(&telling->threads);
	while (result == 0 && operations_next(telling->operations, process, &cursor, &operation))
		result = take(telling, &operation);
	operations_cursor_clear(&cursor);
	for (size_t i = 0; result == 0 && i < telling->count; i++)
		result = flush(telling, &telling->parts[i]);
	return result;
}

/* ---- the function ---- */

static int choose_window(struct telling_parts *telling)
{
	struct table_call *call = telling->call;
	int64_t parts = table_number(call, 0, 1000), end_ns;

	if (parts < 1 || parts > PARTS_MOST)
		return sql_fail(call->error, "between 1 and %d parts", PARTS_MOST);
	if (recording_integer(call->recording, "SELECT end_ns FROM main.recording_info", 0, &end_ns, call->error) < 0)
		return -1;
	telling->start_ns = call->filter.start_ns > 0 ? call->filter.start_ns : 0;
	telling->end_ns = call->filter.end_ns < end_ns ? call->filter.end_ns : end_ns;
	telling->width_ns = telling->end_ns > telling->start_ns ? (telling->end_ns - telling->start_ns) / parts + 1 : 1;
	return 0;
}

static int fill_operation_parts(struct table_call *call)
{
	struct telling_parts telling = {.call = call};
	sqlite3_stmt *rows = NULL;
	int state = choose_window(&telling);

	if (state == 0)
		telling.operations = operations_open(call->recording, call->error);
	if (telling.operations)
		rows = recording_prepare(call->recording, "SELECT id FROM main.process_info ORDER BY id", call->error);
	state = rows ? 0 : -1;
	while (rows && (state = recording_step(call->recording, rows, call->error)) == 1)
		if (tell_process(&telling, sqlite3_column_int64(rows, 0)) < 0) {
			state = -1;
			break;
		}
	if (state == 0)
		state = operations_check(telling.operations, call->error);
	sqlite3_finalize(rows);
	map_clear(&telling.threads);
	free(telling.parts);
	operations_close(telling.operations);
	return state;
}

const struct table_function table_operation_parts = {
    .name = "operation_parts",
    .columns = "process, thread, number, name, begin_ns, end_ns, operations, total_ns",
    .arguments = {"parts"},
    .fill = fill_operation_parts,
};
