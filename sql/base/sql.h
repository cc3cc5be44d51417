/* SPDX-License-Identifier: Apache-2.0
 *
 * sql.h - the error that all share, and the numbers that say what a file is. Only sql/ includes <sqlite3.h>. The
 * version of the schema, SQL_SCHEMA_VERSION, is counted by the build (sql/store/schema/schema_*.sql).
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include <stdint.h>

#define SQL_APPLICATION_ID 0x7474616c

struct sql_error {
	char text[640]; /* names the file, what is wrong, and the remedy; one line, safe for a terminal */
};

#endif
