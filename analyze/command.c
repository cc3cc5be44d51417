/* SPDX-License-Identifier: Apache-2.0
 *
 * command.c - see command.h: which verb, on which file.
 */
#include "command.h"

#include <errno.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/answers/discover.h"
#include "help.h"
#include "sql/base/memory.h"
#include "run.h"
#include "sql/base/say.h"
#include "sql/base/error.h"
#include "analyze/write/status.h"
#include "symbolize_file.h"
#include "analyze/export/clickhouse.h"
#include "analyze/export/export.h"
#include "analyze/export/fleet.h"
#include "analyze/metrics/metrics.h"
#include "analyze/report/report.h"
#include "analyze/watch/watch.h"

#define STATEMENT_MAX (1 << 20)

struct command {
	struct verbs *verbs;
	struct verb *verb;
	const struct query *query;
	struct arguments arguments;
	char *input;          /* what standard input gave in place of an option's "-" */
	char found[PATH_MAX]; /* the file, when it was not named */
};

static enum status trouble(const struct sql_error *error)
{
	say("%s", error->text);
	return STATUS_TROUBLE;
}

/* Ends a text that went to stdout: help, version, man page. */
static enum status finish_text(void)
{
	struct sql_error error;
	struct output output = {.style.out = stdout};
	return output_finish(&output, &error) < 0 ? trouble(&error) : STATUS_ANSWERED;
}

static bool table_on_terminal(const struct arguments *arguments)
{
	const char *format = arguments_text(arguments, "format");
	bool table = !arguments_text(arguments, "json") && (!format || strcmp(format, "table") == 0);
	return table && isatty(STDERR_FILENO) && !arguments_text(arguments, "quiet");
}

/* The file that NAMED, --db or discovery gives. NULL with ERROR filled. */
static const char *choose_file(struct command *command, const char *named, struct sql_error *error)
{
	const char *db = arguments_text(&command->arguments, "db");
	if (named && db) {
		sql_fail(error, "the recording is named twice: %s and --db %s", named, db);
		return NULL;
	}
	if (named || db)
		return named ? named : db;
	if (discover(command->found, sizeof command->found, ".", error) < 0)
		return NULL;
	if (table_on_terminal(&command->arguments))
		say("reading %s", command->found);
	return command->found;
}

static int check_operands(const struct command *command, size_t least, size_t most, struct sql_error *error)
{
	size_t count = command->arguments.operand_count;
	if (count >= least && count <= most)
		return 0;
	if (count > most)
		return sql_fail(error, "unexpected operand '%.200s'; usage: ttalloc-analyze %s [OPTION]... %s",
		                command->arguments.operands[most], command->verb->name, command->verb->usage);
	return sql_fail(error, "an operand is missing; usage: ttalloc-analyze %s [OPTION]... %s", command->verb->name,
	                command->verb->usage);
}

/* All of standard input, which is to be a NOUN. NULL with ERROR filled. */
static char *read_input(const char *noun, struct sql_error *error)
{
	char *text = memory_get(STATEMENT_MAX, 1);
	if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		say("reading a %s from standard input", noun);
	size_t bytes = fread(text, 1, STATEMENT_MAX, stdin);
	if (ferror(stdin))
		sql_fail(error, "cannot read standard input: %s", strerror(errno));
	else if (bytes == STATEMENT_MAX)
		sql_fail(error, "the %s is longer than 1 MiB", noun);
	else if (memchr(text, '\0', bytes))
		sql_fail(error, "the %s on standard input has a NUL in it", noun);
	else if (text[strspn(text, " \t\r\n")] == '\0')
		sql_fail(error, "no %s: give one on the command line or on standard input", noun);
	else
		return text;
	free(text);
	return NULL;
}

/* A text that a query asks for may come from standard input: "-". */
static int read_texts(struct command *command, struct sql_error *error)
{
	for (size_t i = 0; i < command->arguments.setting_count; i++) {
		struct setting *setting = &command->arguments.settings[i];
		if (setting->option->group != GROUP_QUERY || setting->option->type != OPTION_TEXT ||
		    strcmp(setting->text, "-") != 0)
			continue;
		if (!command->input)
			command->input = read_input(setting->option->name, error);
		if (!command->input)
			return -1;
		setting->text = command->input;
	}
	return 0;
}

