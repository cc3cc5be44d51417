/* SPDX-License-Identifier: Apache-2.0
 *
 * carry.h - rows that go from one file to another, as they are.
 */
#ifndef SQL_CARRY_H
#define SQL_CARRY_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* Rows for TABLE: the columns that ROWS, a SELECT, has. Where one is there already: CONFLICT, the end of an INSERT;
 * NULL: it stays. */
struct carried {
	const char *table, *rows, *conflict;
};

/* What ROWS may name, ":NAME". */
struct carry_value {
	const char *name;
	int64_t number;
};

/* Carries COUNT tables over in their order. VALUES end with a name of NULL. A code of SQLite; of which database it is
 * an error says *WHERE. */
int carry(sqlite3 *from, sqlite3 *to, const struct carried *carried, size_t count, const struct carry_value *values,
          sqlite3 **where);

#endif
