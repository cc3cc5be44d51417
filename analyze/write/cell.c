/* SPDX-License-Identifier: Apache-2.0
 *
 * cell.c - what people see of one cell, and the lines under an answer; shared by table and list.
 */
#include "sql/base/text.h"
#include "writer.h"

#include <inttypes.h>
#include <string.h>

const char *colour(const struct style *style, const char *sequence)
{
	return style->colour ? sequence : "";
}

size_t column_find(const struct column *columns, size_t count, const char *name)
{
	size_t i = 0;
	while (i < count && strcmp(columns[i].name, name) != 0)
		i++;
	return i;
}

static void show_integer(struct shown *shown, const struct column *column, int64_t number)
{
	bool grown = strncmp(column->name, "delta", 5) == 0 && number > 0;
	switch (column->unit) {
	case UNIT_BYTES:
		shown->main[0] = '+';
		units_bytes(shown->main + grown, number);
		snprintf(shown->exact, sizeof shown->exact, grown ? "+%" PRId64 : "%" PRId64, number);
		break;
	case UNIT_NS:
		units_ns(shown->main, number);
		break;
	case UNIT_RATIO:
		units_ratio(shown->main, (double)number);
		break;
	case UNIT_ADDRESS:
		snprintf(shown->main, sizeof shown->main, "0x%" PRIx64, (uint64_t)number);
		break;
	default:
		snprintf(shown->main, sizeof shown->main, grown ? "+%" PRId64 : "%" PRId64, number);
		break;
	}
}

void cell_put_integer(FILE *out, const struct column *column, int64_t number)
{
	fprintf(out, column->unit == UNIT_ADDRESS ? "%" PRIu64 : "%" PRId64, number);
}

static void show_blob(struct shown *shown, const struct query_cell *cell)
{
	size_t shown_bytes = cell->bytes < 32 ? cell->bytes : 32;
	char *at = shown->main + snprintf(shown->main, sizeof shown->main, "x'");
	for (size_t i = 0; i < shown_bytes; i++)
		at += snprintf(at, 3, "%02x", (unsigned char)cell->text[i]);
	strcpy(at, shown_bytes < cell->bytes ? "...'" : "'");
}

void cell_show(struct shown *shown, const struct column *column, const struct query_cell *cell)
{
	shown->exact[0] = '\0';
	switch (cell->type) {
	case CELL_NULL:
		strcpy(shown->main, "-");
		break;
	case CELL_INTEGER:
		show_integer(shown, column, cell->integer);
		break;
	case CELL_REAL:
		if (column->unit == UNIT_RATIO)
			units_ratio(shown->main, cell->real);
		else
			snprintf(shown->main, sizeof shown->main, "%.6g", cell->real);
		break;
	case CELL_TEXT:
		text_terminal(shown->main, sizeof shown->main, cell->text, cell->bytes);
		break;
	case CELL_BLOB:
		show_blob(shown, cell);
		break;
	}
}

void print_wrapped(const struct style *style, const char *line, size_t at, size_t indent)
{
	for (bool first = true; *line != '\0'; first = false) {
		char word[CELL_TEXT_MAX];
		size_t length = strcspn(line, " ");
		length = length < sizeof word ? length : sizeof word - 1;
		memcpy(word, line, length);
		word[length] = '\0';
		size_t width = text_width(word);
		if (!first && style->width != 0 && at + 1 + width > style->width) {
			fprintf(style->out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			fputc(' ', style->out);
			at++;
		}
		fputs(word, style->out);
		at += width;
		line += length + (line[length] == ' ');
	}
	fputc('\n', style->out);
}

void print_line(const struct style *style, const char *line)
{
	print_wrapped(style, line, 0, 2);
}

static void print_note(const struct style *style, const char *note)
{
	char safe[CELL_TEXT_MAX], line[CELL_TEXT_MAX + 8];
	text_terminal(safe, sizeof safe, note, strlen(note));
	snprintf(line, sizeof line, "note: %s", safe);
	print_line(style, line);
}

const char *answer_incomplete(const struct answer *answer, char line[static ANSWER_LINE_BYTES])
{
	bool limited = answer->gaps && answer->gaps[0] != '\0';

	snprintf(line, ANSWER_LINE_BYTES, "INCOMPLETE: figures%s%s may be off by what is missing%s",
	         limited ? " of " : "", limited ? answer->gaps : "", limited ? "; other regions are complete" : "");
	return line;
}

void answer_footer(const struct style *style, const struct answer *answer)
{
	char line[ANSWER_LINE_BYTES];

	fputs(colour(style, answer->complete ? COLOUR_DIM : COLOUR_WARN), style->out);
	if (!answer->complete)
		print_line(style, answer_incomplete(answer, line));
	else if (!style->quiet)
		print_line(style, "complete");
	for (size_t i = 0; i < answer->note_count; i++)
		print_note(style, answer->notes[i]);
	fputs(colour(style, COLOUR_OFF), style->out);
}
