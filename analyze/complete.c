/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.c - candidates for the shells' completions, worked out by the program itself, so that a user's queries are
 * completed too and nothing can drift. The scripts in completions/ only ask.
 */
#include "command.h"
#include "help.h"

#include <string.h>

#include "arguments.h"
#include "sql/base/sql.h"
#include "sql/base/text.h"
#include "ttalloc/vocabulary.h"

#define OFFER_WORD(NAME, number, word) offer(completer, word, NULL);

struct completer {
	FILE *out;
	const char *prefix; /* what is typed of the word */
	const char *before; /* put before every candidate: "--format=" */
};

static void offer(const struct completer *completer, const char *word, const char *help)
{
	char safe_word[256], safe_help[512];
	if (strncmp(word, completer->prefix, strlen(completer->prefix)) != 0)
		return;
	text_terminal(safe_word, sizeof safe_word, word, strlen(word));
	text_terminal(safe_help, sizeof safe_help, !help ? "" : help, !help ? 0 : strlen(help));
	fprintf(completer->out, "%s%s\t%s\n", completer->before, safe_word, safe_help);
}

static void offer_verbs(const struct completer *completer, struct verbs *verbs)
{
	for (size_t i = 0; i < verbs_count(verbs); i++) {
		struct verb *verb = verbs_at(verbs, i);
		struct sql_error error = {.text = ""};
		const struct query *query = verb_query(verb, &error);
		offer(completer, verb->name, query ? query->summary : verb->own ? verb->own->summary : "");
	}
}

static void offer_choices(const struct completer *completer, const char *choices)
{
	char word[64];
	while (choices && *choices != '\0') {
		size_t length = strcspn(choices, "|");
		if (length < sizeof word) {
			memcpy(word, choices, length);
			word[length] = '\0';
			offer(completer, word, NULL);
		}
		choices += length + (choices[length] == '|');
	}
}

static void offer_values(const struct completer *completer, const struct option *option)
{
	if (option->type == OPTION_FILE)
		fputs(":file\n", completer->out);
	else if (option->type == OPTION_DIRECTORY)
		fputs(":directory\n", completer->out);
	else if (option->type == OPTION_CHOICE)
		offer_choices(completer, option->choices);
	else if (option->type == OPTION_REGION)
		TTA_REGIONS(OFFER_WORD)
}

static void offer_options(const struct completer *completer, const struct options *options)
{
	for (size_t i = 0; i < options->count; i++) {
		char name[80];
		snprintf(name, sizeof name, "--%.70s", options->list[i].name);
		offer(completer, name, options->list[i].help);
	}
}

/* The option whose value comes next after WORD, or NULL. */
static const struct option *awaits_value(const struct options *options, const char *word)
{
	const struct option *option = NULL;
	if (strncmp(word, "--", 2) == 0)
		option = options_find(options, word + 2, strlen(word + 2));
	for (size_t i = 0; word[0] == '-' && word[1] != '-' && i < options->count; i++)
		if (options->list[i].letter != '\0' && word[1] == options->list[i].letter && word[2] == '\0')
			option = &options->list[i];
	return option && option->placeholder ? option : NULL;
}

static bool complete_joined(const struct completer *completer, const struct options *options)
{
	const char *word = completer->prefix, *equals = strchr(word, '=');
	char before[80];
	if (strncmp(word, "--", 2) != 0 || !equals || (size_t)(equals - word) + 2 > sizeof before)
		return false;
	const struct option *option = options_find(options, word + 2, (size_t)(equals - word - 2));
	snprintf(before, sizeof before, "%.*s", (int)(equals - word + 1), word);
	struct completer value = {.out = completer->out, .prefix = equals + 1, .before = before};
	if (option && option->placeholder)
		offer_values(&value, option);
	return true;
}

static void complete_operand(const struct completer *completer, struct verbs *verbs, const struct verb *verb)
{
	if (verb->own && verb->own->completes_verbs)
		offer_verbs(completer, verbs);
	else
		fputs(":file\n", completer->out);
}

void complete(FILE *out, struct verbs *verbs, int count, char **words)
{
	struct completer completer = {.out = out, .prefix = count > 0 ? words[count - 1] : "", .before = ""};
	const char *path[ARGUMENTS_MAX];
	size_t path_count;
	struct sql_error error;
	struct options options;
	const char *name = arguments_verb(count - 1, words, path, &path_count);
	struct verb *verb = !name ? NULL : verbs_find(verbs, name);
	if (!name) {
		offer_verbs(&completer, verbs);
		return;
	}
	if (!verb || options_for(&options, verb, verb_query(verb, &error), &error) < 0)
		return;
	const struct option *waiting = count > 1 ? awaits_value(&options, words[count - 2]) : NULL;
	if (waiting)
		offer_values(&completer, waiting);
	else if (completer.prefix[0] != '-')
		complete_operand(&completer, verbs, verb);
	else if (!complete_joined(&completer, &options))
		offer_options(&completer, &options);
}
