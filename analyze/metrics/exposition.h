/* SPDX-License-Identifier: Apache-2.0
 *
 * exposition.h - the state of a recording as metrics, in the text that Prometheus reads, or in OpenMetrics.
 *
 * Sets of labels are bounded by the machine: devices and regions are its own, and of processes the largest have a
 * series of their own; what the others hold is summed up under pid="other".
 */
#ifndef ANALYZE_METRICS_EXPOSITION_H
#define ANALYZE_METRICS_EXPOSITION_H

#include <stdio.h>

#include "sql/answers/live/live.h"

enum exposition { EXPOSITION_PROMETHEUS, EXPOSITION_OPENMETRICS };

#define EXPOSITION_PROCESSES 32 /* with series of their own in each device and region */

/* LIVE with its space (live_read_space()). */
void exposition_write(FILE *out, const struct live *live, enum exposition format);

#endif
