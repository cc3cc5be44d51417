/* SPDX-License-Identifier: Apache-2.0
 *
 * manual.h - what the tables say about a program: as --help, or as its man page, from the same calls.
 */
#ifndef SQL_MANUAL_H
#define SQL_MANUAL_H

#include <stdio.h>

#include "option.h"

struct manual {
	FILE *out;
	bool roff; /* a man page */
};

/* What a page begins with. */
struct manual_head {
	const char *program, *summary, *version;
	const char *usage; /* one line or more */
};

void manual_begin(const struct manual *manual, const struct manual_head *head);

void manual_section(const struct manual *manual, const char *title);
void manual_subsection(const struct manual *manual, const char *title);

/* A label, and TEXT beside or below it. */
void manual_entry(const struct manual *manual, const char *label, const char *text);
void manual_entries(const struct manual *manual, const char *const (*entries)[2]); /* until a NULL */

/* Paragraphs, of which each is one line of TEXT. */
void manual_prose(const struct manual *manual, const char *text);

/* The same without distance to what is before. */
void manual_line(const struct manual *manual, const char *text);

/* Those OPTIONS that are of GROUP, below TITLE (may be NULL) when there are any. */
void manual_options(const struct manual *manual, const struct options *options, unsigned group, const char *title);

/* TEXT inside a line of a man page: nothing in it is markup. */
void manual_roff(FILE *out, const char *text);

#endif
