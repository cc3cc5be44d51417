/* SPDX-License-Identifier: Apache-2.0
 *
 * carry.h - the rows of one recording, on their way into another.
 */
#ifndef SQL_CARRY_H
#define SQL_CARRY_H

#include "chips.h"
#include "sql/store/recording.h"
#include "words.h"

struct carry {
	struct recording *from;
	sqlite3 *to; /* in a transaction */
	const char *to_path;
	struct words *words;
	const struct chips *chips; /* that took FROM last */
	int64_t key_offset, time_offset_ns;
};

/* Inserts all rows but those that say what the recording is, and those that are kept ready for all processes together.
 * 0, or -1 with ERROR. */
int carry_rows(struct carry *carry, struct sql_error *error);

/* How each column is carried, table by table: for the test that holds this to the schema. NULL at the end. */
struct carried_table {
	const char *name;
	const char *columns; /* see carry.c; "": its rows stay behind */
};
const struct carried_table *carry_table(unsigned number);

#endif
