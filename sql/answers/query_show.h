/* SPDX-License-Identifier: Apache-2.0
 *
 * query_show.h - the part of a query's declaration that says how a table shows its answer: empty, show, rows, tables,
 * trim, fold (query.h).
 */
#ifndef SQL_QUERY_SHOW_H
#define SQL_QUERY_SHOW_H

#include "query.h"

/* Takes "KEY: REST", which is cut into words that SHOW points to. NULL, or what is wrong with it. */
const char *query_show_take(struct query_show *show, const char *key, char *rest);

#endif
