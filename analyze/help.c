/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - --help, from the tables.
 */
#include "command.h"
#include "help.h"

#include <string.h>

#include "sql/answers/reference.h"

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

void help_columns(const struct manual *manual, const struct query *query)
{
	for (size_t i = 0; i < query->column_count; i++) {
		const struct query_column *column = &query->columns[i];
		bool plain = strcmp(column->unit, "text") == 0 || strcmp(column->unit, "id") == 0 ||
		             strcmp(column->unit, "list") == 0 || strcmp(column->unit, "picture") == 0;
		char text[OPTION_TEXT_MAX];
		snprintf(text, sizeof text, "%s%s%s%s", column->help ? column->help : "", plain ? "" : " [",
		         plain ? "" : column->unit, plain ? "" : "]");
		manual_entry(manual, column->name, text);
	}
}

static const char functions_text[] =
    "All take, behind a parameter of their own, the filters for_device, for_region, for_pid, for_label, for_start, "
    "for_end, for_step_first and for_step_last, by position or by name: SELECT * FROM buckets(10) WHERE for_device = 0 "
    "AND for_region = 'DRAM'. A filter that is NULL does not filter. Their column region is a number, which "
    "region_word() makes a word. In a join they stand on the left, behind which comes CROSS JOIN. Other functions: "
    "region_number(word), class_word(number), label_matches(pattern, path), stack_text(frames), human_bytes(bytes).";

static void put_reference(const struct manual *manual, bool (*next)(size_t, struct reference *))
{
	struct reference reference;
	char text[REFERENCE_TEXT_MAX * 2 + 16];
	for (size_t i = 0; next(i, &reference); i++) {
		snprintf(text, sizeof text, "%s Columns: %s", reference.summary, reference.columns);
		manual_entry(manual, reference.name, text);
	}
}

void help_reference(const struct manual *manual)
{
	manual_subsection(manual, "Views");
	put_reference(manual, reference_view);
	manual_subsection(manual, "Table-valued functions");
	put_reference(manual, reference_function);
	manual_prose(manual, functions_text);
}

int help_verb(FILE *out, struct verb *verb, struct sql_error *error)
{
	const struct manual manual = {.out = out};
	struct verb_options options;
	char usage[160];
	const struct query *query = verb_query(verb, error);
	if (!verb->own && !query)
		return -1;
	if (options_for(&options, verb, query, error) < 0)
		return -1;
	snprintf(usage, sizeof usage, "ttalloc-analyze %.60s [OPTION]... %s", verb->name, verb->usage);
	manual_begin(&manual, &(struct manual_head){.usage = usage});
	manual_prose(&manual, query ? query->summary : verb->own->summary);
	const char *about = query ? query->about : verb->own->about;
	if (about && about[0] != '\0')
		manual_prose(&manual, about);
	for (unsigned group = GROUP_QUERY; group <= GROUP_FILTER; group++)
		manual_options(&manual, &options.all, group, group_titles[group]);
	if (query && query->column_count > 0) {
		manual_section(&manual, "Columns");
		help_columns(&manual, query);
	}
	if (verb->own && verb->own->runs_statements)
		help_reference(&manual);
	for (unsigned group = GROUP_OUTPUT; group <= GROUP_FILE; group++)
		manual_options(&manual, &options.all, group, group_titles[group]);
	return 0;
}

static void print_verbs(const struct manual *manual, struct verbs *verbs, bool users)
{
	bool any = false;
	for (size_t i = 0; i < verbs_count(verbs); i++) {
		struct verb *verb = verbs_at(verbs, i);
		struct sql_error error;
		bool own = verb->path;
		if (own != users)
			continue;
		if (!any)
			manual_section(manual, users ? "Your queries" : "Verbs");
		any = true;
		const struct query *query = verb_query(verb, &error);
		manual_entry(manual, verb->name, query ? query->summary : verb->own ? verb->own->summary : error.text);
	}
}

void help_program(FILE *out, struct verbs *verbs)
{
	const struct manual manual = {.out = out};
	manual_begin(&manual, &(struct manual_head){.usage = "ttalloc-analyze VERB [OPTION]... [FILE]"});
	manual_prose(&manual,
	             "Asks a ttalloc recording questions. Without FILE it is $TTALLOC_DB, else the newest recording "
	             "in this directory.");
	print_verbs(&manual, verbs, false);
	print_verbs(&manual, verbs, true);
	manual_prose(
	    &manual,
	    "Queries take --format table|json|jsonl|csv, --json, -n N and --strict; most take the filters "
	    "--device, --region, --pid, --label, --step, --start and --end. 'ttalloc-analyze help VERB' has them "
	    "all.");
	manual_section(&manual, "Exit status");
	manual_entries(&manual, help_status);
}
