/* SPDX-License-Identifier: Apache-2.0
 *
 * clickhouse.h - a recording as rows of the tables of sql/clickhouse/schema.sql, in RowBinary.
 */
#ifndef ANALYZE_EXPORT_CLICKHOUSE_H
#define ANALYZE_EXPORT_CLICKHOUSE_H

#include "sink.h"
#include "sql/store/open.h"

#define CLICKHOUSE_CHUNK_ROWS 250000

/* Streams RECORDING into SINK, CHUNK_ROWS at a time. What a server has of an ended recording already is left out; so
 * CHUNK_ROWS has to be what it was. 0 or -1 with ERROR. */
int clickhouse_export(struct recording *recording, struct sink *sink, int64_t chunk_rows, struct sql_error *error);

/* How far a recording in progress went over. Begin with zeros. */
struct clickhouse_progress {
	bool is_known;  /* else the server is asked first */
	bool is_behind; /* more is there than went over in one go */
	bool has_all;   /* of a file that has ended */
	bool goes_on;   /* the recording does, in another file */
	int64_t key, at_ns;
};

/* Sends what came since the last call: blocks that ended, failed requests, spans of time; and of a file that has ended
 * the rest. What goes over twice, because nobody knows whether it arrived, replaces itself. 0, or -1 with ERROR: try
 * again, with the same PROGRESS. */
int clickhouse_follow(struct recording *recording, struct sink *sink, struct clickhouse_progress *progress,
                      struct sql_error *error);

#endif
