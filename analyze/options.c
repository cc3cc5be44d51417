/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - see options.h.
 */
#include "options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "sql/base/error.h"

static const struct option shared[] = {
    {.name = "device",
     .type = OPTION_DEVICE,
     .placeholder = "N|CHIP",
     .group = GROUP_FILTER,
     .help = "blocks of device N, or of the chip of that name ('info' lists both)"},
    {.name = "region",
     .type = OPTION_REGION,
     .placeholder = "NAME",
     .group = GROUP_FILTER,
     .help = "blocks in that region: DRAM, L1, SYSTEM_MEMORY, L1_SMALL, TRACE, CB, KERNEL or HOST"},
    {.name = "pid",
     .type = OPTION_COUNT,
     .placeholder = "PID",
     .group = GROUP_FILTER,
     .help = "blocks of that process"},
    {.name = "label",
     .type = OPTION_TEXT,
     .placeholder = "PATH",
     .group = GROUP_FILTER,
     .help = "blocks allocated under that label or below it; * ? [a-c] match as in file names, [*] is * itself"},
    {.name = "op",
     .type = OPTION_TEXT,
     .placeholder = "N|NAME",
     .group = GROUP_FILTER,
     .help =
         "blocks allocated in the operation of that number, or in those of that name, whatever lies in them included; "
         "* ? [a-c] match as in file names"},
    {.name = "step",
     .type = OPTION_STEPS,
     .placeholder = "N[..M]",
     .group = GROUP_FILTER,
     .help = "blocks allocated in step N of their process, or in the steps N to M"},
    {.name = "start",
     .type = OPTION_TIME,
     .placeholder = "TIME",
     .group = GROUP_FILTER,
     .help = "from that time of the recording on, what was live then included: nanoseconds, 1.5s, 200ms, 30us, 30%, "
             "or @NAME, a moment that the program named (view snapshot)"},
    {.name = "end", .type = OPTION_TIME, .placeholder = "TIME", .group = GROUP_FILTER, .help = "up to that time"},
    {.name = "limit",
     .letter = 'n',
     .type = OPTION_COUNT,
     .placeholder = "N",
     .group = GROUP_OUTPUT,
     .fallback = "all",
     .table_fallback = "20",
     .help = "show N rows, 0 for all"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .placeholder = "FORMAT",
     .choices = "table|json|jsonl|csv|columns",
     .fallback = "table",
     .group = GROUP_OUTPUT,
     .help = "how to write the answer; all but tables give bytes and nanoseconds as whole numbers; columns is JSON "
             "by columns"},
    {.name = "json", .group = GROUP_OUTPUT, .help = "the same as --format json"},
    {.name = "plot", .group = GROUP_OUTPUT, .help = "draw it in the terminal, as wide as that is"},
    {.name = "svg", .group = GROUP_OUTPUT, .help = "draw it as a picture that browsers show"},
    {.name = "verbose", .letter = 'v', .group = GROUP_OUTPUT, .help = "show lists of many lines whole"},
    {.name = "no-header", .group = GROUP_OUTPUT, .help = "leave out the line of column names (table, csv)"},
    {.name = "color",
     .type = OPTION_CHOICE,
     .placeholder = "WHEN",
     .choices = "auto|always|never",
     .fallback = "auto",
     .group = GROUP_OUTPUT,
     .help = "colour tables; auto: on a terminal, unless NO_COLOR is set"},
    {.name = "strict", .group = GROUP_OUTPUT, .help = "exit with status 3 when the recording is incomplete"},
    {.name = "exit-code", .group = GROUP_OUTPUT, .help = "exit with status 1 when something was found"},
    {.name = "quiet", .letter = 'q', .group = GROUP_OUTPUT, .help = "nothing but the answer, and what it lacks"},
    {.name = "db",
     .type = OPTION_FILE,
     .placeholder = "FILE",
     .group = GROUP_FILE,
     .help = "the recording; without FILE it is $TTALLOC_DB, else the newest recording in this directory"},
    {.name = "query-path",
     .type = OPTION_DIRECTORY,
     .placeholder = "DIR",
     .repeatable = true,
     .group = GROUP_FILE,
     .help = "make the NAME.sql files of DIR verbs too"},
    {.name = "force",
     .letter = 'f',
     .group = GROUP_FILE,
     .help = "copy, report: replace OUT when it exists; symbolize: look up again what was not found"},
    {.name = "help", .letter = 'h', .group = GROUP_FILE, .help = "explain the verb and stop"},
    {.name = "version", .letter = 'V', .group = GROUP_FILE, .help = "print the version and stop"},
};

const struct options options_shared = {shared, sizeof shared / sizeof *shared};

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = words; at && (at = strstr(at, word)); at += length) {
		bool begins = at == words || isspace((unsigned char)at[-1]);
		if (begins && (at[length] == '\0' || isspace((unsigned char)at[length])))
			return true;
	}
	return false;
}