static enum status command_query(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	struct request request = {.verb = command->verb, .query = command->query, .arguments = arguments};
	bool two = command->query->two_files;
	if (check_operands(command, two ? 2 : 0, two ? 2 : 1, &error) < 0 || read_texts(command, &error) < 0)
		return trouble(&error);
	if (two) {
		request.old_file = arguments->operands[0];
		request.file = arguments->operands[1];
	} else {
		request.file = choose_file(command, arguments->operands[0], &error);
	}
	return !request.file ? trouble(&error) : run_request(&request);
}

static bool has_space(const char *text)
{
	return strpbrk(text, " \t\n(;");
}

struct sql_operands sql_operands(const char *const *operands, unsigned count)
{
	for (unsigned i = 0; i < count; i++) /* "-": standard input, as without a statement */
		if (strcmp(operands[i], "-") == 0)
			return (struct sql_operands){.file = count == 2 ? operands[!i] : NULL};
	if (count == 0)
		return (struct sql_operands){0};
	bool first_is_file = access(operands[0], F_OK) == 0 || (count == 2 && !has_space(operands[0]));
	if (count == 1)
		return first_is_file ? (struct sql_operands){.file = operands[0]}
		                     : (struct sql_operands){.statement = operands[0]};
	bool swapped = first_is_file && access(operands[1], F_OK) != 0;
	return (struct sql_operands){.statement = operands[swapped], .file = operands[!swapped]};
}

static enum status command_sql(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	if (check_operands(command, 0, 2, &error) < 0)
		return trouble(&error);
	struct sql_operands operands = sql_operands(arguments->operands, (unsigned)arguments->operand_count);
	const char *file = choose_file(command, operands.file, &error);
	char *input = !file || operands.statement ? NULL : read_input("statement", &error);
	if (!file || (!operands.statement && !input))
		return trouble(&error);
	struct request request = {.verb = command->verb,
	                          .statement = input ? input : operands.statement,
	                          .file = file,
	                          .arguments = arguments};
	enum status status = run_request(&request);
	free(input);
	return status;
}

static enum status command_copy(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	bool named = !arguments_text(arguments, "db");
	if (check_operands(command, 1 + named, 2, &error) < 0)
		return trouble(&error);
	const char *from = choose_file(command, arguments->operand_count == 2 ? arguments->operands[0] : NULL, &error);
	if (!from)
		return trouble(&error);
	struct recording *recording = recording_open(from, &error);
	if (!recording)
		return trouble(&error);
	int result = recording_copy(recording, arguments->operands[arguments->operand_count - 1],
	                            arguments_text(arguments, "force"), &error);
	recording_close(recording);
	return result < 0 ? trouble(&error) : STATUS_ANSWERED;
}

/* Looks up, and says then what each module came to. */
static enum status command_symbolize(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	if (check_operands(command, 0, 1, &error) < 0)
		return trouble(&error);
	const char *file = choose_file(command, arguments->operands[0], &error);
	if (!file || symbolize_file(file, arguments, &error) < 0)
		return trouble(&error);
	return run_request(&(struct request){
	    .verb = command->verb,
	    .statement =
	        "SELECT path, frames, coalesce(symbols, 'not looked up') AS symbols FROM module WHERE frames > 0 "
	        "ORDER BY frames DESC, path",
	    .file = file,
	    .arguments = arguments,
	});
}

static int watch_options(struct watch_options *options, const struct arguments *arguments, struct sql_error *error)
{
	const char *device = arguments_text(arguments, "device"), *refresh = arguments_text(arguments, "refresh");
	const char *colour = arguments_text(arguments, "color"), *no_color = getenv("NO_COLOR");
	bool all = arguments_text(arguments, "all");
	if (all && device)
		return sql_fail(error, "--all and --device exclude each other");
	*options = (struct watch_options){.device = all ? WATCH_DEVICE_ALL : WATCH_DEVICE_FIRST,
	                                  .refresh_ms = 500,
	                                  .once = arguments_text(arguments, "once"),
	                                  .above = arguments_text(arguments, "above"),
	                                  .colour = !no_color || no_color[0] == '\0'};
	if (device)
		parse_integer(device, &options->device);
	if (refresh)
		parse_integer(refresh, &options->refresh_ms);
	if (colour && strcmp(colour, "auto") != 0)
		options->colour = strcmp(colour, "always") == 0;
	return 0;
}

