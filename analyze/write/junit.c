/* SPDX-License-Identifier: Apache-2.0
 *
 * junit.c - verdicts as JUnit XML, which every CI server reads: a test case each, a failure where a budget was
 * exceeded, skipped where something is ignored. The counts stand before the cases, so these are kept until the end.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

struct junit {
	struct writer writer;
	FILE *out, *cases;
	char *text; /* of CASES */
	size_t bytes;
	struct verdict_columns columns;
	const struct answer *answer;
	unsigned tests, failures, skipped;
};

/* TEXT as it may stand in an attribute or between tags of XML 1.0, which has no way to write most controls. */
static void put(FILE *out, const char *text)
{
	size_t left = strlen(text), length;
	int32_t code;
	for (; left > 0; text += length, left -= length) {
		length = text_decode(text, left, &code);
		bool is_line = code == '\n' || code == '\t';
		if (code == '&')
			fputs("&amp;", out);
		else if (code == '<')
			fputs("&lt;", out);
		else if (code == '>')
			fputs("&gt;", out);
		else if (code == '"')
			fputs("&quot;", out);
		else if (is_line)
			fprintf(out, "&#%d;", (int)code);
		else if (code == TEXT_INVALID || code < 0x20 || code == 0xfffe || code == 0xffff ||
		         text_is_unsafe(code))
			fputs("?", out);
		else
			fwrite(text, 1, length, out);
	}
}

static void put_attribute(FILE *out, const char *name, const char *text)
{
	fprintf(out, " %s=\"", name);
	put(out, text);
	fputs("\"", out);
}

static void junit_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	struct junit *junit = (struct junit *)writer;
	verdict_columns_find(&junit->columns, columns, count);
	junit->answer = answer;
	junit->cases = memory_or_die(open_memstream(&junit->text, &junit->bytes));
}

static void put_outcome(struct junit *junit, const char *verdict, const char *detail)
{
	if (strcmp(verdict, "failed") == 0) {
		junit->failures++;
		fputs(">\n      <failure", junit->cases);
		put_attribute(junit->cases, "message", detail);
		fputs("/>\n    </testcase>\n", junit->cases);
	} else if (strcmp(verdict, "ignored") == 0) {
		junit->skipped++;
		fputs(">\n      <skipped", junit->cases);
		put_attribute(junit->cases, "message", detail);
		fputs("/>\n    </testcase>\n", junit->cases);
	} else {
		fputs(">\n      <system-out>", junit->cases);
		put(junit->cases, detail);
		fputs("</system-out>\n    </testcase>\n", junit->cases);
	}
}

static void junit_row(struct writer *writer, const struct query_cell *cells)
{
	struct junit *junit = (struct junit *)writer;
	const struct verdict_columns *columns = &junit->columns;
	char *name = verdict_name(columns, cells);
	junit->tests++;
	fputs("    <testcase", junit->cases);
	put_attribute(junit->cases, "classname", verdict_text(cells, columns->source, columns->count));
	put_attribute(junit->cases, "name", name);
	put_outcome(junit, verdict_text(cells, columns->verdict, columns->count),
	            verdict_text(cells, columns->detail, columns->count));
	free(name);
}

static void junit_end(struct writer *writer)
{
	struct junit *junit = (struct junit *)writer;
	fflush(junit->cases);
	fprintf(junit->out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"ttalloc\" "
	        "tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\">\n    <properties>\n",
	        junit->tests, junit->failures, junit->skipped);
	fputs("      <property name=\"recording\"", junit->out);
	put_attribute(junit->out, "value", junit->answer->file);
	fprintf(junit->out, "/>\n      <property name=\"complete\" value=\"%d\"/>\n    </properties>\n",
	        junit->answer->complete);
	fputs(junit->text ? junit->text : "", junit->out);
	fputs("  </testsuite>\n</testsuites>\n", junit->out);
}

static void junit_free(struct writer *writer)
{
	struct junit *junit = (struct junit *)writer;
	if (junit->cases)
		fclose(junit->cases);
	free(junit->text);
	free(junit);
}

struct writer *writer_junit(const struct style *style)
{
	struct junit *junit = memory_get(1, sizeof *junit);
	junit->out = style->out;
	junit->writer = (struct writer){.begin = junit_begin, .row = junit_row, .end = junit_end, .free = junit_free};
	return &junit->writer;
}
