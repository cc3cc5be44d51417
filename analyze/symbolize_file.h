/* SPDX-License-Identifier: Apache-2.0
 *
 * symbolize_file.h - the verb symbolize: looks up what stacks name, with its progress on a terminal.
 */
#ifndef ANALYZE_SYMBOLIZE_FILE_H
#define ANALYZE_SYMBOLIZE_FILE_H

#include "options.h"

/* 0, also when an interrupt stopped it: what was found by then is stored; or -1 with ERROR filled. */
int symbolize_file(const char *file, const struct arguments *arguments, struct sql_error *error);

#endif
