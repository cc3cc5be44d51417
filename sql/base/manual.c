/* SPDX-License-Identifier: Apache-2.0
 *
 * manual.c - see manual.h.
 */
#include "manual.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "text.h"

#define LINE_WIDTH 80
#define INDENT 26

/* Backslashes and leading dots are roff's own; hyphens of options are meant as such. */
void manual_roff(FILE *out, const char *text)
{
	bool line_start = true;
	for (; *text != '\0'; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		line_start = *text == '\n';
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void put_capitals(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '-')
			fputs("\\-", out);
		else
			fputc(toupper((unsigned char)*text), out);
}

/* Prints TEXT from column INDENT on, broken at spaces and continued there. */
static void put_wrapped(FILE *out, const char *text, size_t indent)
{
	char safe[4096];
	size_t at = indent;
	text_terminal(safe, sizeof safe, text, strlen(text));
	for (const char *word = safe; *word != '\0';) {
		size_t length = strcspn(word, " ");
		if (at > indent && at + 1 + length > LINE_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fwrite(word, 1, length, out);
		at += length;
		word += length + strspn(word + length, " ");
	}
	fputc('\n', out);
}

void manual_begin(const struct manual *manual, const struct manual_head *head)
{
	if (!manual->roff) {
		fprintf(manual->out, "Usage: %s\n", head->usage);
		return;
	}
	fputs(".\\\" Generated from the program's tables; do not edit.\n.TH ", manual->out);
	put_capitals(manual->out, head->program);
	fprintf(manual->out, " 1 \"\" \"ttalloc %s\" \"User Commands\"\n.nh\n.SH NAME\n", head->version);
	manual_roff(manual->out, head->program);
	fprintf(manual->out, " \\- %s\n.SH SYNOPSIS\n.nf\n", head->summary);
	for (const char *line = head->usage; *line != '\0'; line += strcspn(line, "\n")) {
		char text[200];
		line += strspn(line, "\n ");
		snprintf(text, sizeof text, "%.*s\n", (int)strcspn(line, "\n"), line);
		manual_roff(manual->out, text);
	}
	fputs(".fi\n.SH DESCRIPTION\n", manual->out);
}

void manual_section(const struct manual *manual, const char *title)
{
	if (!manual->roff) {
		fprintf(manual->out, "\n%s:\n", title);
		return;
	}
	fputs(".SH ", manual->out);
	put_capitals(manual->out, title);
	fputc('\n', manual->out);
}

void manual_subsection(const struct manual *manual, const char *title)
{
	if (manual->roff)
		fprintf(manual->out, ".SS \"%s\"\n", title);
	else
		manual_section(manual, title);
}

static void put_text_entry(FILE *out, const char *label, const char *text)
{
	char safe[OPTION_LABEL_MAX];
	text_terminal(safe, sizeof safe, label, strlen(label));
	size_t width = text_width(safe) + 2;
	fprintf(out, "  %s", safe);
	if (width + 2 > INDENT)
		fprintf(out, "\n%*s", INDENT, "");
	else
		fprintf(out, "%*s", (int)(INDENT - width), "");
	put_wrapped(out, text, INDENT);
}

void manual_entry(const struct manual *manual, const char *label, const char *text)
{
	if (!manual->roff) {
		put_text_entry(manual->out, label, text ? text : "");
		return;
	}
	fputs(".TP\n\\fB", manual->out);
	manual_roff(manual->out, label);
	fputs("\\fR\n", manual->out);
	manual_roff(manual->out, text && text[0] != '\0' ? text : " ");
	fputc('\n', manual->out);
}

void manual_entries(const struct manual *manual, const char *const (*entries)[2])
{
	for (; (*entries)[0]; entries++)
		manual_entry(manual, (*entries)[0], (*entries)[1]);
}

void manual_line(const struct manual *manual, const char *text)
{
	char *copy = memory_text(text), *rest = copy, *line;
	while ((line = strsep(&rest, "\n"))) {
		if (line[0] == '\0')
			continue;
		if (!manual->roff) {
			put_wrapped(manual->out, line, 0);
			continue;
		}
		manual_roff(manual->out, line);
		fputc('\n', manual->out);
	}
	free(copy);
}

void manual_prose(const struct manual *manual, const char *text)
{
	fputs(manual->roff ? ".PP\n" : "\n", manual->out);
	manual_line(manual, text);
}

void manual_options(const struct manual *manual, const struct options *options, unsigned group, const char *title)
{
	char label[OPTION_LABEL_MAX], text[OPTION_TEXT_MAX];
	for (size_t i = 0; i < options->count; i++) {
		if (options->list[i].group != group)
			continue;
		if (title)
			manual_section(manual, title);
		title = NULL;
		option_label(label, &options->list[i]);
		option_text(text, &options->list[i]);
		manual_entry(manual, label, text);
	}
}
