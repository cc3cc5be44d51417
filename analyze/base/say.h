/* SPDX-License-Identifier: Apache-2.0
 *
 * say.h - errors and remarks on stderr, one line each, in which nothing that others wrote can drive a terminal.
 */
#ifndef ANALYZE_SAY_H
#define ANALYZE_SAY_H

#include <stddef.h>

#include "sql/base/sql.h"

enum status { STATUS_ANSWERED = 0, STATUS_FOUND = 1, STATUS_TROUBLE = 2, STATUS_INCOMPLETE = 3 };

/* "ttalloc-analyze: ..." on stderr. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fills ERROR (it may cut the text) and returns -1. */
int refuse(struct sql_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The name among NAMES that WORD most likely meant, or NULL. */
const char *nearest(const char *word, const char *const *names, size_t count);

#endif
