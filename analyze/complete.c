/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.c - candidates for the shells: verbs, and their options.
 */
#include "command.h"
#include "help.h"

#include "sql/base/complete.h"

static void offer_verbs(FILE *out, struct verbs *verbs, const char *typed)
{
	for (size_t i = 0; i < verbs_count(verbs); i++) {
		struct verb *verb = verbs_at(verbs, i);
		struct sql_error error = {.text = ""};
		const struct query *query = verb_query(verb, &error);
		complete_offer(out, typed, verb->name, query ? query->summary : verb->own ? verb->own->summary : "");
	}
}

void complete(FILE *out, struct verbs *verbs, int count, char **words)
{
	const char *typed = count > 0 ? words[count - 1] : "", *path[ARGUMENTS_MAX];
	size_t path_count;
	struct sql_error error;
	struct verb_options options;
	const char *name = arguments_verb(&options_shared, count - 1, words, path, &path_count);
	struct verb *verb = !name ? NULL : verbs_find(verbs, name);
	if (!name) {
		offer_verbs(out, verbs, typed);
		return;
	}
	if (!verb || options_for(&options, verb, verb_query(verb, &error), &error) < 0)
		return;
	if (complete_option(out, &options.all, count, words))
		return;
	if (verb->own && verb->own->completes_verbs)
		offer_verbs(out, verbs, typed);
	else
		fputs(":file\n", out);
}
