/* SPDX-License-Identifier: Apache-2.0
 *
 * report.h - a recording, or the comparison of two, as one HTML file.
 */
#ifndef ANALYZE_REPORT_REPORT_H
#define ANALYZE_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "ask.h"

struct report {
	const char *file, *old_file; /* old_file: NULL: no comparison */
	const char *out;             /* to be written, and replaced where FORCE; "-": standard output */
	bool force, whole;
	int64_t device; /* to be drawn; -1: those that differ */
	report_ask *ask;
	void *context;
};

/* 0, or -1 with ERROR filled; no file is left behind then. */
int report_write(const struct report *report, struct sql_error *error);

#endif
