/* SPDX-License-Identifier: Apache-2.0
 *
 * question.h - asking a built-in query from within another answer, so that both say the same.
 */
#ifndef SQL_QUESTION_H
#define SQL_QUESTION_H

#include "query.h"
#include "sql/replay/catalog.h"

/* What a query is asked with: values, and the texts that they point into. Not to be copied. */
struct question {
	struct query_value values[10];
	size_t count;
	char region[24], steps[48];
};

void question_text(struct question *question, const char *name, enum query_type type, const char *text);

/* All that FILTER says, whose label is borrowed. */
void question_filter(struct question *question, const struct filter *filter);

/* The built-in query of that name; NULL: there is none. */
const struct query *query_find(const char *name);

/* Whether QUERY refuses to be asked with these values. 0; -1 with ERROR: why. */
int query_check_refused(struct recording *recording, const struct query *query, const struct query_value *values,
                        size_t count, struct sql_error *error);

/* Starts SQL, which QUERY declares beside its body, with the same values. */
struct query_run *query_start_beside(struct recording *recording, const struct query *query, const char *sql,
                                     const struct query_value *values, size_t count, struct sql_error *error);

/* The column of that name; the count of columns where there is none. */
size_t query_column_find(const struct query_run *run, const char *name);

#endif
