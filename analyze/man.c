/* SPDX-License-Identifier: Apache-2.0
 *
 * man.c - the man page, from the same tables as --help; written when the program is built.
 */
#include "command.h"
#include "help.h"

#include <string.h>

#include "sql/base/sql.h"

/* Text in roff: backslashes and leading dots are its own, hyphens of options are meant as such. */
static void put(FILE *out, const char *text)
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

static void put_entry(FILE *out, const char *label, const char *text)
{
	fputs(".TP\n\\fB", out);
	put(out, label);
	fputs("\\fR\n", out);
	put(out, text && text[0] != '\0' ? text : " ");
	fputc('\n', out);
}

static void put_option(FILE *out, const struct option *option)
{
	char label[OPTION_LABEL_MAX], text[OPTION_TEXT_MAX];
	option_label(label, option);
	option_text(text, option);
	put_entry(out, label, text);
}

static void put_paragraphs(FILE *out, const char *text)
{
	for (; text && *text != '\0'; text += *text == '\n') {
		char line[4096];
		size_t length = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)length, text);
		if (length > 0) {
			put(out, line);
			fputc('\n', out);
		}
		text += length;
	}
}

static void put_filters(FILE *out, const struct options *options)
{
	const char *before = "Filters: ";
	for (size_t i = 0; i < options->count; i++) {
		if (options->list[i].group != GROUP_FILTER)
			continue;
		fprintf(out, "%s\\fB\\-\\-", before);
		put(out, options->list[i].name);
		fputs("\\fR", out);
		before = ", ";
	}
	if (before[0] == ',')
		fputs(".\n", out);
}

static void put_own(FILE *out, const struct options *options)
{
	for (size_t i = 0; i < options->count; i++)
		if (options->list[i].group == GROUP_QUERY)
			put_option(out, &options->list[i]);
}

static void put_query(FILE *out, const struct query *query, const struct options *options)
{
	put_filters(out, options);
	fputs(".RS\n", out);
	put_own(out, options);
	if (query->column_count > 0)
		fputs(".PP\nColumns:\n", out);
	for (size_t i = 0; i < query->column_count; i++) {
		const struct query_column *column = &query->columns[i];
		char text[OPTION_TEXT_MAX];
		column_text(text, column);
		put_entry(out, column->name, text);
	}
	fputs(".RE\n", out);
}

static void put_verb(FILE *out, struct verb *verb)
{
	struct sql_error error;
	struct options options;
	const struct query *query = verb_query(verb, &error);
	if (options_for(&options, verb, query, &error) < 0)
		return;
	fputs(".SS \"", out);
	put(out, verb->name);
	fputs(" ", out);
	put(out, verb->usage);
	fputs("\"\n", out);
	put(out, query ? query->summary : verb->own->summary);
	fputs(".\n", out);
	put_paragraphs(out, query ? query->about : verb->own->about);
	if (query) {
		put_query(out, query, &options);
	} else if (verb->own->option_count) {
		fputs(".RS\n", out);
		put_own(out, &options);
		fputs(".RE\n", out);
	}
}

static void put_shared(FILE *out, enum option_group group)
{
	const struct option *option;
	for (size_t i = 0; (option = options_shared(i)); i++)
		if (option->group == group)
			put_option(out, option);
}

static const char intro[] =
    ".SH NAME\nttalloc\\-analyze \\- ask a recording of accelerator memory questions\n"
    ".SH SYNOPSIS\n.B ttalloc\\-analyze\n\\fIVERB\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]\n"
    ".SH DESCRIPTION\n"
    "Answers questions about a recording that\n.BR ttalloc\\-recorder (1)\nmade, also while it is being made. Every "
    "verb is "
    "one query over the recording, and its answer is a table for people, or JSON, JSON lines or CSV for "
    "programs.\n.PP\n"
    "Filters choose blocks, and all figures are over those; a time window includes what was live at its start. Every "
    "answer says whether the recording is complete: under a table, in JSON as \\fBcomplete\\fR and \\fBnotes\\fR, on "
    "standard error for the other formats. Kernel binaries, traces and loaded kernels belong to the runtime: the table "
    "of \\fBleaks\\fR sums them up in one line, and \\fB\\-\\-exit\\-code\\fR does not count them.\n.PP\n"
    "Text from a recording cannot drive the terminal: what could is shown as \\exNN or \\euNNNN. CSV cells that a "
    "spreadsheet would take for a formula begin with an apostrophe.\n";

