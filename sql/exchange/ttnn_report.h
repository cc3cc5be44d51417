/* SPDX-License-Identifier: Apache-2.0
 *
 * ttnn_report.h - a recording as a report of ttnn: the folder with db.sqlite (schema 3.5) and config.json that
 * ttnn-visualizer opens.
 */
#ifndef SQL_TTNN_REPORT_H
#define SQL_TTNN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/store/open.h"

struct ttnn_report_options {
	const char *directory; /* made where it is not there */
	bool force;            /* a report in it is replaced */
	int64_t step_first,
	    step_last; /* operations that began in these; INT64_MIN and INT64_MAX: all, without a step too */
};

/* Writes the report. Operations are the outermost ones; where none were recorded label ranges, or else steps. A process
 * of the recording is a rank of the report. 0, or -1 with ERROR. */
int ttnn_report_write(struct recording *recording, const struct ttnn_report_options *options, struct sql_error *error);

#endif
