/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h - one question: open, ask, write the rows, say what is missing.
 */
#ifndef ANALYZE_RUN_H
#define ANALYZE_RUN_H

#include "analyze/write/status.h"
#include "output.h"

struct request {
	const struct verb *verb;
	const struct query *query;   /* NULL: STATEMENT */
	const char *statement;       /* of the verb sql */
	const char *file, *old_file; /* old_file: of diff, else NULL */
	const struct arguments *arguments;
};

/* Answers out of RECORDING, which is open, into OUT. Returns the exit status; ERROR is filled where it is
 * STATUS_TROUBLE. */
enum status run_answer(struct recording *recording, const struct request *request, FILE *out, struct sql_error *error);

/* Answers on standard output; errors go to stderr. Returns the exit status. */
enum status run_request(const struct request *request);

#endif
