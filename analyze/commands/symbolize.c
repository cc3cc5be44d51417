/* SPDX-License-Identifier: Apache-2.0
 *
 * symbolize.c - the verb symbolize.
 */
#include "analyze/command.h"

#include "analyze/run.h"
#include "analyze/symbolize_file.h"

/* Looks up, and says then what each module came to. */
static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	const char *file = command_file(command, arguments->operands[0], &error);
	if (!file || symbolize_file(file, arguments, &error) < 0)
		return command_trouble(&error);
	return run_request(&(struct request){
	    .verb = command->verb,
	    .statement =
	        "SELECT path, frames, coalesce(symbols, 'not looked up') AS symbols FROM module WHERE frames > 0 "
	        "ORDER BY frames DESC, path",
	    .file = file,
	    .arguments = arguments,
	});
}

const struct command_verb command_symbolize = {
    .name = "symbolize",
    .summary = "look up the functions of call stacks, where the programs are installed",
    .usage = "[FILE]",
    .about = "The recorder does that when a recording ends; this is for one that was made with --no-symbols, or "
             "killed, or for debug information that was installed since. What is found is stored in the file, which "
             "may then go elsewhere. Only files with the recorded build id are read, and never the network. Says of "
             "each program and library how many places in it stacks name, and what was found, or why nothing was. "
             "With --force also those are looked up again of which not all was found.",
    .shared = "limit format json no-header color strict quiet db query-path force help version",
    .run = run,
};
