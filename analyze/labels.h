/* SPDX-License-Identifier: Apache-2.0
 *
 * labels.h - whether a recording has the label that the user named.
 */
#ifndef ANALYZE_LABELS_H
#define ANALYZE_LABELS_H

#include "sql/answers/query.h"

/* Refuses a label that matches none of RECORDING, and names a near one: the empty answer would pass for good news.
 * 0, or -1 with ERROR filled. */
int labels_check(struct recording *recording, const struct query_value *label, struct sql_error *error);

#endif
