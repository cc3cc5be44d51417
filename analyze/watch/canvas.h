/* SPDX-License-Identifier: Apache-2.0
 *
 * canvas.h - a screen of characters in memory: what watch composes once, and curses, an ANSI terminal or a plain
 * stream show. Text is UTF-8 without controls (text_terminal()); what does not fit is cut.
 */
#ifndef ANALYZE_WATCH_CANVAS_H
#define ANALYZE_WATCH_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum tone { TONE_PLAIN, TONE_TITLE, TONE_HEAD, TONE_DIM, TONE_LOW, TONE_MIDDLE, TONE_HIGH, TONE_ALARM, TONE_TREND };

struct canvas_cell {
	char text[15]; /* one character and what combines with it; empty: the right half of a wide one */
	unsigned char tone;
};

struct canvas {
	size_t rows, columns;
	struct canvas_cell *cells;
};

/* Makes CANVAS, which is zero-initialised or in use, that large, and blank. */
void canvas_reset(struct canvas *canvas, size_t rows, size_t columns);
void canvas_free(struct canvas *canvas);

/* Puts TEXT from COLUMN on into at most WIDTH columns. Returns the columns that it took. */
size_t canvas_put(struct canvas *canvas, size_t row, size_t column, size_t width, enum tone tone, const char *text);
/* The same, ending before column COLUMN + WIDTH. */
void canvas_put_right(struct canvas *canvas, size_t row, size_t column, size_t width, enum tone tone, const char *text);

/* The run of cells of one tone that begins at COLUMN: its text goes to OUT, NUL-terminated. Returns its columns. */
size_t canvas_run(const struct canvas *canvas, size_t row, size_t column, char *out, size_t size);

/* Writes ROW without the blanks at its end, and without tones. */
void canvas_print_row(const struct canvas *canvas, size_t row, FILE *out);

#endif
