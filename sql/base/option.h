/* SPDX-License-Identifier: Apache-2.0
 *
 * option.h - the options of a program as data: parsing (arguments.h), --help and the man page (manual.h) and what the
 * shells complete (complete.h) all come from one table.
 */
#ifndef SQL_OPTION_H
#define SQL_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "sql.h"

enum option_type {
	OPTION_FLAG,
	OPTION_COUNT, /* a whole number that is not negative */
	OPTION_INTEGER,
	OPTION_REAL,
	OPTION_TEXT,
	OPTION_SIZE,
	OPTION_TIME,
	OPTION_STEPS,
	OPTION_REGION,
	OPTION_DEVICE, /* a number, or the name of a chip */
	OPTION_CHOICE,
	OPTION_FILE,
	OPTION_DIRECTORY
};

struct option {
	const char *name, *placeholder, *help; /* without a placeholder it is a flag */
	const char *choices;                   /* of OPTION_CHOICE: a|b|c */
	const char *fallback;                  /* what holds without it, for the help; may be NULL */
	const char *table_fallback;            /* the same in tables, where that is another; may be NULL */
	const char *otherwise;                 /* --NAME[=VALUE]: what VALUE is when left out; else NULL */
	bool (*is_value)(const char *word);    /* of such: whether the next word is VALUE; NULL: it never is */
	const char *parameter;                 /* the program's name for it, where that is otherwise */
	size_t own;                            /* what the program keeps with it */
	long most;                             /* of OPTION_COUNT: 1 to that; 0: any */
	enum option_type type;
	unsigned group; /* of the help; the program has titles for them */
	char letter;
	bool repeatable, required;
};

struct options {
	const struct option *list;
	size_t count;
};

/* Finds NAME, in which _ and - are the same; NULL: there is none. */
const struct option *options_find(const struct options *options, const char *name, size_t length);
const struct option *options_find_letter(const struct options *options, char letter);

bool option_is_named(const struct option *option, const char *name, size_t length);

/* Checks that TEXT is a value for OPTION. 0, or -1 with ERROR filled. */
int option_check(const struct option *option, const char *text, struct sql_error *error);

/* Checks that the directory PATH of --NAME is one, and can be read. 0, or -1 with ERROR filled. */
int option_check_directory(const char *name, const char *path, struct sql_error *error);

/* "-n, --limit N", "--stacks[=N]" */
#define OPTION_LABEL_MAX 80
void option_label(char out[static OPTION_LABEL_MAX], const struct option *option);

/* "how to write the answer: table, json, jsonl, csv (default: table)" */
#define OPTION_TEXT_MAX 1024
void option_text(char out[static OPTION_TEXT_MAX], const struct option *option);

#endif
