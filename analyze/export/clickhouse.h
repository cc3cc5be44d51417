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

#endif
