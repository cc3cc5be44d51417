/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - the verb help.
 */
#include "analyze/command.h"

static enum status run(struct command *command)
{
	struct sql_error error;
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	return command_explain(command->verbs, command->arguments.operands[0]);
}

const struct command_verb command_help = {
    .name = "help",
    .summary = "explain a verb, its options and its columns",
    .usage = "[VERB]",
    .shared = "query-path help version",
    .completes_verbs = true,
    .run = run,
};
