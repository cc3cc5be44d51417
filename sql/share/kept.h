/* SPDX-License-Identifier: Apache-2.0
 *
 * kept.h - what is kept ready in a file, of the rows that it has.
 */
#ifndef SQL_SHARE_KEPT_H
#define SQL_SHARE_KEPT_H

#include "sql/base/sql.h"

/* Makes it anew in the database NAME. 0, or -1 with ERROR, which names PATH. */
int kept_make_anew(const char *name, const char *path, struct sql_error *error);

#endif