static void put_reference(FILE *out)
{
	struct reference reference;
	char text[HELP_REFERENCE_MAX];
	fputs(".SH VIEWS AND FUNCTIONS\nWhat statements and query files may ask.\n.SS Views\n", out);
	for (size_t i = 0; reference_view(i, &reference); i++) {
		reference_text(text, &reference);
		put_entry(out, reference.name, text);
	}
	fputs(".SS \"Table-valued functions\"\n", out);
	put(out, help_functions);
	fputc('\n', out);
	for (size_t i = 0; reference_function(i, &reference); i++) {
		reference_text(text, &reference);
		put_entry(out, reference.name, text);
	}
}

static const char queries_of_your_own[] =
    ".SH QUERIES OF YOUR OWN\n"
    "A file NAME.sql in a directory of \\fB\\-\\-query\\-path\\fR, of $TTALLOC_QUERY_PATH or in "
    "~/.config/ttalloc/queries is a verb like any other. It begins with its declaration:\n.PP\n.nf\n"
    "\\-\\- summary: the largest blocks\n"
    "\\-\\- param: least size 1MiB leave out smaller ones\n"
    "\\-\\- filters: device region\n"
    "\\-\\- column: address address offset in every bank\n"
    "\\-\\- column: size_bytes bytes payload\n"
    "SELECT address, size_bytes FROM allocation\n"
    " WHERE size_bytes >= :least AND (:device IS NULL OR device = :device)\n"
    "   AND (:region IS NULL OR region = :region)\n"
    " ORDER BY size_bytes DESC\n.fi\n.PP\n"
    "Types are integer, real, text, size, time, region, flag, choice(a|b|c) and attribution, which is called by and "
    "means "
    "what \\-\\-by means everywhere; a default of \\- is NULL, and \\fBrequired\\fR makes the option one that must be "
    "given; "
    "a parameter least_bytes is the option \\-\\-least\\-bytes. Units of columns are bytes, ns, count, ratio, address, "
    "text, id "
    "and list (text of one item per line, an array in JSON). How a table shows the answer is declared too: \\-\\- "
    "empty: "
    "what it says without rows, \\-\\- show: list, \\-\\- rows: 20 of each device,region, \\-\\- tables: PARAM VALUE "
    "(its default "
    "there), \\-\\- trim: idle, \\-\\- fold: runtime, \\-\\- format: folded; and \\-\\- exit: nonempty [always]. "
    "Behind the answer "
    "come, each on lines of its own, a SELECT behind \\-\\- with: PARAM, which is the answer when that is given, and "
    "those behind "
    "\\-\\- notes: and \\-\\- refuse:, whose text rows become notes, or the reason why there is no answer. A verb that "
    "is built in "
    "cannot be replaced.\n";

void man_page(FILE *out, struct verbs *verbs)
{
	fputs(".\\\" Generated from the option table and the queries; do not edit.\n"
	      ".TH TTALLOC\\-ANALYZE 1 \"\" \"ttalloc " ANALYZE_VERSION "\" \"User Commands\"\n.nh\n",
	      out);
	fputs(intro, out);
	fputs(".SH VERBS\n", out);
	for (size_t i = 0; i < verbs_count(verbs); i++)
		if (!verbs_at(verbs, i)->path)
			put_verb(out, verbs_at(verbs, i));
	fputs(".SH OPTIONS\n.SS Filters\n", out);
	put_shared(out, GROUP_FILTER);
	fputs(".SS Output\n", out);
	put_shared(out, GROUP_OUTPUT);
	fputs(".SS \"Files and help\"\n", out);
	put_shared(out, GROUP_FILE);
	put_reference(out);
	fputs(queries_of_your_own, out);
	fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; help_status[i][0]; i++)
		put_entry(out, help_status[i][0], help_status[i][1]);
	fputs(".SH ENVIRONMENT\n", out);
	for (size_t i = 0; help_environment[i][0]; i++)
		put_entry(out, help_environment[i][0], help_environment[i][1]);
	fputs(".SH SEE ALSO\n.BR ttalloc\\-recorder (1),\n.BR sqlite3 (1)\n", out);
}
