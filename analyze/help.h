/* SPDX-License-Identifier: Apache-2.0
 *
 * help.h - what the tables say about verbs and options: for --help, as a man page, and as completions.
 */
#ifndef ANALYZE_HELP_H
#define ANALYZE_HELP_H

#include <stdio.h>

#include "options.h"
#include "sql/base/manual.h"

#ifndef ANALYZE_VERSION
#define ANALYZE_VERSION "0"
#endif

void help_program(FILE *out, struct verbs *verbs);
/* 0, or -1 with ERROR filled: the verb's file cannot be read. */
int help_verb(FILE *out, struct verb *verb, struct sql_error *error);

/* The same of all VERBS, or of ONLY, as JSON. 0, or -1 with ERROR filled. */
int help_json(FILE *out, struct verbs *verbs, const struct verb *only, struct sql_error *error);

/* ttalloc-analyze.1, of the built-in verbs. */
void man_page(FILE *out, struct verbs *verbs);

/* The candidates for the last of WORDS (the program left out), one per line, with a tab and what it is. ":file" and
 * ":directory" stand for names in the file system. */
void complete(FILE *out, struct verbs *verbs, int count, char **words);

void help_columns(const struct manual *manual, const struct query *query);
/* What a statement can be about. */
void help_reference(const struct manual *manual);

extern const char *const help_environment[][2]; /* name, meaning; ends with NULL */
extern const char *const help_status[][2];
extern const char *const group_titles[]; /* by enum option_group */

#endif
