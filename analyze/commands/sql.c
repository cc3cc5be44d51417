/* SPDX-License-Identifier: Apache-2.0
 *
 * sql.c - the verb sql.
 */
#include "analyze/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/run.h"

static bool has_space(const char *text)
{
	return strpbrk(text, " \t\n(;");
}

struct sql_operands sql_operands(const char *const *operands, unsigned count)
{
	for (unsigned i = 0; i < count; i++) /* "-": standard input, as without a statement */
		if (strcmp(operands[i], "-") == 0)
			return (struct sql_operands){.file = count == 2 ? operands[!i] : NULL};
	if (count == 0)
		return (struct sql_operands){0};
	bool first_is_file = access(operands[0], F_OK) == 0 || (count == 2 && !has_space(operands[0]));
	if (count == 1)
		return first_is_file ? (struct sql_operands){.file = operands[0]}
		                     : (struct sql_operands){.statement = operands[0]};
	bool swapped = first_is_file && access(operands[1], F_OK) != 0;
	return (struct sql_operands){.statement = operands[swapped], .file = operands[!swapped]};
}

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	if (command_operands(command, 0, 2, &error) < 0)
		return command_trouble(&error);
	struct sql_operands operands = sql_operands(arguments->operands, (unsigned)arguments->operand_count);
	const char *file = command_file(command, operands.file, &error);
	char *input = !file || operands.statement ? NULL : command_input("statement", &error);
	if (!file || (!operands.statement && !input))
		return command_trouble(&error);
	struct request request = {.verb = command->verb,
	                          .statement = input ? input : operands.statement,
	                          .file = file,
	                          .arguments = arguments};
	enum status status = run_request(&request);
	free(input);
	return status;
}

const struct command_verb command_sql = {
    .name = "sql",
    .summary = "run a statement of your own, read-only",
    .usage = "[STATEMENT|-] [FILE]",
    .about = "The statement may use the views (allocation, event, process, thread, device, label, step, kernel, "
             "failure, loss, recording, usage, stack, module) and the table-valued functions. Without STATEMENT, or "
             "for -, it is read "
             "from standard input. Of one operand, an existing file is FILE.",
    .runs_statements = true,
    .joins_files = true,
    .run = run,
};
