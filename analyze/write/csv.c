/* SPDX-License-Identifier: Apache-2.0
 *
 * csv.c - RFC 4180: a header, CRLF, quotes where needed. Unknown is an empty cell, an empty text "".
 */
#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct csv {
	struct writer writer;
	FILE *out;
	const struct column *columns;
	size_t count;
	bool no_header;
};

static void put_real(FILE *out, double real)
{
	char text[UNITS_TEXT_MAX] = "";
	if (isfinite(real))
		units_real(text, real);
	fputs(text, out);
}

static void put_cell(FILE *out, const struct column *column, const struct query_cell *cell)
{
	switch (cell->type) {
	case CELL_NULL:
		break;
	case CELL_INTEGER:
		cell_put_integer(out, column, cell->integer);
		break;
	case CELL_REAL:
		put_real(out, cell->real);
		break;
	case CELL_TEXT:
		text_csv(out, cell->text, cell->bytes);
		break;
	case CELL_BLOB:
		for (size_t i = 0; i < cell->bytes; i++)
			fprintf(out, "%02x", (unsigned char)cell->text[i]);
		break;
	}
}

static void csv_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct csv *csv = (struct csv *)writer;
	(void)answer;
	csv->columns = columns;
	csv->count = count;
	for (size_t i = 0; i < count && !csv->no_header; i++) {
		text_csv(csv->out, columns[i].name, strlen(columns[i].name));
		fputs(i + 1 < count ? "," : "\r\n", csv->out);
	}
}

static void csv_row(struct writer *writer, const struct query_cell *cells)
{
	struct csv *csv = (struct csv *)writer;
	for (size_t i = 0; i < csv->count; i++) {
		put_cell(csv->out, &csv->columns[i], &cells[i]);
		fputs(i + 1 < csv->count ? "," : "\r\n", csv->out);
	}
}

static void csv_end(struct writer *writer)
{
	(void)writer;
}

static void csv_free(struct writer *writer)
{
	free(writer);
}

struct writer *writer_csv(const struct style *style)
{
	struct csv *csv = memory_get(1, sizeof *csv);
	csv->out = style->out;
	csv->no_header = style->no_header;
	csv->writer = (struct writer){.begin = csv_begin, .row = csv_row, .end = csv_end, .free = csv_free};
	return &csv->writer;
}
