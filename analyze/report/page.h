/* SPDX-License-Identifier: Apache-2.0
 *
 * page.h - the page: the front end that is built into the program, and JSON beside it.
 *
 * Its Content-Security-Policy allows the one script and the one style sheet that are built in, known by their hashes,
 * and no address to load anything from. What a recording says stands in blocks of JSON, in which "<" is escaped, so
 * that no text can end one.
 */
#ifndef ANALYZE_REPORT_PAGE_H
#define ANALYZE_REPORT_PAGE_H

#include <stdbool.h>
#include <stdio.h>

/* Everything before the first block of JSON. LIVE: the page may ask the server it came from. */
void page_begin(FILE *out, bool live);
/* A block: what opens it, then JSON by page_json(), then what closes it. */
void page_block_begin(FILE *out, const char *id);
void page_json(FILE *out, const char *json, size_t bytes);
void page_block_end(FILE *out);
void page_end(FILE *out);

/* The policy, as the value of the HTTP header. */
void page_policy(FILE *out, bool live);

#endif
