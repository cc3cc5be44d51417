/* SPDX-License-Identifier: Apache-2.0
 *
 * github.c - verdicts as workflow commands, which GitHub shows beside the line of the budget: what failed as an error,
 * an incomplete recording as a warning. What is well is said in plain lines.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

struct github {
	struct writer writer;
	FILE *out;
	struct verdict_columns columns;
};

/* Where a text stands in a line. */
enum place { PLAIN, MESSAGE, PROPERTY };

/* What would end a command, or a property of it, is written in percent. */
static void put(FILE *out, const char *text, enum place place)
{
	size_t left = strlen(text), length;
	int32_t code;
	for (; left > 0; text += length, left -= length) {
		length = text_decode(text, left, &code);
		bool is_special = code == '%' || code == '\r' || code == '\n';
		if ((place != PLAIN && is_special) || (place == PROPERTY && (code == ':' || code == ',')))
			fprintf(out, "%%%02X", (unsigned)code);
		else if (code == TEXT_INVALID || text_is_unsafe(code))
			fputs("?", out);
		else
			fwrite(text, 1, length, out);
	}
}

static void github_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct github *github = (struct github *)writer;
	char line[ANSWER_LINE_BYTES];
	verdict_columns_find(&github->columns, columns, count);
	if (answer->complete)
		return;
	fputs("::warning title=ttalloc::", github->out);
	put(github->out, answer->file, MESSAGE);
	fprintf(github->out, ": %s\n", answer_incomplete(answer, line));
}

/* "file=F,line=N," of FILE:LINE; nothing of what stood on the command line. */
static void put_place(FILE *out, const char *source)
{
	const char *colon = strrchr(source, ':');
	if (!colon || strncmp(source, "budget:", strlen("budget:")) == 0)
		return;
	char *file = memory_text(source);
	file[colon - source] = '\0';
	fputs("file=", out);
	put(out, file, PROPERTY);
	fprintf(out, ",line=%s,", colon + 1);
	free(file);
}

static void github_row(struct writer *writer, const struct query_cell *cells)
{
	struct github *github = (struct github *)writer;
	const struct verdict_columns *columns = &github->columns;
	const char *verdict = verdict_text(cells, columns->verdict, columns->count);
	const char *detail = verdict_text(cells, columns->detail, columns->count);
	bool failed = strcmp(verdict, "failed") == 0;
	char *name = verdict_name(columns, cells);
	if (failed) {
		fputs("::error ", github->out);
		put_place(github->out, verdict_text(cells, columns->source, columns->count));
		fputs("title=", github->out);
		put(github->out, name, PROPERTY);
		fputs("::", github->out);
	} else {
		fprintf(github->out, "%s: ", verdict);
		put(github->out, name, PLAIN);
		fputs(": ", github->out);
	}
	put(github->out, detail, failed ? MESSAGE : PLAIN);
	fputs("\n", github->out);
	free(name);
}

static void github_end(struct writer *writer)
{
	(void)writer;
}

static void github_free(struct writer *writer)
{
	free(writer);
}

struct writer *writer_github(const struct style *style)
{
	struct github *github = memory_get(1, sizeof *github);
	github->out = style->out;
	github->writer =
	    (struct writer){.begin = github_begin, .row = github_row, .end = github_end, .free = github_free};
	return &github->writer;
}
