/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.h - the command line, taken apart by the option table. Options may stand anywhere; "--" ends them.
 */
#ifndef ANALYZE_ARGUMENTS_H
#define ANALYZE_ARGUMENTS_H

#include "options.h"

struct setting {
	const struct option *option;
	const char *text; /* "" for a flag */
};

#define ARGUMENTS_MAX 64

struct arguments {
	struct setting settings[ARGUMENTS_MAX];
	size_t setting_count;
	const char *operands[4]; /* without the verb */
	size_t operand_count;
};

/* Finds the verb among the words of a command line before its options are known; the directories given by --query-path
 * go to PATH (capacity ARGUMENTS_MAX). NULL when there is no verb. */
const char *arguments_verb(int argc, char **argv, const char **path, size_t *path_count);

/* Takes ARGV (without the program) apart. 0, or -1 with ERROR filled: unknown, repeated, malformed or missing options,
 * or too many operands. Strings are borrowed from ARGV. */
int arguments_parse(struct arguments *arguments, const struct verb *verb, const struct options *options, int argc,
                    char **argv, struct sql_error *error);

/* The text given for option NAME; NULL when it was not given. */
const char *arguments_text(const struct arguments *arguments, const char *name);

#endif
