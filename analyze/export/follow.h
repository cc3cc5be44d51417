/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.h - a recording goes over to a ClickHouse server while it is made.
 */
#ifndef ANALYZE_EXPORT_FOLLOW_H
#define ANALYZE_EXPORT_FOLLOW_H

#include <stdint.h>

#include "analyze/write/status.h"

#define FOLLOW_REFRESH_MS 5000

/* Sends the recording at FILE to the server at URL every REFRESH_MS, and the files that it goes on in, until it has
 * ended; after SIGINT or SIGTERM once more, and no longer. What the server does not take is tried again: the files are
 * what keeps it. Says "ready" on standard output before the first time. */
enum status follow_run(const char *url, const char *file, int64_t refresh_ms);

#endif
