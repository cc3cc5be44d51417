/* SPDX-License-Identifier: Apache-2.0
 *
 * ttnn_private.h - what the files of a report share while it is written.
 */
#ifndef SQL_TTNN_PRIVATE_H
#define SQL_TTNN_PRIVATE_H

#include <sqlite3.h>

#include "sql/store/recording.h"

struct ttnn_operation {
	int64_t process, begin_key, end_key; /* INT64_MAX: it has not ended */
	int64_t rank, id;
};

struct ttnn_report {
	struct recording *recording;
	struct sql_error *error;
	sqlite3 *out;
	char *path;                        /* of OUT */
	struct ttnn_operation *operations; /* by process and begin; ids rise */
	size_t operation_count;
};

/* Prepares SQL on the report. NULL with the error filled. */
sqlite3_stmt *ttnn_prepare(struct ttnn_report *report, const char *sql);
/* Runs INSERT, whose parameters are bound, and makes it ready for the next row. 0 or -1. */
int ttnn_insert(struct ttnn_report *report, sqlite3_stmt *insert);

/* Fills in the table buffers (ttnn_live.c) and captured_graph (ttnn_graph.c). 0 or -1. */
int ttnn_write_buffers(struct ttnn_report *report);
int ttnn_write_graphs(struct ttnn_report *report);

#endif
