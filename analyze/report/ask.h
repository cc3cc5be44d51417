/* SPDX-License-Identifier: Apache-2.0
 *
 * ask.h - how the page's rooms have a verb answered, without knowing verbs.
 */
#ifndef ANALYZE_REPORT_ASK_H
#define ANALYZE_REPORT_ASK_H

#include <stdio.h>

#include "sql/base/sql.h"
#include "sql/store/open.h"

/* Answers WORDS (a verb and its options) out of RECORDING into OUT, in the format "columns". 0, or -1 with ERROR
 * filled. Called by several threads, each with a recording of its own. */
typedef int report_ask(void *context, struct recording *recording, const char *const *words, size_t count, FILE *out,
                       struct sql_error *error);

#endif
