/* SPDX-License-Identifier: Apache-2.0
 *
 * groups.h - which groups a block is in, by each of several words of --by. What all blocks of an origin have in common
 * is looked up once for all; what differs within an origin (op, opname, step, size) when a group is first met.
 */
#ifndef SQL_DRAW_GROUPS_H
#define SQL_DRAW_GROUPS_H

#include "levels.h"
#include "sql/base/sql.h"
#include "sql/replay/catalog.h"

#define GROUPINGS_MAX 8

struct groups;

/* Makes the catalog of FILTER one that can tell groups by the words of BY, which have commas between them. */
void groups_need(const char *by, struct filter *filter);

/* Adds a grouping to LEVELS for each word of BY. NULL with ERROR. */
struct groups *groups_open(struct recording *recording, const struct catalog *catalog, struct levels *levels,
                           const char *by, struct sql_error *error);
void groups_close(struct groups *groups);

/* The group of a block, allocated with KEY, in each grouping. 0, or -1 with the error of groups_open(). */
int groups_find(struct groups *groups, uint32_t origin, int64_t key, int64_t size_bytes, uint32_t found[GROUPINGS_MAX]);

#endif
