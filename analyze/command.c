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
#include <sys/stat.h>
#include <unistd.h>

#include "sql/answers/discover.h"
#include "help.h"
#include "sql/base/memory.h"
#include "run.h"
#include "sql/base/say.h"
#include "sql/base/error.h"
#include "sql/store/open.h"
#include "analyze/write/status.h"

#define STATEMENT_MAX (1 << 20)

enum status command_trouble(const struct sql_error *error)
{
	say("%s", error->text);
	return STATUS_TROUBLE;
}

enum status command_finish(void)
{
	struct sql_error error;
	struct output output = {.style.out = stdout};
	return output_finish(&output, &error) < 0 ? command_trouble(&error) : STATUS_ANSWERED;
}

/* Documents name their file themselves. */
static bool names_file(const struct arguments *arguments)
{
	const char *format = arguments_text(arguments, "format");
	return arguments_text(arguments, "json") ||
	       (format && (strcmp(format, "json") == 0 || strcmp(format, "columns") == 0));
}

const char *command_file(struct command *command, const char *named, struct sql_error *error)
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
	if (!names_file(&command->arguments) && !arguments_text(&command->arguments, "quiet"))
		say("reading %s", command->found);
	return command->found;
}

int command_operands(const struct command *command, size_t least, size_t most, struct sql_error *error)
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

char *command_input(const char *noun, struct sql_error *error)
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
			command->input = command_input(setting->option->name, error);
		if (!command->input)
			return -1;
		setting->text = command->input;
	}
	return 0;
}

/* The operand that is a number; NULL: there is none. A file of such a name is ./13. */
static const char **find_number(struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->operand_count; i++)
		if (strspn(arguments->operands[i], "0123456789") == strlen(arguments->operands[i]))
			return &arguments->operands[i];
	return NULL;
}

/* NUMBER, an operand, becomes the parameter that it stands for. 0, or -1 with ERROR filled. */
static int take_number(const struct query *query, const struct options *options, struct arguments *arguments,
                       const char **number, struct sql_error *error)
{
	const char *name = query->operand;
	const char *given = arguments_text(arguments, name);
	const struct option *option = options_find(options, name, strlen(name));

	if (!option)
		return sql_fail(error, "a number stands for --%s, which there is not", name);
	if (given)
		return sql_fail(error, "both %s and --%s %s: which one?", *number, name, given);
	if (arguments->setting_count == ARGUMENTS_MAX)
		return sql_fail(error, "too many options");
	if (option_check(option, *number, error) < 0)
		return -1;
	arguments->settings[arguments->setting_count++] = (struct setting){.option = option, .text = *number};
	for (arguments->operand_count--; number < arguments->operands + arguments->operand_count; number++)
		number[0] = number[1];
	return 0;
}

static bool exists(const char *name)
{
	struct stat status;
	return stat(name, &status) == 0 && S_ISREG(status.st_mode);
}

/* Operands that are files of one recording become one operand, which recording_open() takes. LAST: how many at the end
 * are none, whatever they are. */
static void join_operands(struct command *command, size_t last)
{
	struct arguments *arguments = &command->arguments;
	size_t end = arguments->operand_count > last ? arguments->operand_count - last : 0, first = 0, bytes = 0;
	while (first < end && !exists(arguments->operands[first]))
		first++;
	size_t next = first;
	while (next < end && exists(arguments->operands[next]))
		bytes += strlen(arguments->operands[next++]) + 1;
	if (next - first < 2)
		return;
	char *at = command->files = memory_get(bytes, 1);
	for (size_t i = first; i < next; i++) {
		at = stpcpy(at, arguments->operands[i]);
		*at++ = i + 1 < next ? RECORDING_AND : '\0';
	}
	arguments->operands[first] = command->files;
	memmove(&arguments->operands[first + 1], &arguments->operands[next],
	        (arguments->operand_count - next) * sizeof(*arguments->operands));
	arguments->operand_count -= next - first - 1;
}

