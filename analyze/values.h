/* SPDX-License-Identifier: Apache-2.0
 *
 * values.h - from the texts of the command line to the values that a query is bound to.
 */
#ifndef ANALYZE_VALUES_H
#define ANALYZE_VALUES_H

#include "options.h"

struct values {
	struct query_value list[OPTIONS_MAX];
	size_t count;
};

/* Checks what can be checked without a recording: --start behind --end where both are plain times. 0, or -1. */
int values_check(const struct arguments *arguments, struct sql_error *error);

/* Shares of the recording become times of RECORDING; a window outside it is an error. Texts are borrowed from
 * ARGUMENTS. 0, or -1 with ERROR filled. */
int values_make(struct values *values, const struct arguments *arguments, struct recording *recording,
                struct sql_error *error);

/* A file that goes on with another one answers for its own time: QUERY begins there at the earliest, if it has a
 * window. 0, or -1 with ERROR. */
int values_begin(struct values *values, const struct query *query, struct recording *recording,
                 struct sql_error *error);

/* Refuses a device, process or label that RECORDING does not know: the empty answer would pass for good news. 0, or -1.
 */
int values_check_known(const struct values *values, struct recording *recording, struct sql_error *error);

#endif