static bool takes_shared(const struct verb *verb, const struct query *query, const struct option *option)
{
	if (verb->own && verb->own->shared)
		return has_word(verb->own->shared, option->name);
	if (strcmp(option->name, "force") == 0)
		return false;
	if (strcmp(option->name, "db") == 0)
		return !query || !query->two_files;
	if (strcmp(option->name, "exit-code") == 0)
		return !query || query->exit_nonempty || query->exit_always;
	if (strcmp(option->name, "plot") == 0)
		return query && query->show.plot;
	if (strcmp(option->name, "svg") == 0)
		return query && query->folded;
	if (strcmp(option->name, "verbose") == 0)
		return query && query->show.list;
	if (option->group == GROUP_FILTER)
		return query && has_word(query->filters, option->name);
	return true;
}

static struct option option_of_param(const struct query *query, const struct query_param *param)
{
	static const struct {
		enum option_type type;
		const char *placeholder;
	} types[] = {
	    [QUERY_INTEGER] = {OPTION_INTEGER, "N"}, [QUERY_REAL] = {OPTION_REAL, "X"},
	    [QUERY_TEXT] = {OPTION_TEXT, "TEXT"},    [QUERY_SIZE] = {OPTION_SIZE, "SIZE"},
	    [QUERY_TIME] = {OPTION_TIME, "TIME"},    [QUERY_REGION] = {OPTION_REGION, "NAME"},
	    [QUERY_FLAG] = {OPTION_FLAG, NULL},      [QUERY_CHOICE] = {OPTION_CHOICE, "WORD"},
	    [QUERY_FILE] = {OPTION_FILE, "FILE"},
	};
	bool other_in_tables = query->show.param && strcmp(query->show.param, param->name) == 0;
	return (struct option){.name = param->name,
	                       .table_fallback = other_in_tables ? query->show.fallback : NULL,
	                       .type = types[param->type].type,
	                       .placeholder = types[param->type].placeholder,
	                       .choices = param->choices,
	                       .fallback = param->fallback,
	                       .help = param->help,
	                       .required = param->required,
	                       .group = GROUP_QUERY,
	                       .own = param->type};
}

/* Options are spelled with hyphens, also those that a query, being SQL, must spell with underscores. */
static int spell(struct verb_options *options, struct option *option, struct sql_error *error)
{
	char *spelled = options->spelled[options->all.count];
	if (!strchr(option->name, '_'))
		return 0;
	if (strlen(option->name) >= OPTION_NAME_MAX)
		return sql_fail(error, "the parameter '%.80s' has too long a name", option->name);
	for (size_t i = 0; i <= strlen(option->name); i++)
		spelled[i] = (char)(option->name[i] == '_' ? '-' : option->name[i]);
	option->parameter = option->name;
	option->name = spelled;
	return 0;
}

static int add(struct verb_options *options, const struct verb *verb, struct option option, struct sql_error *error)
{
	if (options_find(&options->all, option.name, strlen(option.name)))
		return sql_fail(error,
		                "%s: the parameter '%s' has the name of an option that every query takes; rename it",
		                verb->path ? verb->path : verb->name, option.name);
	if (options->all.count == OPTIONS_MAX)
		return sql_fail(error, "%s: too many parameters", verb->path ? verb->path : verb->name);
	if (spell(options, &option, error) < 0)
		return -1;
	options->list[options->all.count++] = option;
	return 0;
}

/* How many rows tables of QUERY show without --limit: "20 of each device,region". */
static const char *rows_text(struct verb_options *options, const struct query *query)
{
	const struct query_show *show = &query->show;
	char *text = options->rows;
	if (show->rows == 0)
		return NULL;
	snprintf(text, sizeof options->rows, "%" PRId64 "%s%.40s", show->rows, show->each ? " of each " : "",
	         show->each ? show->each : "");
	return text;
}

/* The shared OPTION, as it is with QUERY. */
static struct option shared_option(struct verb_options *options, const struct option *option, const struct query *query)
{
	struct option own = *option;
	if (query && strcmp(option->name, "limit") == 0)
		own.table_fallback = rows_text(options, query);
	if (query && query->folded && strcmp(option->name, "format") == 0) {
		own.choices = "folded|table|json|jsonl|csv|columns";
		own.fallback = "folded";
	}
	if (query && query->verdicts && strcmp(option->name, "format") == 0)
		own.choices = "table|json|jsonl|csv|columns|junit|github";
	return own;
}

int options_for(struct verb_options *options, const struct verb *verb, const struct query *query,
                struct sql_error *error)
{
	options->all = (struct options){.list = options->list};
	for (size_t i = 0; verb->own && i < verb->own->option_count; i++)
		if (add(options, verb, verb->own->options[i], error) < 0)
			return -1;
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		if (takes_shared(verb, query, &shared[i]) &&
		    add(options, verb, shared_option(options, &shared[i], query), error) < 0)
			return -1;
	for (size_t i = 0; query && i < query->param_count; i++)
		if (add(options, verb, option_of_param(query, &query->params[i]), error) < 0)
			return -1;
	return 0;
}

int options_parse(struct arguments *arguments, const struct verb *verb, struct verb_options *options, int argc,
                  char **argv, struct sql_error *error)
{
	snprintf(options->advice, sizeof options->advice, "see 'ttalloc-analyze help %.60s'", verb->name);
	const struct syntax syntax = {
	    .options = options->all, .elsewhere = options_shared, .verb = verb->name, .advice = options->advice};
	return arguments_parse(arguments, &syntax, argc, argv, error);
}
