/* SPDX-License-Identifier: Apache-2.0
 *
 * recording.h - what is behind struct recording; for who reads rows.
 */
#ifndef SQL_RECORDING_H
#define SQL_RECORDING_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "open.h"
#include "reach.h"

/* What one answer leaves for the next, in the same transaction. */
struct recording_kept {
	void *what;
	void (*free)(void *what);
};

struct recording {
	sqlite3 *db;
	char *path;
	struct reach reach;        /* to the file */
	struct recording *old;     /* that a diff compares with; owned; NULL: none */
	struct sql_error *trouble; /* of the table-valued function under way; NULL: none runs */
	bool in_transaction;
	bool is_only_read; /* by recording_open(): nobody writes through this connection */
	bool at_rest;      /* nobody writes the file at all, as far as can be told: a -wal is not looked for */
	bool packed;       /* the file has the shared form */
	bool cut;          /* the file is about a part of its recording, as are all answers */
	int64_t cut_from_ns, cut_to_ns;
	bool has_replay, has_answers; /* the SQL functions of those rooms are registered */
	int version;                  /* of the schema, as the file has it */
	struct recording_kept kept;
};

/* Opens the SQLite database of another program, as carefully: read-only, defensive, its schema untrusted, its views
 * never run. NULL with ERROR. */
struct recording *recording_open_foreign(const char *path, struct sql_error *error);

/* Begins the read transaction in which all of an answer is read, unless it has begun. 0 or -1. */
int recording_begin(struct recording *recording, struct sql_error *error);

/* Keeps WHAT, instead of what was kept before, until the transaction ends. FREE frees it. */
void recording_keep(struct recording *recording, void *what, void (*free)(void *what));

/* What went wrong in RECORDING's database (sql_fail_db). Returns -1. */
int recording_fail(struct recording *recording, struct sql_error *error);

/* Prepares SQL, which is our own. NULL with ERROR filled. */
sqlite3_stmt *recording_prepare(struct recording *recording, const char *sql, struct sql_error *error);

/* Steps STATEMENT: 1 a row, 0 done, -1 with ERROR filled. */
int recording_step(struct recording *recording, sqlite3_stmt *statement, struct sql_error *error);

/* The integer that SQL yields, FALLBACK when it yields no row or NULL. 0 or -1. */
int recording_integer(struct recording *recording, const char *sql, int64_t fallback, int64_t *value,
                      struct sql_error *error);

/* Whether the file's tables are those of the schema: real tables with all columns. 0 or -1. (tables.c) */
int recording_check_tables(struct recording *recording, struct sql_error *error);

#endif