/* The file need not be there yet. */
static enum status command_watch(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *named = arguments->operands[0], *db = arguments_text(arguments, "db");
	struct watch_options options;
	if (check_operands(command, 0, 1, &error) < 0 || watch_options(&options, arguments, &error) < 0)
		return trouble(&error);
	if (!named && !db)
		return watch_run(&options, NULL);
	named = choose_file(command, named, &error);
	return !named ? trouble(&error) : watch_run(&options, named);
}

static enum status command_metrics(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *refresh = arguments_text(arguments, "refresh"), *file;
	struct metrics_options options = {.listen = arguments_text(arguments, "listen"),
	                                  .output = arguments_text(arguments, "output"),
	                                  .refresh_ms = 5000};
	if (check_operands(command, 0, 1, &error) < 0)
		return trouble(&error);
	if (refresh)
		parse_integer(refresh, &options.refresh_ms);
	file = choose_file(command, arguments->operands[0], &error);
	return !file ? trouble(&error) : metrics_run(&options, file);
}

/* Answers a panel of the page. */
static int answer_words(void *context, struct recording *recording, const char *const *words, size_t count, FILE *out,
                        struct sql_error *error)
{
	const struct command *command = context;
	struct verb *verb = verbs_find(command->verbs, words[0]);
	struct options options;
	struct arguments arguments = {.setting_count = 0};
	char *argv[ARGUMENTS_MAX];
	size_t argc = 0;
	for (size_t i = 0; i < count && argc + 1 < ARGUMENTS_MAX; i++)
		argv[argc++] = (char *)words[i]; /* not changed */
	argv[argc++] = (char *)"--format=columns";
	if (!verb)
		return sql_fail(error, "there is no verb '%.80s'", words[0]);
	if (options_for(&options, verb, verb->query, error) < 0 ||
	    arguments_parse(&arguments, verb, &options, (int)argc, argv, error) < 0)
		return -1;
	const struct request request = {.verb = verb,
	                                .query = verb->query,
	                                .statement = verb->kind == VERB_SQL ? arguments.operands[0] : NULL,
	                                .file = recording_path(recording),
	                                .arguments = &arguments};
	return run_answer(recording, &request, out, error) == STATUS_TROUBLE ? -1 : 0;
}

static enum status command_report(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *device = arguments_text(arguments, "device");
	struct report report = {.out = arguments_text(arguments, "output"),
	                        .force = arguments_text(arguments, "force"),
	                        .whole = arguments_text(arguments, "full"),
	                        .device = -1,
	                        .ask = answer_words,
	                        .context = command};
	if (device)
		parse_integer(device, &report.device);
	if (check_operands(command, 0, 1, &error) < 0 ||
	    !(report.file = choose_file(command, arguments->operands[0], &error)) || report_write(&report, &error) < 0)
		return trouble(&error);
	if (strcmp(report.out, "-") != 0 && !arguments_text(arguments, "quiet"))
		printf("%s\n", report.out);
	return finish_text();
}

static enum status command_export(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *chunk_rows = arguments_text(arguments, "chunk-rows"), *file;
	struct export_options options = {.to = arguments_text(arguments, "to"),
	                                 .output = arguments_text(arguments, "output"),
	                                 .url = arguments_text(arguments, "url"),
	                                 .chunk_rows = CLICKHOUSE_CHUNK_ROWS};
	if (check_operands(command, 0, 1, &error) < 0)
		return trouble(&error);
	if (chunk_rows)
		parse_integer(chunk_rows, &options.chunk_rows);
	file = choose_file(command, arguments->operands[0], &error);
	return !file ? trouble(&error) : export_run(&options, file);
}

static enum status command_fleet(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *format = arguments_text(arguments, "format"), *days = arguments_text(arguments, "days"),
	           *limit = arguments_text(arguments, "limit");
	struct fleet_options options = {.url = arguments_text(arguments, "url"),
	                                .format = arguments_text(arguments, "json") ? "json"
	                                          : format                          ? format
	                                                                            : "table",
	                                .host = arguments_text(arguments, "host"),
	                                .job = arguments_text(arguments, "job"),
	                                .days = 30};
	if (check_operands(command, 0, 1, &error) < 0)
		return trouble(&error);
	options.limit = strcmp(options.format, "table") == 0 ? 20 : 0;
	if (days)
		parse_integer(days, &options.days);
	if (limit)
		parse_integer(limit, &options.limit);
	return fleet_run(arguments->operands[0], &options);
}

