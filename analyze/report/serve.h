/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.h - the page over HTTP, from the file itself: what is zoomed to is asked anew, and a recording in progress is
 * followed. Who has the link, with its token, may read it.
 */
#ifndef ANALYZE_REPORT_SERVE_H
#define ANALYZE_REPORT_SERVE_H

#include "ask.h"

struct serve {
	const char *file;
	const char *listen; /* ADDRESS:PORT */
	report_ask *ask;
	void *context;
};

/* Prints the link and serves until a signal. 0, or -1 with ERROR filled. */
int serve_run(const struct serve *serve, struct sql_error *error);

#endif
