/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h - follows a recording: on the whole terminal with keys, on its upper lines above another program's output, or
 * as plain text.
 */
#ifndef ANALYZE_WATCH_H
#define ANALYZE_WATCH_H

#include "analyze/arguments.h"
#include "analyze/write/status.h"

/* FILE: the recording, which need not be there yet; NULL: the newest in this directory. Returns the exit status. */
enum status watch_run(const struct arguments *arguments, const char *file);

#endif
