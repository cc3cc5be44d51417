/* SPDX-License-Identifier: Apache-2.0
 *
 * picture.h - a bank as one line of text, as wide as the terminal has room for.
 */
#ifndef ANALYZE_PICTURE_H
#define ANALYZE_PICTURE_H

#include <stddef.h>

#include "writer.h"

/* Prints the cells of a column "picture" (sql/query.h), of which AT columns are taken already, and ends the line. The
 * window stands between brackets. Blocks are drawn in UTF-8 where the user's locale has it. */
void picture_print(const struct style *style, const char *cells, size_t count, size_t at);

#endif
