/* SPDX-License-Identifier: Apache-2.0
 *
 * attribution.h - what --by means: by what blocks are summed up, and what that is called. It stands here once for every
 * query, users' own too: a parameter of the type "attribution" takes these words, and
 *
 *   attribution(by, origin, key, size_bytes)    what the block has in common with others of its group, as text or
 * number; NULL: it has none
 *
 * The block is the one that the view allocation calls event_id (key here) and origin. Two blocks of one origin differ
 * by size, step or operation alone, so table functions that sum up (table_function.h) tell their blocks apart by no
 * more than that.
 */
#ifndef SQL_ATTRIBUTION_H
#define SQL_ATTRIBUTION_H

#include <sqlite3.h>

#include "sql/replay/catalog.h"

/* The words, as a parameter's choices: label|stack|... */
extern const char attribution_choices[];
/* What a query with such a parameter, which is called by, says in its help, refuses to answer, and notes. */
extern const char attribution_about[], attribution_refuse[], attribution_notes[];

/* RECORDING must outlive its statements. */
int attribution_register(struct recording *recording);

/* What tells blocks of one origin apart. */
enum telling { TELLING_ORIGIN, TELLING_SIZE, TELLING_STEP, TELLING_OPERATION, TELLING_OPERATION_NAME };
enum telling telling_by(const char *by); /* by may be NULL */

/* Makes the catalog of FILTER one that can tell. */
void telling_need(enum telling telling, struct filter *filter);

/* What tells this block of ORIGIN, which was allocated with KEY; the same for all of a group. */
int64_t telling_of(enum telling telling, const struct catalog *catalog, const struct catalog_origin *origin,
                   int64_t size_bytes, int64_t key);

#endif
