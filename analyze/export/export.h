/* SPDX-License-Identifier: Apache-2.0
 *
 * export.h - the verb export: a recording as another program reads it.
 */
#ifndef ANALYZE_EXPORT_EXPORT_H
#define ANALYZE_EXPORT_EXPORT_H

#include <stdint.h>

#include "analyze/write/status.h"

struct export_options {
	const char *to;     /* the format: one of EXPORT_FORMATS */
	const char *output; /* NULL: not given */
	const char *url;    /* NULL: not given */
	int64_t chunk_rows; /* of clickhouse */
};

#define EXPORT_FORMATS "clickhouse"

enum status export_run(const struct export_options *options, const char *file);

#endif
