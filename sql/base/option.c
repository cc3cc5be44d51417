/* SPDX-License-Identifier: Apache-2.0
 *
 * option.c - see option.h.
 */
#include "option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "units.h"

bool option_is_named(const struct option *option, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (option->name[i] != (name[i] == '_' ? '-' : name[i]))
			return false;
	return option->name[length] == '\0';
}

const struct option *options_find(const struct options *options, const char *name, size_t length)
{
	for (size_t i = 0; i < options->count; i++)
		if (option_is_named(&options->list[i], name, length))
			return &options->list[i];
	return NULL;
}

const struct option *options_find_letter(const struct options *options, char letter)
{
	for (size_t i = 0; i < options->count; i++)
		if (options->list[i].letter == letter)
			return &options->list[i];
	return NULL;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t length = strlen(text);
	for (const char *at = choices; at && *at != '\0';) {
		size_t word = strcspn(at, "|");
		if (word == length && strncmp(at, text, length) == 0)
			return true;
		at += word + (at[word] == '|');
	}
	return false;
}

/* What is wrong with TEXT, or NULL; the caller handles choices and regions. */
static const char *check_number(enum option_type type, const char *text)
{
	int64_t number, last;
	double real;
	struct moment moment;
	const char *wrong;
	switch (type) {
	case OPTION_COUNT:
		wrong = parse_integer(text, &number);
		return wrong ? wrong : number < 0 ? "is negative" : NULL;
	case OPTION_INTEGER:
		return parse_integer(text, &number);
	case OPTION_REAL:
		return parse_real(text, &real);
	case OPTION_SIZE:
		return parse_size(text, &number);
	case OPTION_TIME:
		return parse_moment(text, &moment);
	case OPTION_STEPS:
		return parse_steps(text, &number, &last);
	case OPTION_DEVICE:
		return text[0] == '-' ? "is no device" : text[0] == '\0' ? "is empty" : NULL;
	case OPTION_FILE:
	case OPTION_DIRECTORY:
		return text[0] == '\0' ? "is empty" : NULL;
	default:
		return NULL;
	}
}

int option_check_directory(const char *name, const char *path, struct sql_error *error)
{
	struct stat status;
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
		return sql_fail(error, "--%s: '%.200s' is no directory", name, path);
	if (access(path, R_OK | X_OK) != 0)
		return sql_fail(error, "--%s: cannot read '%.200s': %s", name, path, strerror(errno));
	return 0;
}

static bool is_within(const char *text, long most)
{
	int64_t number;
	bool decimal = text[strspn(text, "0123456789")] == '\0';
	return decimal && !parse_integer(text, &number) && number >= 1 && number <= most;
}

int option_check(const struct option *option, const char *text, struct sql_error *error)
{
	if (option->most > 0)
		return is_within(text, option->most) ? 0
		                                     : sql_fail(error, "--%s takes a number from 1 to %ld, not '%.80s'",
		                                                option->name, option->most, text);
	const char *wrong = check_number(option->type, text);
	if (wrong)
		return sql_fail(error, "--%s: '%.80s' %s", option->name, text, wrong);
	if (option->type == OPTION_CHOICE && !is_choice(option->choices, text))
		return sql_fail(error, "--%s: '%.80s' is none of %s", option->name, text, option->choices);
	if (option->type == OPTION_DIRECTORY && option_check_directory(option->name, text, error) < 0)
		return -1;
	if (option->type == OPTION_REGION && region_number(text, NULL) < 0)
		return sql_fail(error, "--%s: '%.80s' %s", option->name, text, region_problem);
	return 0;
}

void option_label(char out[static OPTION_LABEL_MAX], const struct option *option)
{
	char letter[5] = "";
	if (option->letter != '\0')
		snprintf(letter, sizeof letter, "-%c, ", option->letter);
	snprintf(out, OPTION_LABEL_MAX, "%s--%.30s%s%.20s%s", letter, option->name,
	         option->otherwise     ? "[="
	         : option->placeholder ? " "
	                               : "",
	         option->placeholder ? option->placeholder : "", option->otherwise ? "]" : "");
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
