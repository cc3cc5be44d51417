/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - the rows of a recording in a new database, without what is to go.
 */
#ifndef SQL_SHARE_ROWS_H
#define SQL_SHARE_ROWS_H

#include <sqlite3.h>

#include "secrets.h"

/* Learns what is to go (secrets_learn) of all texts of RECORDING. 0 or -1. */
int rows_learn(struct recording *recording, sqlite3 *to, struct secrets *secrets, struct sql_error *error);

/* Copies the tables that TO has, and no others. 0, or -1 with ERROR, which names PATH. */
int rows_copy(struct recording *recording, sqlite3 *to, const char *path, const struct share_options *options,
              struct secrets *secrets, struct sql_error *error);

#endif
