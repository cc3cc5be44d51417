/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - one JSON document, streamed, or one JSON object per line.
 */
#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct json {
	struct writer writer;
	FILE *out;
	char **keys; /* as they stand before each value */
	const struct column *columns;
	size_t count;
	bool any;
};

static void put_text(FILE *out, const char *text)
{
	text_json(out, text, strlen(text));
}

/* What JSON cannot say is null. */
static void put_real(FILE *out, double real)
{
	char text[UNITS_TEXT_MAX] = "null";
	if (isfinite(real))
		units_real(text, real);
	fputs(text, out);
}

static void put_blob(FILE *out, const char *bytes, size_t count)
{
	fputc('"', out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%02x", (unsigned char)bytes[i]);
	fputc('"', out);
}

static void put_cell(FILE *out, const struct column *column, const struct query_cell *cell)
{
	switch (cell->type) {
	case CELL_NULL:
		fputs("null", out);
		break;
	case CELL_INTEGER:
		cell_put_integer(out, column, cell->integer);
		break;
	case CELL_REAL:
		put_real(out, cell->real);
		break;
	case CELL_TEXT:
		text_json(out, cell->text, cell->bytes);
		break;
	case CELL_BLOB:
		put_blob(out, cell->text, cell->bytes);
		break;
	}
}

/* A text with one item per line, as an array. */
static void put_list(FILE *out, const struct query_cell *cell)
{
	const char *at = cell->text, *end = cell->type == CELL_TEXT ? cell->text + cell->bytes : at;
	fputc('[', out);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = !newline ? end : newline;
		text_json(out, at, (size_t)(stop - at));
		at = !newline ? end : newline + 1;
		fputs(at < end ? ", " : "", out);
	}
	fputc(']', out);
}

static void put_row(const struct json *json, const struct query_cell *cells)
{
	fputc('{', json->out);
	for (size_t i = 0; i < json->count; i++) {
		fputs(json->keys[i], json->out);
		if (json->columns[i].unit == UNIT_LIST)
			put_list(json->out, &cells[i]);
		else
			put_cell(json->out, &json->columns[i], &cells[i]);
	}
	fputc('}', json->out);
}

void answer_json(FILE *out, const struct answer *answer)
{
	fputs("{\"query\": ", out);
	put_text(out, answer->query);
	fputs(", \"file\": ", out);
	put_text(out, answer->file);
	if (answer->old_file) {
		fputs(", \"old_file\": ", out);
		put_text(out, answer->old_file);
	}
	fprintf(out, ", \"complete\": %s", answer->complete ? "true" : "false");
	if (!answer->complete && answer->gaps && answer->gaps[0] != '\0') {
		fputs(", \"incomplete\": ", out);
		put_text(out, answer->gaps);
	}
	fputs(", \"notes\": [", out);
	for (size_t i = 0; i < answer->note_count; i++) {
		fputs(i > 0 ? ", " : "", out);
		put_text(out, answer->notes[i]);
	}
	fputc(']', out);
}

static void make_keys(struct json *json, const struct column *columns, size_t count)
{
	json->keys = memory_get(count, sizeof *json->keys);
	json->columns = columns;
	for (size_t i = 0; i < count; i++) {
		size_t size;
		FILE *key = open_memstream(&json->keys[i], &size);
		if (!key)
			memory_exhausted();
		fputs(i > 0 ? ", " : "", key);
		put_text(key, columns[i].name);
		fputs(": ", key);
		if (fclose(key) != 0)
			memory_exhausted();
		json->count++;
	}
}

static void json_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct json *json = (struct json *)writer;
	make_keys(json, columns, count);
	answer_json(json->out, answer);
	fputs(", \"rows\": [", json->out);
}

static void json_row(struct writer *writer, const struct query_cell *cells)
{
	struct json *json = (struct json *)writer;
	fputs(json->any ? ",\n  " : "\n  ", json->out);
	json->any = true;
	put_row(json, cells);
}

static void json_end(struct writer *writer)
{
	struct json *json = (struct json *)writer;
	fputs(json->any ? "\n]}\n" : "]}\n", json->out);
}

static void jsonl_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct json *json = (struct json *)writer;
	(void)answer;
	make_keys(json, columns, count);
}

static void jsonl_row(struct writer *writer, const struct query_cell *cells)
{
	struct json *json = (struct json *)writer;
	put_row(json, cells);
	fputc('\n', json->out);
}

static void jsonl_end(struct writer *writer)
{
	(void)writer;
}

static void json_free(struct writer *writer)
{
	struct json *json = (struct json *)writer;
	for (size_t i = 0; i < json->count; i++)
		free(json->keys[i]);
	free(json->keys);
	free(json);
}

struct writer *writer_json(const struct style *style)
{
	struct json *json = memory_get(1, sizeof *json);
	json->out = style->out;
	json->writer = (struct writer){.begin = json_begin, .row = json_row, .end = json_end, .free = json_free};
	return &json->writer;
}

struct writer *writer_jsonl(const struct style *style)
{
	struct json *json = memory_get(1, sizeof *json);
	json->out = style->out;
	json->writer = (struct writer){.begin = jsonl_begin, .row = jsonl_row, .end = jsonl_end, .free = json_free};
	return &json->writer;
}
