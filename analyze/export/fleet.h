/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet.h - the verb fleet: one of the questions of sql/clickhouse/queries, asked of a server that has recordings of
 * many hosts.
 */
#ifndef ANALYZE_EXPORT_FLEET_H
#define ANALYZE_EXPORT_FLEET_H

#include <stdint.h>

#include "analyze/write/status.h"

struct fleet_options {
	const char *url;
	const char *format; /* table, json, jsonl or csv */
	const char *host;   /* NULL: all */
	const char *job;    /* NULL: none; the question job needs one */
	int64_t days;       /* back from today */
	int64_t limit;      /* rows of a table; 0: all */
};

enum status fleet_run(const char *question, const struct fleet_options *options);

#endif
