/* SPDX-License-Identifier: Apache-2.0
 *
 * output.h - which writer the command line asks for, and an output that may be full or gone.
 */
#ifndef ANALYZE_OUTPUT_H
#define ANALYZE_OUTPUT_H

#include <stdint.h>

#include "options.h"
#include "analyze/write/writer.h"

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_JSONL,
	FORMAT_CSV,
	FORMAT_FOLDED,
	FORMAT_JUNIT,
	FORMAT_GITHUB,
	FORMAT_COLUMNS,
	FORMAT_PLOT,
	FORMAT_SVG
};

struct output {
	enum format format;
	struct style style;
	uint64_t rows; /* that a format other than table gives; 0: all */
	bool limited;  /* the user said how many rows */
	bool grouped;  /* rows of --by: a table, also of verbs that show a list */
	int cause;     /* errno of the first write that failed; 0: none did */
};

/* Answers go to OUT. QUERY, which may be NULL, may have another format than a table. 0, or -1 with ERROR filled:
 * options that contradict each other. */
int output_choose(struct output *output, FILE *out, const struct arguments *arguments, const struct query *query,
                  struct sql_error *error);

struct writer *output_writer(const struct output *output, const struct query *query); /* QUERY may be NULL */

/* Whether writing has failed; to be asked right behind the writing. */
bool output_broken(struct output *output);

/* Flushes the output. 0 when all was written, or nobody reads any more, which is no error; -1 with ERROR filled.
 */
int output_finish(struct output *output, struct sql_error *error);

#endif
