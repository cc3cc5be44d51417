/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.h - the command line, taken apart by the option table. "--" ends the options.
 */
#ifndef SQL_ARGUMENTS_H
#define SQL_ARGUMENTS_H

#include "option.h"

/* What a command line is taken apart by. */
struct syntax {
	struct options options;
	struct options elsewhere; /* that other verbs take: to say so */
	const char *verb;         /* in what is said of wrong options; NULL: the program has none */
	const char *advice;       /* "see 'ttalloc-analyze help peak'" */
	/* Without: the first operand is the verb, and options may stand anywhere. With: the first operand begins a
	 * command, whose words are its own, and as with getopt_long() the beginning of a long option's name will do,
	 * and of repeated options the last one counts. */
	bool before_command;
};

struct setting {
	const struct option *option;
	const char *text; /* "" for a flag */
};

#define ARGUMENTS_MAX 64
#define OPERANDS_MAX 4096

struct arguments {
	struct setting settings[ARGUMENTS_MAX];
	size_t setting_count;
	const char *operands[OPERANDS_MAX]; /* without the verb */
	size_t operand_count;
	int next; /* the first word that was not looked at: where a command begins, or behind what is wrong */
	bool recorded_devices; /* --device is the recording's number, as answers have it */
};

/* Takes ARGV (without the program) apart. 0, or -1 with ERROR filled: unknown, repeated, malformed or missing options,
 * or too many operands. Strings are borrowed from ARGV, and options from SYNTAX. */
int arguments_parse(struct arguments *arguments, const struct syntax *syntax, int argc, char **argv,
                    struct sql_error *error);

/* The text given for option NAME; NULL when it was not given. */
const char *arguments_text(const struct arguments *arguments, const char *name);

/* Finds the verb among the words of a command line before its options are known; the directories that are values of
 * SHARED options go to PATH (capacity ARGUMENTS_MAX). NULL when there is no verb. */
const char *arguments_verb(const struct options *shared, int argc, char **argv, const char **path, size_t *path_count);

/* Where the command begins among the words, wrong options passed over; ARGC: nowhere yet. A last option that waits for
 * its value goes to *WAITING, else NULL. */
int arguments_command(const struct options *options, int argc, char **argv, const struct option **waiting);

#endif
