/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - the verb help.
 */
#include "analyze/command.h"

#include <stdio.h>

#include "analyze/help.h"

static const struct option own_options[] = {
    {.name = "json", .group = GROUP_OUTPUT, .help = "as JSON"},
};

static enum status explain_as_json(struct command *command)
{
	struct sql_error error;
	const char *name = command->arguments.operands[0];
	const struct verb *only = name ? verbs_find(command->verbs, name) : NULL;
	if (name && !only)
		return command_explain(command->verbs, name); /* which says that there is no such verb */
	if (help_json(stdout, command->verbs, only, &error) < 0)
		return command_trouble(&error);
	return command_finish();
}

static enum status run(struct command *command)
{
	struct sql_error error;
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	if (arguments_text(&command->arguments, "json"))
		return explain_as_json(command);
	return command_explain(command->verbs, command->arguments.operands[0]);
}

const struct command_verb command_help = {
    .name = "help",
    .summary = "explain a verb, its options and its columns",
    .usage = "[VERB]",
    .about = "With --json it is for programs: verbs with their options and columns, the views and functions that "
             "statements may ask, and what exit statuses mean.",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .shared = "query-path help version",
    .completes_verbs = true,
    .run = run,
};
