/* SPDX-License-Identifier: Apache-2.0
 *
 * values.h - from the texts of the command line to the values that a query is bound to.
 */
#ifndef ANALYZE_VALUES_H
#define ANALYZE_VALUES_H

#include "arguments.h"

struct values {
	struct query_value list[OPTIONS_MAX];
	size_t count;
};

/* Checks what can be checked without a recording: --start behind --end where both are plain times. 0, or -1. */
int values_check(const struct arguments *arguments, struct sql_error *error);

/* Shares of the recording become times of RECORDING; a window outside it, and a device or process that it does not
 * know, are errors. Texts are borrowed from ARGUMENTS. 0, or -1 with ERROR filled. */
int values_make(struct values *values, const struct arguments *arguments, struct recording *recording,
                struct sql_error *error);

#endif
