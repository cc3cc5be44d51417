/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.c - see arguments.h.
 */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "nearest.h"

#define OPTIONS_SUGGESTED_MAX 64

/* One word of the command line that is an option: --NAME, --NAME=VALUE, -x or -xVALUE. */
struct word {
	const char *name; /* of a long option */
	size_t length;
	char letter;       /* of a short one */
	const char *value; /* in the same word; NULL: none */
};

/* "-- a comment" begins a statement, and "-" alone is a name. */
static bool is_option(const char *text)
{
	bool comment = strncmp(text, "--", 2) == 0 && (text[2] == ' ' || text[2] == '\n');
	return text[0] == '-' && text[1] != '\0' && !comment;
}

static struct word split(const char *text)
{
	struct word word = {0};
	if (text[1] != '-') {
		word.letter = text[1];
		word.value = text[2] != '\0' ? text + 2 : NULL;
		return word;
	}
	word.name = text + 2;
	word.length = strcspn(word.name, "=");
	word.value = word.name[word.length] == '=' ? word.name + word.length + 1 : NULL;
	return word;
}

static const struct option *find(const struct options *options, const struct word *word)
{
	return word->letter != '\0' ? options_find_letter(options, word->letter)
	                            : options_find(options, word->name, word->length);
}

/* The only long option whose name begins as WORD does. */
static const struct option *find_shortened(const struct options *options, const struct word *word)
{
	const struct option *found = NULL;
	for (size_t i = 0; i < options->count && word->length > 0; i++) {
		if (strncmp(options->list[i].name, word->name, word->length) != 0)
			continue;
		if (found)
			return NULL;
		found = &options->list[i];
	}
	return found;
}

const char *arguments_verb(const struct options *shared, int argc, char **argv, const char **path, size_t *path_count)
{
	const char *verb = NULL;
	*path_count = 0;
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!is_option(argv[i])) {
			verb = !verb ? argv[i] : verb;
			continue;
		}
		struct word word = split(argv[i]);
		const struct option *option = find(shared, &word);
		if (!option || !option->placeholder)
			continue;
		const char *value = word.value ? word.value : i + 1 < argc ? argv[++i] : NULL;
		if (value && option->type == OPTION_DIRECTORY && *path_count < ARGUMENTS_MAX)
			path[(*path_count)++] = value;
	}
	return verb;
}

int arguments_command(const struct options *options, int argc, char **argv, const struct option **waiting)
{
	*waiting = NULL;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		if (!is_option(argv[i]))
			return i;
		struct word word = split(argv[i]);
		const struct option *option = find(options, &word);
		if (!option || !option->placeholder || option->otherwise || word.value)
			continue;
		if (++i == argc)
			*waiting = option;
	}
	return argc;
}

/* The name nearest to an unknown one, among the long options. */
static const char *suggest(const struct options *options, const char *name)
{
	const char *list[OPTIONS_SUGGESTED_MAX];
	size_t count = options->count < OPTIONS_SUGGESTED_MAX ? options->count : OPTIONS_SUGGESTED_MAX;
	for (size_t i = 0; i < count; i++)
		list[i] = options->list[i].name;
	return nearest(name, list, count);
}

static int fail_unknown(const struct syntax *syntax, const char *text, const struct word *word, struct sql_error *error)
{
	const struct option *elsewhere = find(&syntax->elsewhere, word);
	const char *near = !word->name ? NULL : suggest(&syntax->options, word->name);
	char who[80] = "there is";
	if (elsewhere)
		return sql_fail(error, "'%s' does not take --%s; %s", syntax->verb, elsewhere->name, syntax->advice);
	if (syntax->verb)
		snprintf(who, sizeof who, "'%.70s' has", syntax->verb);
	if (near)
		return sql_fail(error, "%s no option %.80s; did you mean --%s?", who, text, near);
	return sql_fail(error, "%s no option %.80s; %s", who, text, syntax->advice);
}

static int set(struct arguments *arguments, const struct syntax *syntax, const struct option *option, const char *text,
               struct sql_error *error)
{
	if (!option->repeatable && !syntax->before_command && arguments_text(arguments, option->name))
		return sql_fail(error, "--%s is given twice", option->name);
	if (option->placeholder && option_check(option, text, error) < 0)
		return -1;
	if (arguments->setting_count == ARGUMENTS_MAX)
		return sql_fail(error, "too many options");
	arguments->settings[arguments->setting_count++] = (struct setting){.option = option, .text = text};
	return 0;
}

