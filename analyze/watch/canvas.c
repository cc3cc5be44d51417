/* SPDX-License-Identifier: Apache-2.0
 *
 * canvas.c - see canvas.h.
 */
#include "canvas.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"

static struct canvas_cell *cell_at(const struct canvas *canvas, size_t row, size_t column)
{
	return &canvas->cells[row * canvas->columns + column];
}

void canvas_reset(struct canvas *canvas, size_t rows, size_t columns)
{
	if (canvas->rows != rows || canvas->columns != columns || !canvas->cells) {
		free(canvas->cells);
		canvas->cells = memory_get(rows * columns + 1, sizeof *canvas->cells);
		canvas->rows = rows;
		canvas->columns = columns;
	}
	for (size_t i = 0; i < rows * columns; i++)
		canvas->cells[i] = (struct canvas_cell){.text = " ", .tone = TONE_PLAIN};
}

void canvas_free(struct canvas *canvas)
{
	free(canvas->cells);
	*canvas = (struct canvas){0};
}

/* What half of a wide character is written over must not be left standing. */
static void blank_halves(struct canvas *canvas, size_t row, size_t column, size_t width)
{
	if (cell_at(canvas, row, column)->text[0] == '\0' && column > 0)
		strcpy(cell_at(canvas, row, column - 1)->text, " ");
	if (column + width < canvas->columns && cell_at(canvas, row, column + width)->text[0] == '\0')
		strcpy(cell_at(canvas, row, column + width)->text, " ");
}

static void combine(struct canvas *canvas, size_t row, size_t column, const char *text, size_t length)
{
	struct canvas_cell *cell = cell_at(canvas, row, column);
	if (cell->text[0] == '\0' && column > 0) /* the right half of a wide one */
		cell = cell_at(canvas, row, column - 1);
	if (strlen(cell->text) + length < sizeof cell->text)
		strncat(cell->text, text, length);
}

size_t canvas_put(struct canvas *canvas, size_t row, size_t column, size_t width, enum tone tone, const char *text)
{
	size_t used = 0, bytes = strlen(text), length;
	if (row >= canvas->rows || column >= canvas->columns)
		return 0;
	if (width > canvas->columns - column)
		width = canvas->columns - column;
	for (; bytes > 0; text += length, bytes -= length) {
		char character[8] = "";
		int32_t code;
		length = text_decode(text, bytes, &code);
		memcpy(character, text, length);
		size_t columns = text_width(character);
		if (columns == 0) {
			if (used > 0)
				combine(canvas, row, column + used - 1, text, length);
			continue;
		}
		if (used + columns > width)
			break;
		blank_halves(canvas, row, column + used, columns);
		for (size_t i = 0; i < columns; i++) {
			struct canvas_cell *cell = cell_at(canvas, row, column + used++);
			*cell = (struct canvas_cell){.tone = (unsigned char)tone};
			if (i == 0)
				strcpy(cell->text, character);
		}
	}
	return used;
}

void canvas_put_right(struct canvas *canvas, size_t row, size_t column, size_t width, enum tone tone, const char *text)
{
	size_t taken = text_width(text);
	if (taken < width)
		column += width - taken;
	canvas_put(canvas, row, column, taken < width ? taken : width, tone, text);
}

size_t canvas_run(const struct canvas *canvas, size_t row, size_t column, char *out, size_t size)
{
	size_t first = column, used = 0;
	unsigned char tone = cell_at(canvas, row, column)->tone;
	for (; column < canvas->columns; column++) {
		const struct canvas_cell *cell = cell_at(canvas, row, column);
		size_t length = strlen(cell->text);
		/* the right half goes with its left one */
		if (column > first && length > 0 && (cell->tone != tone || used + length >= size))
			break;
		memcpy(out + used, cell->text, length);
		used += length;
	}
	out[used] = '\0';
	return column - first;
}

void canvas_print_row(const struct canvas *canvas, size_t row, FILE *out)
{
	size_t end = canvas->columns;
	while (end > 0 && strcmp(cell_at(canvas, row, end - 1)->text, " ") == 0)
		end--;
	for (size_t column = 0; column < end; column++)
		fputs(cell_at(canvas, row, column)->text, out);
	fputc('\n', out);
}
