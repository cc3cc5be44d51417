/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - the options of a verb: the shared ones that it takes, its own, and the filters and the parameters that a
 * query declares.
 */
#ifndef ANALYZE_OPTIONS_H
#define ANALYZE_OPTIONS_H

#include "sql/base/arguments.h"
#include "verbs.h"

enum option_group { GROUP_QUERY, GROUP_FILTER, GROUP_OUTPUT, GROUP_FILE };

#define OPTIONS_MAX 64

#define OPTION_NAME_MAX 64

/* Not to be copied: pointers go into it. */
struct verb_options {
	struct options all;
	struct option list[OPTIONS_MAX];
	char spelled[OPTIONS_MAX][OPTION_NAME_MAX];
	char rows[80];   /* what --limit says of tables */
	char advice[96]; /* for who took a wrong one */
};

/* Those that verbs share. */
extern const struct options options_shared;

/* What VERB takes. QUERY is its query or NULL; option.own is an enum query_type. 0, or -1 with ERROR filled: the query
 * declares what cannot be. */
int options_for(struct verb_options *options, const struct verb *verb, const struct query *query,
                struct sql_error *error);

/* Takes a command line of VERB apart, see arguments_parse(). */
int options_parse(struct arguments *arguments, const struct verb *verb, struct verb_options *options, int argc,
                  char **argv, struct sql_error *error);

#endif
