/* SPDX-License-Identifier: Apache-2.0
 *
 * ttnn_live.c - what was live after each operation: the blocks of each process in the order of their allocs beside its
 * operations in the order of their ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/vocabulary_sql.h"
#include "ttalloc.h"
#include "ttnn_private.h"

/* Beyond it neither the report nor its viewer is of any use. */
#define ROWS_MOST 20000000

struct live_block {
	int64_t end_key; /* INT64_MAX: none */
	int64_t device, region, address, bank_bytes, sharded;
};

struct live {
	struct ttnn_report *report;
	sqlite3_stmt *blocks; /* of the process, by alloc */
	sqlite3_stmt *insert;
	int64_t next_key; /* of the row that BLOCKS is at; INT64_MAX: there are no more */
	struct live_block *list;
	size_t count, capacity;
	int64_t rows;
};

static int next_block(struct live *live)
{
	int state = recording_step(live->report->recording, live->blocks, live->report->error);

	live->next_key = state == 1 ? sqlite3_column_int64(live->blocks, 0) : INT64_MAX;
	return state < 0 ? -1 : 0;
}

static int take_block(struct live *live)
{
	sqlite3_stmt *row = live->blocks;

	live->list = memory_room(live->list, live->count, &live->capacity, sizeof(*live->list));
	live->list[live->count++] = (struct live_block){.end_key = sqlite3_column_int64(row, 1),
	                                                .device = sqlite3_column_int64(row, 2),
	                                                .region = sqlite3_column_int64(row, 3),
	                                                .address = sqlite3_column_int64(row, 4),
	                                                .bank_bytes = sqlite3_column_int64(row, 5),
	                                                .sharded = sqlite3_column_int64(row, 6)};
	return next_block(live);
}

static void drop_ended(struct live *live, int64_t at_key)
{
	size_t kept = 0;

	for (size_t i = 0; i < live->count; i++)
		if (live->list[i].end_key > at_key)
			live->list[kept++] = live->list[i];
	live->count = kept;
}

static int put_block(struct live *live, const struct ttnn_operation *operation, const struct live_block *block)
{
	sqlite3_bind_int64(live->insert, 1, operation->id);
	sqlite3_bind_int64(live->insert, 2, block->device);
	sqlite3_bind_int64(live->insert, 3, block->address);
	sqlite3_bind_int64(live->insert, 4, block->bank_bytes);
	sqlite3_bind_int64(live->insert, 5, block->region);
	if (block->sharded) /* how is not known: as NULL */
		sqlite3_bind_null(live->insert, 6);
	else
		sqlite3_bind_int64(live->insert, 6, 0);
	sqlite3_bind_int64(live->insert, 7, operation->rank);
	return ttnn_insert(live->report, live->insert);
}

static int put_operation(struct live *live, const struct ttnn_operation *operation)
{
	while (live->next_key < operation->end_key)
		if (take_block(live) < 0)
			return -1;
	drop_ended(live, operation->end_key);
	live->rows += (int64_t)live->count;
	if (live->rows > ROWS_MOST)
		return sql_fail(
		    live->report->error,
		    "%s: what was live after each operation is more than %d rows; choose steps with --step N..M",
		    recording_path(live->report->recording), ROWS_MOST);
	for (size_t i = 0; i < live->count; i++)
		if (put_block(live, operation, &live->list[i]) < 0)
			return -1;
	return 0;
}

static int by_end(const void *left, const void *right)
{
	const struct ttnn_operation *a = left, *b = right;

	return a->end_key < b->end_key ? -1 : a->end_key > b->end_key;
}

/* COUNT operations of one process. */
static int put_process(struct live *live, const struct ttnn_operation *operations, size_t count)
{
	struct ttnn_operation *ends = memory_get(count, sizeof(*ends));
	int result;

	memcpy(ends, operations, count * sizeof(*ends));
	qsort(ends, count, sizeof(*ends), by_end);
	sqlite3_reset(live->blocks);
	sqlite3_bind_int64(live->blocks, 1, operations->process);
	live->count = 0;
	result = next_block(live);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = put_operation(live, &ends[i]);
	free(ends);
	return result;
}

int ttnn_write_buffers(struct ttnn_report *report)
{
	struct live live = {.report = report};
	int result = -1;

	/* what a process's end takes back was live after all of its operations; kernel binaries are buffers as others
	 */
	live.blocks = recording_prepare(
	    report->recording,
	    "SELECT b.key, b.end_key, o.device, o.region, b.address, b.bytes, o.flags & " SQL_FLAG_SHARDED " FROM ("
	    "SELECT key - life AS key, key AS end_key, address, coalesce(bank_bytes, size_bytes) AS bytes, origin FROM "
	    "freed "
	    "UNION ALL SELECT key, coalesce(end_key, 9223372036854775807), address, coalesce(bank_bytes, size_bytes), "
	    "origin "
	    "FROM held) b JOIN origin o ON o.id = b.origin WHERE o.process = ?1 AND o.region <= " SQL_REGION_TRACE
	    " ORDER BY b.key",
	    report->error);
	live.insert = ttnn_prepare(report, "INSERT INTO buffers(operation_id, device_id, address, max_size_per_bank, "
	                                   "buffer_type, buffer_layout, rank) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	if (live.blocks && live.insert)
		result = 0;
	for (size_t i = 0, next; result == 0 && i < report->operation_count; i = next) {
		for (next = i; next < report->operation_count; next++)
			if (report->operations[next].process != report->operations[i].process)
				break;
		result = put_process(&live, &report->operations[i], next - i);
	}
	sqlite3_finalize(live.blocks);
	sqlite3_finalize(live.insert);
	free(live.list);
	return result;
}
