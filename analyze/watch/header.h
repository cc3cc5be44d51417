/* SPDX-License-Identifier: Apache-2.0
 *
 * header.h - shows a canvas on the upper lines of a terminal, of which the rest scrolls with another program's
 * output. The terminal is told so by a scroll region (DECSTBM); each drawing is one write, so that it cannot be torn
 * apart by what the other program writes.
 */
#ifndef ANALYZE_WATCH_HEADER_H
#define ANALYZE_WATCH_HEADER_H

#include "sql/base/sql.h"
#include "canvas.h"

struct header;

/* Opens the controlling terminal and divides it. What was on it scrolls away upwards. NULL with ERROR filled: there is
 * none, or it is too small. */
struct header *header_open(bool colour, struct sql_error *error);
/* The whole terminal scrolls again; the last picture stays. */
void header_close(struct header *header);

/* The lines there are, for a terminal that may have changed its size; 0: none, it has become too small. */
void header_size(struct header *header, size_t *rows, size_t *columns);
void header_show(struct header *header, const struct canvas *canvas);

#endif
