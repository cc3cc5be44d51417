/* SPDX-License-Identifier: Apache-2.0
 *
 * export.h - the verb export: a recording as another program reads it.
 */
#ifndef ANALYZE_EXPORT_EXPORT_H
#define ANALYZE_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/write/status.h"

struct export_options {
	const char *to;                /* the format: one of EXPORT_FORMATS */
	const char *output;            /* NULL: not given */
	const char *url;               /* NULL: not given */
	bool force;                    /* the output may be there */
	int64_t step_first, step_last; /* of ttnn-visualizer */
	int64_t chunk_rows;            /* of clickhouse */
	bool follow;                   /* likewise: until the recording has ended */
	int64_t refresh_ms;            /* of follow */
};

#define EXPORT_FORMATS "ttnn-visualizer|perfetto|speedscope|pprof|memory_viz|csv|clickhouse"

enum status export_run(const struct export_options *options, const char *file);

#endif
