/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.c - the verb copy.
 */
#include "analyze/command.h"

#include "sql/store/open.h"

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	bool named = !arguments_text(arguments, "db");
	if (command_operands(command, 1 + named, 2, &error) < 0)
		return command_trouble(&error);
	const char *from = command_file(command, arguments->operand_count == 2 ? arguments->operands[0] : NULL, &error);
	if (!from)
		return command_trouble(&error);
	struct recording *recording = recording_open(from, &error);
	if (!recording)
		return command_trouble(&error);
	int result = recording_copy(recording, arguments->operands[arguments->operand_count - 1],
	                            arguments_text(arguments, "force"), &error);
	recording_close(recording);
	return result < 0 ? command_trouble(&error) : STATUS_ANSWERED;
}

const struct command_verb command_copy = {
    .name = "copy",
    .summary = "make one consistent file of a recording, also of one in progress",
    .usage = "RUN... OUT",
    .about = "OUT is a single file that opens anywhere, in a folder without write permission too. It must not exist "
             "unless --force is given.",
    .shared = "db force help version",
    .joins_files = true,
    .other_operands = 1,
    .run = run,
};