static enum status command_query(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	struct request request = {.verb = command->verb, .query = command->query, .arguments = arguments};
	bool two = command->query->two_files;
	if (!two)
		join_operands(command, 0);
	if (command_operands(command, two ? 2 : 0, two ? 2 : 1, &error) < 0 || read_texts(command, &error) < 0)
		return command_trouble(&error);
	if (two) {
		request.old_file = arguments->operands[0];
		request.file = arguments->operands[1];
	} else {
		request.file = command_file(command, arguments->operands[0], &error);
	}
	return !request.file ? command_trouble(&error) : run_request(&request);
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

enum status command_explain(struct verbs *verbs, const char *name)
{
	struct sql_error error;
	struct verb *verb = !name ? NULL : verbs_find(verbs, name);
	if (name && !verb)
		return say_unknown(verbs, name);
	if (!verb)
		help_program(stdout, verbs);
	else if (help_verb(stdout, verb, &error) < 0)
		return command_trouble(&error);
	return command_finish();
}

static enum status print_version(void)
{
	puts("ttalloc-analyze " ANALYZE_VERSION);
	return command_finish();
}

static enum status run_verb(struct command *command, int argc, char **argv);

/* The number that is an operand asks another verb, which takes the command line anew. */
static enum status run_other_verb(struct command *command, int argc, char **argv)
{
	command->redirected = true;
	command->verb = verbs_find(command->verbs, command->query->operand_verb);
	return command->verb ? run_verb(command, argc, argv)
	                     : say_unknown(command->verbs, command->query->operand_verb);
}

/* The verb is known: its options, then what it does. */
static enum status run_verb(struct command *command, int argc, char **argv)
{
	struct sql_error error;
	struct verb_options options;
	struct verb *verb = command->verb;
	const char **number;
	command->query = verb_query(verb, &error);
	if (!verb->own && !command->query)
		return command_trouble(&error);
	if (options_for(&options, verb, command->query, &error) < 0 ||
	    options_parse(&command->arguments, verb, &options, argc, argv, &error) < 0)
		return command_trouble(&error);
	if (arguments_text(&command->arguments, "version"))
		return print_version();
	if (arguments_text(&command->arguments, "help"))
		return command_explain(command->verbs, verb->name);
	number = command->query && command->query->operand ? find_number(&command->arguments) : NULL;
	if (number && command->query->operand_verb && !command->redirected)
		return run_other_verb(command, argc, argv);
	if (number && take_number(command->query, &options.all, &command->arguments, number, &error) < 0)
		return command_trouble(&error);
	if (verb->own && verb->own->joins_files && !(verb->own->compares && command->arguments.operand_count == 2))
		join_operands(command, verb->own->other_operands);
	return verb->own ? verb->own->run(command) : command_query(command);
}

/* Without a verb only --help and --version make sense. */
static enum status run_without_verb(struct verbs *verbs, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return command_explain(verbs, NULL);
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return print_version();
	}
	say("what should be asked? usage: ttalloc-analyze VERB [OPTION]... [FILE]; 'ttalloc-analyze help' lists the "
	    "verbs");
	return STATUS_TROUBLE;
}

/* FILE alone asks for its summary. */
static enum status run_summary(struct command *command, int argc, char **argv)
{
	char **words = memory_get((size_t)argc + 1, sizeof *words);
	enum status status;
	words[0] = (char *)"summary"; /* not changed */
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	command->verb = verbs_find(command->verbs, words[0]);
	status = run_verb(command, argc + 1, words);
	free(words);
	return status;
}

/* Or was meant as one: no verb has a dot or a slash. */
static bool is_file(const char *name)
{
	return strpbrk(name, "./") || exists(name);
}

static enum status run_command(int argc, char **argv)
{
	const char *path[ARGUMENTS_MAX];
	size_t path_count;
	const char *name = arguments_verb(&options_shared, argc, argv, path, &path_count);
	for (size_t i = 0; i < path_count; i++) { /* before a verb is missed that is to come from there */
		struct sql_error error;
		if (option_check_directory("query-path", path[i], &error) < 0)
			return command_trouble(&error);
	}
	struct command command = {.verbs = verbs_new(path, path_count)};
	enum status status;
	if (!name)
		status = run_without_verb(command.verbs, argc, argv);
	else if (!(command.verb = verbs_find(command.verbs, name)))
		status = is_file(name) ? run_summary(&command, argc, argv) : say_unknown(command.verbs, name);
	else
		status = run_verb(&command, argc, argv);
	free(command.input);
	free(command.files);
	verbs_free(command.verbs);
	return status;
}

/* What the build and the shells ask for: --dump-man, and --complete WORD... */
static enum status run_hidden(int argc, char **argv)
{
	bool man = strcmp(argv[0], "--dump-man") == 0;
	const char *path[ARGUMENTS_MAX];
	size_t path_count;
	arguments_verb(&options_shared, argc - 1, argv + 1, path, &path_count);
	struct verbs *verbs = verbs_new(path, path_count);
	if (man)
		man_page(stdout, verbs);
	else
		complete(stdout, verbs, argc - 1, argv + 1);
	verbs_free(verbs);
	return command_finish();
}

int command_run(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--dump-man") == 0 || strcmp(argv[1], "--complete") == 0))
		return run_hidden(argc - 1, argv + 1);
	return run_command(argc - 1, argv + (argc > 0));
}
