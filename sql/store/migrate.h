/* SPDX-License-Identifier: Apache-2.0
 *
 * migrate.h - older files become files of this version, where they are.
 */
#ifndef SQL_MIGRATE_H
#define SQL_MIGRATE_H

#include <sqlite3.h>

#include "sql/base/sql.h"

/* Brings the file at PATH, open for writing as DB, up to SQL_SCHEMA_VERSION; refuses a newer or foreign one. 0, or -1
 * with ERROR. */
int migrate(sqlite3 *db, const char *path, struct sql_error *error);

#endif
