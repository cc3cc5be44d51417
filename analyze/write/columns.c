/* SPDX-License-Identifier: Apache-2.0
 *
 * columns.c - one JSON document, column by column, for programs that take in a whole answer: a page. A text stands once
 * among "texts"; cells of columns with the unit text, list or picture are indexes there, or a number in brackets, and
 * cells of other columns are numbers, or an index in brackets. A column of long runs is written as value, count, value,
 * count.
 *
 * Unlike the other writers it holds the answer in memory, in the form in which it is written.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/map.h"
#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#define CELL_WIDTH 40

struct stream {
	FILE *out;
	char *text;
	size_t bytes;
};

/* Both forms of a column; the shorter one is written. */
struct put {
	struct stream plain, runs;
	char last[CELL_WIDTH];
	uint64_t run; /* so often */
};

struct columns {
	struct writer writer;
	FILE *out;
	const struct column *columns;
	struct put *puts;
	size_t count;
	uint64_t rows;
	char **texts;
	size_t *text_bytes;
	size_t text_count, text_capacity, bytes_capacity;
	struct map text_of; /* hash -> texts */
};

static const char *const unit_words[] = {
    [UNIT_NONE] = "",       [UNIT_BYTES] = "bytes",     [UNIT_NS] = "ns",     [UNIT_COUNT] = "count",
    [UNIT_RATIO] = "ratio", [UNIT_ADDRESS] = "address", [UNIT_TEXT] = "text", [UNIT_ID] = "id",
    [UNIT_LIST] = "list",   [UNIT_PICTURE] = "picture",
};

static void stream_open(struct stream *stream)
{
	stream->out = open_memstream(&stream->text, &stream->bytes);
	if (!stream->out)
		memory_exhausted();
}

static void stream_free(struct stream *stream)
{
	if (stream->out)
		fclose(stream->out);
	free(stream->text);
}

static void columns_begin(struct writer *writer, const struct answer *answer, const struct column *columns,
                          size_t count)
{
	struct columns *self = (struct columns *)writer;
	FILE *out = self->out;

	self->columns = columns;
	self->count = count;
	self->puts = memory_get(count, sizeof *self->puts);
	for (size_t i = 0; i < count; i++) {
		stream_open(&self->puts[i].plain);
		stream_open(&self->puts[i].runs);
	}
	answer_json(out, answer);
	fputs(", \"columns\": [", out);
	for (size_t i = 0; i < count; i++) {
		fputs(i > 0 ? ", {\"name\": " : "{\"name\": ", out);
		text_json(out, columns[i].name, strlen(columns[i].name));
		fprintf(out, ", \"unit\": \"%s\"}", unit_words[columns[i].unit]);
	}
	fputc(']', out);
}

/* FNV-1a; texts are compared before they count as the same. */
static struct map_key hash(const char *text, size_t bytes)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (size_t i = 0; i < bytes; i++)
		value = (value ^ (unsigned char)text[i]) * 0x100000001b3u;
	return (struct map_key){(int64_t)value, (int64_t)bytes, 0};
}

static size_t text_index(struct columns *self, const char *text, size_t bytes)
{
	uint32_t index = map_enter(&self->text_of, hash(text, bytes), (uint32_t)self->text_count);

	if (index == MAP_NONE)
		memory_exhausted();
	if (index < self->text_count && memcmp(self->texts[index], text, bytes) == 0)
		return index;
	self->texts = memory_room(self->texts, self->text_count, &self->text_capacity, sizeof *self->texts);
	self->text_bytes =
	    memory_room(self->text_bytes, self->text_count, &self->bytes_capacity, sizeof *self->text_bytes);
	self->texts[self->text_count] = memory_get(bytes + 1, 1);
	memcpy(self->texts[self->text_count], text, bytes);
	self->text_bytes[self->text_count] = bytes;
	return self->text_count++;
}

static bool is_of_texts(const struct column *column)
{
	return column->unit == UNIT_TEXT || column->unit == UNIT_LIST || column->unit == UNIT_PICTURE;
}

