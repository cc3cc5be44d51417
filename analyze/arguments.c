/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.c - see arguments.h.
 */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

#include "sql/base/error.h"
#include "nearest.h"

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

static bool names(const struct word *word, const struct option *option)
{
	if (word->letter != '\0')
		return option->letter == word->letter;
	return option_is_named(option, word->name, word->length);
}

static const struct option *find_shared(const struct word *word)
{
	const struct option *option;
	for (size_t i = 0; (option = options_shared(i)); i++)
		if (names(word, option))
			return option;
	return NULL;
}

static const struct option *find(const struct options *options, const struct word *word)
{
	for (size_t i = 0; i < options->count; i++)
		if (names(word, &options->list[i]))
			return &options->list[i];
	return NULL;
}

const char *arguments_verb(int argc, char **argv, const char **path, size_t *path_count)
{
	const char *verb = NULL;
	*path_count = 0;
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!is_option(argv[i])) {
			verb = !verb ? argv[i] : verb;
			continue;
		}
		struct word word = split(argv[i]);
		const struct option *option = find_shared(&word);
		if (!option || !option->placeholder)
			continue;
		const char *value = word.value ? word.value : i + 1 < argc ? argv[++i] : NULL;
		if (value && option->type == OPTION_DIRECTORY && *path_count < ARGUMENTS_MAX)
			path[(*path_count)++] = value;
	}
	return verb;
}

/* The name nearest to an unknown one, among the long options. */
static const char *suggest(const struct options *options, const char *name)
{
	const char *list[OPTIONS_MAX];
	for (size_t i = 0; i < options->count; i++)
		list[i] = options->list[i].name;
	return nearest(name, list, options->count);
}

static int fail_unknown(const struct verb *verb, const struct options *options, const char *text,
                        const struct word *word, struct sql_error *error)
{
	const struct option *elsewhere = find_shared(word);
	if (elsewhere)
		return sql_fail(error, "'%s' does not take --%s; see 'ttalloc-analyze help %s'", verb->name,
		                elsewhere->name, verb->name);
	const char *near = !word->name ? NULL : suggest(options, word->name);
	if (near)
		return sql_fail(error, "'%s' has no option %.80s; did you mean --%s?", verb->name, text, near);
	return sql_fail(error, "'%s' has no option %.80s; see 'ttalloc-analyze help %s'", verb->name, text, verb->name);
}

static int set(struct arguments *arguments, const struct option *option, const char *text, struct sql_error *error)
{
	if (!option->repeatable && arguments_text(arguments, option->name))
		return sql_fail(error, "--%s is given twice", option->name);
	if (option->placeholder && option_check(option, text, error) < 0)
		return -1;
	if (arguments->setting_count == ARGUMENTS_MAX)
		return sql_fail(error, "too many options");
	arguments->settings[arguments->setting_count++] = (struct setting){.option = option, .text = text};
	return 0;
}

/* Flags may be joined: -qV. */
static int set_flags(struct arguments *arguments, const struct verb *verb, const struct options *options,
                     const char *letters, struct sql_error *error)
{
	for (; *letters != '\0'; letters++) {
		struct word word = {.letter = *letters};
		const struct option *option = find(options, &word);
		if (!option)
			return fail_unknown(verb, options, (char[]){'-', *letters, '\0'}, &word, error);
		if (option->placeholder)
			return sql_fail(error, "-%c takes a value and cannot stand among flags", *letters);
		if (set(arguments, option, "", error) < 0)
			return -1;
	}
	return 0;
}

/* Takes the option at ARGV[*AT], and its value, which may be the next word. */
static int take_option(struct arguments *arguments, const struct verb *verb, const struct options *options, int argc,
                       char **argv, int *at, struct sql_error *error)
{
	struct word word = split(argv[*at]);
	const struct option *option = find(options, &word);
	if (!option)
		return fail_unknown(verb, options, argv[*at], &word, error);
	if (!option->placeholder && word.letter != '\0')
		return set_flags(arguments, verb, options, argv[*at] + 1, error);
	if (!option->placeholder)
		return word.value ? sql_fail(error, "--%s takes no value", option->name)
		                  : set(arguments, option, "", error);
	if (!word.value && *at + 1 == argc)
		return sql_fail(error, "--%s needs a value: --%s %s", option->name, option->name, option->placeholder);
	return set(arguments, option, word.value ? word.value : argv[++*at], error);
}

static int check_required(const struct arguments *arguments, const struct verb *verb, const struct options *options,
                          struct sql_error *error)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct option *option = &options->list[i];
		if (option->required && !arguments_text(arguments, option->name))
			return sql_fail(error, "'%s' needs --%s %s", verb->name, option->name,
			                option->placeholder ? option->placeholder : "");
	}
	return 0;
}

int arguments_parse(struct arguments *arguments, const struct verb *verb, const struct options *options, int argc,
                    char **argv, struct sql_error *error)
{
	bool options_end = false, verb_seen = false;
	*arguments = (struct arguments){0};
	for (int i = 0; i < argc; i++) {
		if (!options_end && strcmp(argv[i], "--") == 0) {
			options_end = true;
		} else if (!options_end && is_option(argv[i])) {
			if (take_option(arguments, verb, options, argc, argv, &i, error) < 0)
				return -1;
		} else if (!verb_seen) {
			verb_seen = true;
		} else if (arguments->operand_count == sizeof arguments->operands / sizeof *arguments->operands) {
			return sql_fail(error, "too many operands: '%.80s'", argv[i]);
		} else {
			arguments->operands[arguments->operand_count++] = argv[i];
		}
	}
	if (arguments_text(arguments, "help"))
		return 0;
	return check_required(arguments, verb, options, error);
}

const char *arguments_text(const struct arguments *arguments, const char *name)
{
	for (size_t i = 0; i < arguments->setting_count; i++)
		if (option_is_named(arguments->settings[i].option, name, strlen(name)))
			return arguments->settings[i].text;
	return NULL;
}
