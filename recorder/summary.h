/* SPDX-License-Identifier: Apache-2.0
 *
 * summary.h - what a recording came to, in a few lines on standard error.
 */
#ifndef RECORDER_SUMMARY_H
#define RECORDER_SUMMARY_H

#include <stdbool.h>

#include "recorder/ledger/ingest.h"
#include "recorder/serve/server.h"
#include "witness.h"

struct summary {
	const char *path; /* of the file, or the last one */
	const char *all;  /* names of all files, which the figures are of; NULL: they are of the one at PATH */
	const struct ingest_totals *totals;
	const struct server_report *report;
	const struct witness *witness;
	bool wrapped;       /* a command was run */
	bool host_malloc;   /* with the preload for the host's malloc */
	const char *enough; /* NULL, or the limit at which the recording ended while its programs went on */
	unsigned files;     /* that were begun after the first */
	const char *resume; /* NULL, or why not all is in the file: said with how to go on */
};

void summary_print(const struct summary *summary);

#endif
