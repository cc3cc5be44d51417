/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - the verb metrics: a recording as numbers for a monitoring system, once, in a file kept up to date, or
 * served.
 */
#ifndef ANALYZE_METRICS_METRICS_H
#define ANALYZE_METRICS_METRICS_H

#include <stdint.h>

#include "analyze/write/status.h"

struct metrics_options {
	const char *listen; /* ADDRESS:PORT; NULL: not served */
	const char *output; /* for node_exporter's textfile collector; NULL: none */
	int64_t refresh_ms; /* how often OUTPUT is written */
};

/* Without LISTEN and OUTPUT prints them once. Else goes on until a signal, or, without LISTEN, until the recording has
 * ended. */
enum status metrics_run(const struct metrics_options *options, const char *file);

#endif