/* Sets an option that takes a value, which is VALUE, or else the next word, or may be missing. */
static int set_value(struct arguments *arguments, const struct syntax *syntax, const struct option *option,
                     const char *value, int argc, char **argv, struct sql_error *error)
{
	bool next = arguments->next < argc;
	if (!value && option->otherwise)
		next = next && option->is_value && option->is_value(argv[arguments->next]);
	if (!value && next)
		value = argv[arguments->next++];
	if (!value)
		value = option->otherwise;
	return value ? set(arguments, syntax, option, value, error)
	             : sql_fail(error, "--%s needs a value: --%s %s", option->name, option->name, option->placeholder);
}

/* Flags may be joined, and the last of them may be an option with its value: -qn5. */
static int take_letters(struct arguments *arguments, const struct syntax *syntax, const char *letters, int argc,
                        char **argv, struct sql_error *error)
{
	for (; *letters != '\0'; letters++) {
		struct word word = {.letter = *letters};
		const struct option *option = find(&syntax->options, &word);
		if (!option)
			return fail_unknown(syntax, (char[]){'-', *letters, '\0'}, &word, error);
		if (option->placeholder)
			return set_value(arguments, syntax, option, letters[1] != '\0' ? letters + 1 : NULL, argc, argv,
			                 error);
		if (set(arguments, syntax, option, "", error) < 0)
			return -1;
	}
	return 0;
}

static int take_option(struct arguments *arguments, const struct syntax *syntax, int argc, char **argv,
                       struct sql_error *error)
{
	const char *text = argv[arguments->next++];
	struct word word = split(text);
	if (word.letter != '\0')
		return take_letters(arguments, syntax, text + 1, argc, argv, error);
	const struct option *option = find(&syntax->options, &word);
	if (!option && syntax->before_command)
		option = find_shortened(&syntax->options, &word);
	if (!option)
		return fail_unknown(syntax, text, &word, error);
	if (option->placeholder)
		return set_value(arguments, syntax, option, word.value, argc, argv, error);
	return word.value ? sql_fail(error, "--%s takes no value", option->name)
	                  : set(arguments, syntax, option, "", error);
}

static int check_required(const struct arguments *arguments, const struct syntax *syntax, struct sql_error *error)
{
	for (size_t i = 0; i < syntax->options.count; i++) {
		const struct option *option = &syntax->options.list[i];
		if (option->required && !arguments_text(arguments, option->name))
			return sql_fail(error, "'%s' needs --%s %s", syntax->verb, option->name,
			                option->placeholder ? option->placeholder : "");
	}
	return 0;
}

static int take_operand(struct arguments *arguments, const char *text, struct sql_error *error)
{
	if (arguments->operand_count == sizeof arguments->operands / sizeof *arguments->operands)
		return sql_fail(error, "too many operands: '%.80s'", text);
	arguments->operands[arguments->operand_count++] = text;
	return 0;
}

int arguments_parse(struct arguments *arguments, const struct syntax *syntax, int argc, char **argv,
                    struct sql_error *error)
{
	bool options_end = false, verb_seen = false;
	*arguments = (struct arguments){0};
	while (arguments->next < argc) {
		const char *word = argv[arguments->next];
		bool is_end = !options_end && strcmp(word, "--") == 0;
		if (!is_end && !options_end && is_option(word)) {
			if (take_option(arguments, syntax, argc, argv, error) < 0)
				return -1;
			continue;
		}
		if (syntax->before_command) {
			arguments->next += is_end;
			break;
		}
		arguments->next++;
		if (is_end)
			options_end = true;
		else if (!verb_seen)
			verb_seen = true;
		else if (take_operand(arguments, word, error) < 0)
			return -1;
	}
	return arguments_text(arguments, "help") ? 0 : check_required(arguments, syntax, error);
}

const char *arguments_text(const struct arguments *arguments, const char *name)
{
	for (size_t i = 0; i < arguments->setting_count; i++)
		if (option_is_named(arguments->settings[i].option, name, strlen(name)))
			return arguments->settings[i].text;
	return NULL;
}
