/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - --help, from the tables.
 */
#include "command.h"
#include "help.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/sql.h"
#include "sql/base/text.h"

#define LINE_WIDTH 80
#define INDENT 26

const char *const help_environment[][2] = {
    {"TTALLOC_DB", "the recording when none is named"},
    {"TTALLOC_QUERY_PATH", "directories of query files, separated by colons; searched after --query-path"},
    {"XDG_CONFIG_HOME", "where ttalloc/queries/NAME.sql is looked for (~/.config)"},
    {"NO_COLOR", "when set and not empty, no colour"},
    {"COLUMNS", "how wide tables may be on a terminal, instead of its own width"},
    {NULL, NULL},
};

const char *const help_status[][2] = {
    {"0", "answered"},
    {"1", "--exit-code was given and something was found; verify: the file is not sound"},
    {"2", "wrong usage, a file that cannot be read, or an answer that could not be written"},
    {"3", "answered, but --strict was given and the recording is incomplete"},
    {NULL, NULL},
};

const char *const group_titles[] = {[GROUP_QUERY] = "Parameters",
                                    [GROUP_FILTER] = "Filters",
                                    [GROUP_OUTPUT] = "Output",
                                    [GROUP_FILE] = "Files and help"};

void option_label(char out[static OPTION_LABEL_MAX], const struct option *option)
{
	char letter[5] = "";
	if (option->letter != '\0')
		snprintf(letter, sizeof letter, "-%c, ", option->letter);
	snprintf(out, OPTION_LABEL_MAX, "%s--%.30s%s%.20s", letter, option->name, option->placeholder ? " " : "",
	         option->placeholder ? option->placeholder : "");
}

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

/* a|b|c as "a, b, c", which can be broken into lines */
static void list_choices(char *out, size_t size, const char *choices)
{
	size_t used = 0;
	for (; *choices != '\0' && used + 3 < size; choices++) {
		out[used++] = *choices == '|' ? ',' : *choices;
		if (*choices == '|')
			out[used++] = ' ';
	}
	out[used] = '\0';
}

void option_text(char out[static OPTION_TEXT_MAX], const struct option *option)
{
	char choices[OPTION_TEXT_MAX / 2];
	bool fallback = option->fallback && option->fallback[0] != '\0';
	list_choices(choices, sizeof choices, or_nothing(option->choices));
	bool tables = option->table_fallback;
	snprintf(out, OPTION_TEXT_MAX, "%s%s%s%s%s%s%s%s%s", or_nothing(option->help), option->choices ? ": " : "",
	         choices, option->required ? " (required)" : "", fallback ? " (default: " : "",
	         or_nothing(option->fallback), fallback && tables ? "; in tables " : "",
	         or_nothing(option->table_fallback), fallback ? ")" : "");
}

void column_text(char out[static OPTION_TEXT_MAX], const struct query_column *column)
{
	bool plain = strcmp(column->unit, "text") == 0 || strcmp(column->unit, "id") == 0 ||
	             strcmp(column->unit, "list") == 0 || strcmp(column->unit, "picture") == 0;
	snprintf(out, OPTION_TEXT_MAX, "%s%s%s%s", or_nothing(column->help), plain ? "" : " [",
	         plain ? "" : column->unit, plain ? "" : "]");
}

/* Prints TEXT from column AT on, broken at spaces, continued at column INDENT. */
static void print_wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
	char safe[4096];
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

static void print_entry(FILE *out, const char *label, const char *text)
{
	size_t width = text_width(label) + 2;
	fprintf(out, "  %s", label);
	if (width + 2 > INDENT)
		fprintf(out, "\n%*s", INDENT, "");
	else
		fprintf(out, "%*s", (int)(INDENT - width), "");
	print_wrapped(out, text, INDENT, INDENT);
}

static void print_paragraphs(FILE *out, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;
	while (copy && (line = strsep(&rest, "\n")))
		if (line[0] != '\0')
			print_wrapped(out, line, 0, 0);
	free(copy);
}

static void print_option(FILE *out, const struct option *option)
{
	char label[OPTION_LABEL_MAX], safe[OPTION_LABEL_MAX], text[OPTION_TEXT_MAX];
	option_label(label, option);
	option_text(text, option);
	text_terminal(safe, sizeof safe, label, strlen(label));
	print_entry(out, safe, text);
}

