/* SPDX-License-Identifier: Apache-2.0
 *
 * help.h - what the tables say about verbs and options: for --help, as a man page, and as completions.
 */
#ifndef ANALYZE_HELP_H
#define ANALYZE_HELP_H

#include <stdio.h>

#include "options.h"
#include "sql/answers/reference.h"

#ifndef ANALYZE_VERSION
#define ANALYZE_VERSION "0"
#endif

void help_program(FILE *out, struct verbs *verbs);
/* 0, or -1 with ERROR filled: the verb's file cannot be read. */
int help_verb(FILE *out, struct verb *verb, struct sql_error *error);

/* ttalloc-analyze.1, of the built-in verbs. */
void man_page(FILE *out, struct verbs *verbs);

/* The candidates for the last of WORDS (the program left out), one per line, with a tab and what it is. ":file" and
 * ":directory" stand for names in the file system. */
void complete(FILE *out, struct verbs *verbs, int count, char **words);

/* "-n, --limit N" */
#define OPTION_LABEL_MAX 80
void option_label(char out[static OPTION_LABEL_MAX], const struct option *option);
/* "how to write the answer: table, json, jsonl, csv (default: table)" */
#define OPTION_TEXT_MAX 1024
void option_text(char out[static OPTION_TEXT_MAX], const struct option *option);
/* "payload [bytes]" */
void column_text(char out[static OPTION_TEXT_MAX], const struct query_column *column);

/* What a statement can be about: "One row per ... Columns: ..." */
#define HELP_REFERENCE_MAX (REFERENCE_TEXT_MAX * 2 + 16)
void reference_text(char out[static HELP_REFERENCE_MAX], const struct reference *reference);
extern const char help_functions[];

extern const char *const help_environment[][2]; /* name, meaning; ends with NULL */
extern const char *const help_status[][2];
extern const char *const group_titles[]; /* by enum option_group */

#endif
