/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.c - see complete.h.
 */
#include "complete.h"

#include <string.h>

#include "arguments.h"
#include "text.h"
#include "ttalloc/vocabulary.h"

struct completer {
	FILE *out;
	const char *typed;  /* of the value */
	const char *before; /* put before every candidate: "--format=" */
};

static void offer(const struct completer *completer, const char *word, const char *help)
{
	char safe_word[256], safe_help[512];
	if (strncmp(word, completer->typed, strlen(completer->typed)) != 0)
		return;
	text_terminal(safe_word, sizeof safe_word, word, strlen(word));
	text_terminal(safe_help, sizeof safe_help, !help ? "" : help, !help ? 0 : strlen(help));
	fprintf(completer->out, "%s%s\t%s\n", completer->before, safe_word, safe_help);
}

void complete_offer(FILE *out, const char *typed, const char *word, const char *help)
{
	offer(&(struct completer){.out = out, .typed = typed, .before = ""}, word, help);
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

#define OFFER_WORD(NAME, number, word) offer(completer, word, NULL);

static void offer_values(const struct completer *completer, const struct option *option)
{
	if (option->type == OPTION_FILE)
		fputs(":file\n", completer->out);
	else if (option->type == OPTION_DIRECTORY)
		fputs(":directory\n", completer->out);
	else if (option->type == OPTION_CHOICE)
		offer_choices(completer, option->choices);
	else if (option->type == OPTION_REGION) {
		TTA_REGIONS(OFFER_WORD)
	}
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
static const struct option *awaits_value(const struct options *options, char *word)
{
	const struct option *waiting;
	arguments_command(options, 1, &word, &waiting);
	return waiting;
}

/* --NAME=VALUE: true when WORD is one. */
static bool offer_joined(FILE *out, const struct options *options, const char *word)
{
	const char *equals = strchr(word, '=');
	char before[80];
	if (strncmp(word, "--", 2) != 0 || !equals || (size_t)(equals - word) + 2 > sizeof before)
		return false;
	const struct option *option = options_find(options, word + 2, (size_t)(equals - word - 2));
	snprintf(before, sizeof before, "%.*s", (int)(equals - word + 1), word);
	if (option && option->placeholder)
		offer_values(&(struct completer){.out = out, .typed = equals + 1, .before = before}, option);
	return true;
}

bool complete_option(FILE *out, const struct options *options, int count, char **words)
{
	struct completer completer = {.out = out, .typed = count > 0 ? words[count - 1] : "", .before = ""};
	const struct option *waiting = count > 1 ? awaits_value(options, words[count - 2]) : NULL;
	if (waiting)
		offer_values(&completer, waiting);
	else if (completer.typed[0] != '-')
		return false;
	else if (!offer_joined(out, options, completer.typed))
		offer_options(&completer, options);
	return true;
}

void complete_before_command(FILE *out, const struct options *options, int count, char **words)
{
	const struct option *waiting;
	int command = arguments_command(options, count - 1, words, &waiting);
	bool ended = command > 0 && command == count - 1 && strcmp(words[command - 1], "--") == 0;
	if (command < count - 1 || ended || !complete_option(out, options, count, words))
		fprintf(out, ":command\t%d\n", command);
}
