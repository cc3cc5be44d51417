/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - follows a recording: on the whole terminal with keys, on its upper lines above another program's output, or
 * as plain text.
 */
#ifndef ANALYZE_WATCH_H
#define ANALYZE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/write/status.h"

#define WATCH_DEVICE_FIRST (-1)
#define WATCH_DEVICE_ALL (-2)

struct watch_options {
	int64_t device; /* or one of the above */
	int64_t refresh_ms;
	bool once;   /* print what there is, and stop */
	bool above;  /* on the upper lines of the terminal alone */
	bool colour; /* where the terminal is drawn on */
};

/* FILE: the recording, which need not be there yet; NULL: the newest in this directory. Returns the exit status. */
enum status watch_run(const struct watch_options *options, const char *file);

#endif
