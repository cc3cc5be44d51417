/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshots.h - moments that a program named, where a time is asked for: @NAME, or @NAME#2 where there are several.
 */
#ifndef ANALYZE_SNAPSHOTS_H
#define ANALYZE_SNAPSHOTS_H

#include "sql/answers/query.h"

/* When the snapshot NAME (without @) of RECORDING was. 0, or -1 with ERROR: it has none of that name, or several. */
int snapshot_find(struct recording *recording, const char *name, int64_t *ns, struct sql_error *error);

#endif
