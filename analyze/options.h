/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - the options as data. Parsing, --help, the man page and the completions all come from one table, joined by
 * the filters and the parameters that a query declares.
 */
#ifndef ANALYZE_OPTIONS_H
#define ANALYZE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "verbs.h"

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
	OPTION_CHOICE,
	OPTION_FILE,
	OPTION_DIRECTORY
};

enum option_group { GROUP_QUERY, GROUP_FILTER, GROUP_OUTPUT, GROUP_FILE };

struct option {
	const char *name, *placeholder, *help;
	const char *parameter;      /* of GROUP_QUERY: as the query spells it, where that is otherwise */
	const char *choices;        /* of OPTION_CHOICE: a|b|c */
	const char *fallback;       /* what holds without it, for the help; may be NULL */
	const char *table_fallback; /* the same in tables, where that is another; may be NULL */
	enum option_type type;
	enum option_group group;
	char letter;
	bool repeatable, required;
	enum query_type query_type; /* of GROUP_QUERY */
};

#define OPTIONS_MAX 64

#define OPTION_NAME_MAX 64

/* Not to be copied: names point into it. */
struct options {
	struct option list[OPTIONS_MAX];
	char spelled[OPTIONS_MAX][OPTION_NAME_MAX];
	char rows[80]; /* what --limit says of tables */
	size_t count;
};

/* The table itself; NULL at its end. */
const struct option *options_shared(size_t index);

/* What VERB takes. QUERY is its query or NULL. 0, or -1 with ERROR filled: the query declares what cannot be. */
int options_for(struct options *options, const struct verb *verb, const struct query *query, struct sql_error *error);

/* Finds NAME, in which _ and - are the same. */
const struct option *options_find(const struct options *options, const char *name, size_t length);

bool option_is_named(const struct option *option, const char *name, size_t length);

/* Checks that TEXT is a value for OPTION. 0, or -1 with ERROR filled. */
int option_check(const struct option *option, const char *text, struct sql_error *error);

/* Checks that the directory PATH of --NAME is one, and can be read. 0, or -1 with ERROR filled. */
int option_check_directory(const char *name, const char *path, struct sql_error *error);

#endif
