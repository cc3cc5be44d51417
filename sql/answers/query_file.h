/* SPDX-License-Identifier: Apache-2.0
 *
 * query_file.h - reading the declaration at the head of a query file (query.h says what it looks like).
 */
#ifndef SQL_QUERY_FILE_H
#define SQL_QUERY_FILE_H

#include "query.h"

#define QUERY_PARAMS_MAX 32
#define QUERY_COLUMNS_MAX 64

/* A query and the memory behind it. */
struct query_file {
	struct query query; /* first, so that the one can be had from the other */
	char *name, *file;
	char *text; /* the file, cut into strings */
	char *about, *notes, *refuse;
	char *choices[QUERY_PARAMS_MAX]; /* of parameters, where they are not in TEXT */
	struct query_param params[QUERY_PARAMS_MAX];
	struct query_column columns[QUERY_COLUMNS_MAX];
};

/* Reads TEXT as a query. FILE is what errors call it; without directory and suffix it is the query's name. 0, or -1
 * with ERROR naming file and line; query_file_clear() is needed either way. */
int query_file_parse(struct query_file *parsed, const char *file, const char *text, struct sql_error *error);
void query_file_clear(struct query_file *parsed);

#endif