static enum status say_unknown(struct verbs *verbs, const char *name)
{
	const char *near = verbs_nearest(verbs, name);
	if (near)
		say("there is no verb '%.80s'; did you mean '%s'?", name, near);
	else
		say("there is no verb '%.80s'; 'ttalloc-analyze help' lists them", name);
	return STATUS_TROUBLE;
}

static enum status explain(struct verbs *verbs, const char *name)
{
	struct sql_error error;
	struct verb *verb = !name ? NULL : verbs_find(verbs, name);
	if (name && !verb)
		return say_unknown(verbs, name);
	if (!verb)
		help_program(stdout, verbs);
	else if (help_verb(stdout, verb, &error) < 0)
		return trouble(&error);
	return finish_text();
}

static enum status print_version(void)
{
	puts("ttalloc-analyze " ANALYZE_VERSION);
	return finish_text();
}

/* The verb is known: its options, then what it does. */
static enum status run_verb(struct command *command, int argc, char **argv)
{
	struct sql_error error;
	struct options options;
	struct verb *verb = command->verb;
	command->query = verb_query(verb, &error);
	if (verb->kind == VERB_QUERY && !command->query)
		return trouble(&error);
	if (options_for(&options, verb, command->query, &error) < 0 ||
	    arguments_parse(&command->arguments, verb, &options, argc, argv, &error) < 0)
		return trouble(&error);
	if (arguments_text(&command->arguments, "version"))
		return print_version();
	if (arguments_text(&command->arguments, "help"))
		return explain(command->verbs, verb->name);
	switch (verb->kind) {
	case VERB_COPY:
		return command_copy(command);
	case VERB_SQL:
		return command_sql(command);
	case VERB_WATCH:
		return command_watch(command);
	case VERB_EXPORT:
		return command_export(command);
	case VERB_FLEET:
		return command_fleet(command);
	case VERB_METRICS:
		return command_metrics(command);
	case VERB_REPORT:
		return command_report(command);
	case VERB_SYMBOLIZE:
		return command_symbolize(command);
	case VERB_HELP:
		return check_operands(command, 0, 1, &error) < 0
		           ? trouble(&error)
		           : explain(command->verbs, command->arguments.operands[0]);
	default:
		return command_query(command);
	}
}

/* Without a verb only --help and --version make sense. */
static enum status run_without_verb(struct verbs *verbs, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return explain(verbs, NULL);
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return print_version();
	}
	say("what should be asked? usage: ttalloc-analyze VERB [OPTION]... [FILE]; 'ttalloc-analyze help' lists the "
	    "verbs");
	return STATUS_TROUBLE;
}

static enum status run_command(int argc, char **argv)
{
	const char *path[ARGUMENTS_MAX];
	size_t path_count;
	const char *name = arguments_verb(argc, argv, path, &path_count);
	for (size_t i = 0; i < path_count; i++) { /* before a verb is missed that is to come from there */
		struct sql_error error;
		if (option_check_directory("query-path", path[i], &error) < 0)
			return trouble(&error);
	}
	struct command command = {.verbs = verbs_new(path, path_count)};
	enum status status;
	if (!name)
		status = run_without_verb(command.verbs, argc, argv);
	else if (!(command.verb = verbs_find(command.verbs, name)))
		status = say_unknown(command.verbs, name);
	else
		status = run_verb(&command, argc, argv);
	free(command.input);
	verbs_free(command.verbs);
	return status;
}

/* What the build and the shells ask for: --dump-man, and --complete WORD... */
static enum status run_hidden(int argc, char **argv)
{
	bool man = strcmp(argv[0], "--dump-man") == 0;
	const char *path[ARGUMENTS_MAX];
	size_t path_count;
	arguments_verb(argc - 1, argv + 1, path, &path_count);
	struct verbs *verbs = verbs_new(path, path_count);
	if (man)
		man_page(stdout, verbs);
	else
		complete(stdout, verbs, argc - 1, argv + 1);
	verbs_free(verbs);
	return finish_text();
}

int command_run(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--dump-man") == 0 || strcmp(argv[1], "--complete") == 0))
		return run_hidden(argc - 1, argv + 1);
	return run_command(argc - 1, argv + (argc > 0));
}