static void print_group(FILE *out, const struct options *options, enum option_group group)
{
	bool any = false;
	for (size_t i = 0; i < options->count; i++) {
		if (options->list[i].group != group)
			continue;
		if (!any)
			fprintf(out, "\n%s:\n", group_titles[group]);
		any = true;
		print_option(out, &options->list[i]);
	}
}

static void print_columns(FILE *out, const struct query *query)
{
	if (query->column_count > 0)
		fputs("\nColumns:\n", out);
	for (size_t i = 0; i < query->column_count; i++) {
		const struct query_column *column = &query->columns[i];
		char text[OPTION_TEXT_MAX], safe[OPTION_LABEL_MAX];
		column_text(text, column);
		text_terminal(safe, sizeof safe, column->name, strlen(column->name));
		print_entry(out, safe, text);
	}
}

void reference_text(char out[static HELP_REFERENCE_MAX], const struct reference *reference)
{
	snprintf(out, HELP_REFERENCE_MAX, "%s Columns: %s", reference->summary, reference->columns);
}

const char help_functions[] =
    "All take, behind a parameter of their own, the filters for_device, for_region, for_pid, for_label, for_start, "
    "for_end, for_step_first and for_step_last, by position or by name: SELECT * FROM buckets(10) WHERE for_device = 0 "
    "AND for_region = 'DRAM'. A filter that is NULL does not filter. Their column region is a number, which "
    "region_word() makes a word. In a join they stand on the left, behind which comes CROSS JOIN. Other functions: "
    "region_number(word), class_word(number), label_matches(pattern, path), stack_text(frames), human_bytes(bytes).";

static void print_reference(FILE *out)
{
	struct reference reference;
	char text[HELP_REFERENCE_MAX];
	fputs("\nViews:\n", out);
	for (size_t i = 0; reference_view(i, &reference); i++) {
		reference_text(text, &reference);
		print_entry(out, reference.name, text);
	}
	fputs("\nTable-valued functions:\n", out);
	for (size_t i = 0; reference_function(i, &reference); i++) {
		reference_text(text, &reference);
		print_entry(out, reference.name, text);
	}
	fputc('\n', out);
	print_wrapped(out, help_functions, 0, 0);
}

int help_verb(FILE *out, struct verb *verb, struct sql_error *error)
{
	struct options options;
	const struct query *query = verb_query(verb, error);
	if (!verb->own && !query)
		return -1;
	if (options_for(&options, verb, query, error) < 0)
		return -1;
	fprintf(out, "Usage: ttalloc-analyze %s [OPTION]... %s\n\n", verb->name, verb->usage);
	print_wrapped(out, query ? query->summary : verb->own->summary, 0, 0);
	const char *about = query ? query->about : verb->own->about;
	if (about && about[0] != '\0') {
		fputc('\n', out);
		print_paragraphs(out, about);
	}
	print_group(out, &options, GROUP_QUERY);
	print_group(out, &options, GROUP_FILTER);
	if (query)
		print_columns(out, query);
	if (verb->own && verb->own->runs_statements)
		print_reference(out);
	print_group(out, &options, GROUP_OUTPUT);
	print_group(out, &options, GROUP_FILE);
	return 0;
}

static void print_verbs(FILE *out, struct verbs *verbs, bool users)
{
	bool any = false;
	for (size_t i = 0; i < verbs_count(verbs); i++) {
		struct verb *verb = verbs_at(verbs, i);
		struct sql_error error;
		bool own = verb->path;
		if (own != users)
			continue;
		if (!any)
			fprintf(out, "\n%s:\n", users ? "Your queries" : "Verbs");
		any = true;
		const struct query *query = verb_query(verb, &error);
		print_entry(out, verb->name, query ? query->summary : verb->own ? verb->own->summary : error.text);
	}
}

void help_program(FILE *out, struct verbs *verbs)
{
	fputs("Usage: ttalloc-analyze VERB [OPTION]... [FILE]\n\n"
	      "Asks a ttalloc recording questions. Without FILE it is $TTALLOC_DB, else the\n"
	      "newest recording in this directory.\n",
	      out);
	print_verbs(out, verbs, false);
	print_verbs(out, verbs, true);
	fputs("\nQueries take --format table|json|jsonl|csv, --json, -n N and --strict; most take\n"
	      "the filters --device, --region, --pid, --label, --step, --start and --end.\n"
	      "'ttalloc-analyze help VERB' has them all.\n\nExit status:\n",
	      out);
	for (size_t i = 0; help_status[i][0]; i++)
		print_entry(out, help_status[i][0], help_status[i][1]);
}
