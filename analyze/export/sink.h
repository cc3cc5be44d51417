/* SPDX-License-Identifier: Apache-2.0
 *
 * sink.h - where the rows of a table go, a chunk at a time: files of a directory, or a ClickHouse server. What a
 * chunk's bytes are is the caller's business.
 */
#ifndef ANALYZE_EXPORT_SINK_H
#define ANALYZE_EXPORT_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "sql/base/error.h"

struct sink;

/* Files DIRECTORY/TABLE.rowbinary, the directory made if need be; files of an earlier export are replaced. */
struct sink *sink_directory(const char *directory, struct sql_error *error);

/* The server at URL: http://[USER[:PASSWORD]@]HOST:PORT/[DATABASE]. In builds without libcurl fails, and says so. */
struct sink *sink_server(const char *url, struct sql_error *error);

/* Asks how many chunks named TABLE_NAME of RECORDING are there already. 0 or -1 with ERROR. */
int sink_chunks_there(struct sink *sink, const char *recording, const char *table_name, int64_t *chunks,
                      struct sql_error *error);

/* The highest number of those chunks; 0: there are none. 0 or -1 with ERROR. */
int sink_chunk_reached(struct sink *sink, const char *recording, const char *table_name, int64_t *number,
                       struct sql_error *error);

/* Adds the BYTES of a chunk (none: there is the table, and nothing in it yet), which are there whole or not at all when
 * this returns. 0 or -1 with ERROR. */
int sink_add(struct sink *sink, const char *table, const char *bytes, size_t size, struct sql_error *error);

/* Ends well, when RESULT is 0; else lets go. Returns RESULT, or -1 with ERROR. */
int sink_close(struct sink *sink, int result, struct sql_error *error);

#endif
