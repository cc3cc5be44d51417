/* SPDX-License-Identifier: Apache-2.0
 *
 * findings.h - what verify finds wrong with a recording. Each check adds rows and goes on; what SQLite cannot read
 * becomes a row, too.
 */
#ifndef SQL_FINDINGS_H
#define SQL_FINDINGS_H

#include "sql/answers/table_function.h"

#define FINDINGS_MAX 1000

struct findings {
	struct table_call *call;
	size_t left; /* that still fit */
	bool failed; /* out of memory: call->error says so */
};

/* Adds a row: WHAT is the check, PLACE where in the recording, FORMAT the detail. */
__attribute__((format(printf, 4, 5))) void findings_add(struct findings *findings, const char *what, const char *place,
                                                        const char *format, ...);

/* Runs SQL: rows of place and detail, each a finding of kind WHAT. */
void findings_add_rows(struct findings *findings, const char *what, const char *sql);

/* SQLite's check of the whole file, in a thread and with a connection of its own, so that the others need not wait. */
struct integrity *integrity_start(const char *path);
void integrity_finish(struct integrity *integrity, struct findings *findings); /* waits */

/* The checks. */
void findings_in_numbers(struct findings *findings); /* batches, losses, and keys without holes */
void findings_in_blocks(struct findings *findings);  /* pairs, overlaps, and what is kept ready about them */
void findings_in_ranges(struct findings *findings);  /* operations, labels and tensors */

#endif
