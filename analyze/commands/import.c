/* SPDX-License-Identifier: Apache-2.0
 *
 * import.c - the verb import.
 */
#include "analyze/command.h"

#include "analyze/run.h"
#include "sql/import/import.h"

static const struct option own_options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_FILE,
     .placeholder = "OUT",
     .required = true,
     .help = "the recording to make"},
};

static enum status run(struct command *command)
{
	struct arguments *arguments = &command->arguments;
	struct import_options options = {.version = ANALYZE_VERSION, .force = arguments_text(arguments, "force")};
	struct sql_error error;
	const char *out = arguments_text(arguments, "output");

	if (command_operands(command, 1, OPERANDS_MAX, &error) < 0 ||
	    import_files(out, arguments->operands, arguments->operand_count, &options, &error) < 0)
		return command_trouble(&error);
	return run_request(&(struct request){
	    .verb = command->verb,
	    .statement =
	        "SELECT device, region, count(*) AS blocks, max(bank_bytes) AS largest_bank_bytes FROM allocation "
	        "GROUP BY device, region ORDER BY device, region",
	    .file = out,
	    .arguments = arguments,
	});
}

const struct command_verb command_import = {
    .name = "import",
    .summary = "make a recording of what ttnn itself has written",
    .usage = "FILE...",
    .about = "FILE is a graph capture (the JSON of ttnn.graph.end_graph_capture() or end_graph_capture_to_file()), the "
             "db.sqlite of a report of ttnn, or tables of blocks in the order in which they were written "
             "(..._detailed_memory_usage.csv of ttnn.device.dump_device_memory_state()). What it does not tell (times, "
             "threads, "
             "payloads, what was between two samples) is said by 'info' and with every answer, and the recording is "
             "never complete. "
             "All that it does tell is as in a recording of the same program.",
    .shared = "limit format json no-header color strict quiet force help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .run = run,
};
