/* SPDX-License-Identifier: Apache-2.0
 *
 * formats.h - what can be imported. Each fills BOOK; -1 with ERROR: it is no such file, or damaged.
 */
#ifndef SQL_FORMATS_H
#define SQL_FORMATS_H

#include <stddef.h>

#include "book.h"

/* JSON, as ttnn.graph.end_graph_capture() gives it. */
int graph_import(struct book *book, const char *path, const char *text, size_t bytes, struct sql_error *error);

/* The database of a report of ttnn (enable_logging), as ttnn-visualizer reads it. */
int report_import(struct book *book, const char *path, struct sql_error *error);

/* TEXT is a table of blocks, ..._detailed_memory_usage.csv of ttnn.device.dump_device_memory_state(): the state after
 * those before it. */
struct scene;
int dump_import(struct book *book, struct scene *scene, const char *path, char *text, struct sql_error *error);

#endif
