/* SPDX-License-Identifier: Apache-2.0
 *
 * grouping.h - the groups of --by as numbers, for table functions whose figures do not add up over the origins of a
 * group (attribution.h says what a group is).
 */
#ifndef SQL_GROUPING_H
#define SQL_GROUPING_H

#include "sql/base/sql.h"
#include "sql/replay/catalog.h"
#include "sql/replay/replay.h"

struct grouping;

/* NULL with ERROR; BY has to be a word of --by, and CATALOG of a filter that telling_need() made ready for it. CATALOG
 * stays the caller's. */
struct grouping *grouping_open(struct recording *recording, const char *by, const struct catalog *catalog,
                               struct sql_error *error);
void grouping_close(struct grouping *grouping);

#define GROUPING_FAILED UINT32_MAX

/* The number of the group of BLOCK; GROUPING_FAILED with ERROR. */
uint32_t grouping_of(struct grouping *grouping, const struct replay_block *block, struct sql_error *error);

#endif