static void number_text(const struct column *column, const struct query_cell *cell, char out[CELL_WIDTH - 2])
{
	char real[UNITS_TEXT_MAX] = "null";

	if (cell->type == CELL_REAL && isfinite(cell->real))
		units_real(real, cell->real);
	if (cell->type == CELL_REAL)
		snprintf(out, CELL_WIDTH - 2, "%s", real);
	else if (column->unit == UNIT_ADDRESS)
		snprintf(out, CELL_WIDTH - 2, "%" PRIu64, (uint64_t)cell->integer);
	else
		snprintf(out, CELL_WIDTH - 2, "%" PRId64, cell->integer);
}

static void cell_text(struct columns *self, const struct column *column, const struct query_cell *cell,
                      char out[CELL_WIDTH])
{
	char number[CELL_WIDTH - 2];
	bool of_texts = is_of_texts(column);

	if (cell->type == CELL_TEXT) {
		snprintf(out, CELL_WIDTH, of_texts ? "%zu" : "[%zu]", text_index(self, cell->text, cell->bytes));
		return;
	}
	if (cell->type != CELL_INTEGER && cell->type != CELL_REAL) { /* blobs are nothing to show */
		strcpy(out, "null");
		return;
	}
	number_text(column, cell, number);
	snprintf(out, CELL_WIDTH, of_texts ? "[%s]" : "%s", number);
}

static void end_run(struct put *put)
{
	if (put->run > 0)
		fprintf(put->runs.out, "%s%s,%" PRIu64, ftell(put->runs.out) > 0 ? "," : "", put->last, put->run);
	put->run = 0;
}

static void columns_row(struct writer *writer, const struct query_cell *cells)
{
	struct columns *self = (struct columns *)writer;
	char text[CELL_WIDTH];

	for (size_t i = 0; i < self->count; i++) {
		struct put *put = &self->puts[i];

		cell_text(self, &self->columns[i], &cells[i], text);
		fprintf(put->plain.out, "%s%s", self->rows > 0 ? "," : "", text);
		if (put->run > 0 && strcmp(put->last, text) != 0)
			end_run(put);
		strcpy(put->last, text);
		put->run++;
	}
	self->rows++;
}

static void write_column(FILE *out, struct put *put)
{
	end_run(put);
	fflush(put->plain.out);
	fflush(put->runs.out);
	if (put->runs.bytes + 8 < put->plain.bytes)
		fprintf(out, "{\"runs\":[%s]}", put->runs.text);
	else
		fprintf(out, "[%s]", put->plain.text);
}

static void columns_end(struct writer *writer)
{
	struct columns *self = (struct columns *)writer;
	FILE *out = self->out;

	fprintf(out, ", \"rows\": %" PRIu64 ", \"texts\": [", self->rows);
	for (size_t i = 0; i < self->text_count; i++) {
		fputs(i > 0 ? "," : "", out);
		text_json(out, self->texts[i], self->text_bytes[i]);
	}
	fputs("], \"values\": [", out);
	for (size_t i = 0; i < self->count; i++) {
		fputs(i > 0 ? ",\n" : "", out);
		write_column(out, &self->puts[i]);
	}
	fputs("]}\n", out);
}

static void columns_free(struct writer *writer)
{
	struct columns *self = (struct columns *)writer;

	for (size_t i = 0; self->puts && i < self->count; i++) {
		stream_free(&self->puts[i].plain);
		stream_free(&self->puts[i].runs);
	}
	for (size_t i = 0; i < self->text_count; i++)
		free(self->texts[i]);
	free(self->texts);
	free(self->text_bytes);
	free(self->puts);
	map_clear(&self->text_of);
	free(self);
}

struct writer *writer_columns(const struct style *style)
{
	struct columns *self = memory_get(1, sizeof *self);

	self->writer =
	    (struct writer){.begin = columns_begin, .row = columns_row, .end = columns_end, .free = columns_free};
	self->out = style->out;
	return &self->writer;
}
