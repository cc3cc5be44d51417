/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.h - what is to be said beside an answer: what the recording lacks, and what the query itself remarks.
 */
#ifndef ANALYZE_NOTES_H
#define ANALYZE_NOTES_H

#include <stdbool.h>

#include "values.h"

struct notes {
	char **list;
	size_t count;
	bool complete;
	char gaps[RECORDING_REGIONS_BYTES]; /* not complete: the regions that are not; "": any may not be */
};

/* Adds what RECORDING lacks of REGIONS (NULL: all); WHO ("old.db: ") goes before each line. */
void notes_add_loss(struct notes *notes, struct recording *recording, const char *regions, const char *who);

/* Adds the rows of QUERY's notes statement. 0, or -1 with ERROR filled. */
int notes_add_query(struct notes *notes, struct recording *recording, const struct query *query,
                    const struct values *values, struct sql_error *error);

void notes_free(struct notes *notes);

#endif
