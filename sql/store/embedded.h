/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded.h - the .sql files of sql/, embedded when it is built (embed.cmake).
 */
#ifndef SQL_EMBEDDED_H
#define SQL_EMBEDDED_H

/* schema.sql, schema_2.sql, ...: what leads from version N to N + 1 is at N. SQL_SCHEMA_VERSION of them, which the
 * build counts; each sets user_version. */
extern const char *const sql_schemas[];
extern const char sql_views[]; /* views.sql: the public views, CREATE VIEW statements for the schema main */

struct sql_text {
	const char *name; /* of queries/NAME.sql */
	const char *text;
};

extern const struct sql_text sql_queries[];         /* by name; the last has NULL for a name */
extern const struct sql_text sql_fleet_questions[]; /* likewise: clickhouse/queries/NAME.sql, for a ClickHouse server */

#endif
