/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.h - what may follow "ttalloc-analyze": the built-in queries, the user's query files, and the verbs of
 * commands/.
 */
#ifndef ANALYZE_VERBS_H
#define ANALYZE_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/answers/query.h"

struct command_verb;

struct verb {
	char *name;
	const struct command_verb *own; /* of a verb that is no query (command.h); else NULL */
	const struct query *query;      /* NULL for a user's file that was not read yet */
	char *path;                     /* of a user's file; else NULL */
	struct query *loaded;           /* of it */
	const char *usage;              /* its operands */
};

struct verbs;

/* All verbs. User queries come from the COUNT directories of PATH, then $TTALLOC_QUERY_PATH, then the user's
 * configuration; the first of a name counts, and none hides a built-in verb. */
struct verbs *verbs_new(const char *const *path, size_t count);
void verbs_free(struct verbs *verbs);

size_t verbs_count(const struct verbs *verbs);
struct verb *verbs_at(struct verbs *verbs, size_t index);
struct verb *verbs_find(struct verbs *verbs, const char *name); /* NULL: there is none */

/* The query of VERB, read from the user's file when it is the first time. NULL with ERROR filled. */
const struct query *verb_query(struct verb *verb, struct sql_error *error);

/* What to suggest for an unknown NAME, or NULL. */
const char *verbs_nearest(struct verbs *verbs, const char *name);

#endif
