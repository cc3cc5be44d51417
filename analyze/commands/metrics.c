/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - the verb metrics.
 */
#include "analyze/command.h"

#include "analyze/metrics/metrics.h"
#include "sql/base/units.h"

static const struct option own_options[] = {
    {.name = "listen",
     .letter = 'l',
     .type = OPTION_TEXT,
     .placeholder = "ADDRESS:PORT",
     .help = "serve them at http://ADDRESS:PORT/metrics, in Prometheus' text or OpenMetrics; whoever reaches the "
             "address may "
             "read them"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_FILE,
     .placeholder = "FILE",
     .help = "write them to FILE again and again, each time whole, until the recording has ended: for node_exporter's "
             "textfile collector"},
    {.name = "refresh",
     .letter = 'r',
     .type = OPTION_COUNT,
     .placeholder = "MS",
     .fallback = "5000",
     .help = "how often --output writes"},
};

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *refresh = arguments_text(arguments, "refresh"), *file;
	struct metrics_options options = {.listen = arguments_text(arguments, "listen"),
	                                  .output = arguments_text(arguments, "output"),
	                                  .refresh_ms = 5000};
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	if (refresh)
		parse_integer(refresh, &options.refresh_ms);
	file = command_file(command, arguments->operands[0], &error);
	return !file ? command_trouble(&error) : metrics_run(&options, file);
}

const struct command_verb command_metrics = {
    .name = "metrics",
    .summary = "the present state as metrics for Prometheus, once, in a file, or served",
    .usage = "[FILE...]",
    .about = "What lives now, peaks, banks, the largest free piece and fragmentation by device and region, what each "
             "process "
             "holds (of programs the name alone), events, failures and losses. Of processes the 32 that hold most "
             "have series of "
             "their own in each device and region; the others are summed up. Also by ttalloc-recorder --metrics.",
    .shared = "db help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .joins_files = true,
    .run = run,
};
