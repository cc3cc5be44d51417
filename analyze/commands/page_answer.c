/* SPDX-License-Identifier: Apache-2.0
 *
 * page_answer.c - see page_answer.h.
 */
#include "page_answer.h"

#include "analyze/command.h"
#include "analyze/run.h"
#include "sql/base/error.h"

int page_answer(void *context, struct recording *recording, const char *const *words, size_t count, FILE *out,
                struct sql_error *error)
{
	const struct command *command = context;
	struct verb *verb = verbs_find(command->verbs, words[0]);
	struct verb_options options;
	struct arguments arguments = {.setting_count = 0};
	char *argv[ARGUMENTS_MAX];
	size_t argc = 0;
	for (size_t i = 0; i < count && argc + 1 < ARGUMENTS_MAX; i++)
		argv[argc++] = (char *)words[i]; /* not changed */
	argv[argc++] = (char *)"--format=columns";
	if (!verb)
		return sql_fail(error, "there is no verb '%.80s'", words[0]);
	if (options_for(&options, verb, verb->query, error) < 0 ||
	    options_parse(&arguments, verb, &options, (int)argc, argv, error) < 0)
		return -1;
	arguments.recorded_devices = true; /* the page asks about what it was told */
	const struct request request = {
	    .verb = verb,
	    .query = verb->query,
	    .statement = verb->own && verb->own->runs_statements ? arguments.operands[0] : NULL,
	    .file = recording_path(recording),
	    .old_file = verb->query && verb->query->two_files ? recording_old_path(recording) : NULL,
	    .arguments = &arguments};
	return run_answer(recording, &request, out, error) == STATUS_TROUBLE ? -1 : 0;
}
