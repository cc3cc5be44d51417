/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c - the verb export.
 */
#include "analyze/command.h"

#include "analyze/export/clickhouse.h"
#include "analyze/export/export.h"
#include "analyze/export/follow.h"
#include "sql/base/units.h"

static const struct option own_options[] = {
    {.name = "to",
     .type = OPTION_CHOICE,
     .placeholder = "FORMAT",
     .choices = EXPORT_FORMATS,
     .required = true,
     .help =
         "ttnn-visualizer: a report as ttnn writes them; perfetto: counters, operations, labels and steps; "
         "speedscope, pprof: bytes by call stack, or by label; memory_viz: a snapshot as PyTorch's; csv: the views; "
         "clickhouse: the tables of sql/clickhouse/schema.sql, in RowBinary"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_FILE,
     .placeholder = "OUT",
     .help = "the file to write; a directory for ttnn-visualizer, csv, and clickhouse's files of rows"},
    {.name = "step",
     .type = OPTION_STEPS,
     .placeholder = "N[..M]",
     .help = "of ttnn-visualizer: operations that began in step N, or in the steps N to M"},
    {.name = "url",
     .type = OPTION_TEXT,
     .placeholder = "URL",
     .help = "send them to the server at http://[USER:PASSWORD@]HOST:8123/"},
    {.name = "follow",
     .help = "of clickhouse's --url: send what comes every few seconds, until the recording has ended, in all files "
             "that it goes on in"},
    {.name = "refresh",
     .type = OPTION_COUNT,
     .placeholder = "MS",
     .fallback = "5000",
     .most = 3600000,
     .help = "of --follow: every that many milliseconds"},
    {.name = "chunk-rows",
     .type = OPTION_COUNT,
     .placeholder = "N",
     .fallback = "250000",
     .help = "rows to send at a time, by which an interrupted export goes on: keep it the same"},
};

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *chunk_rows = arguments_text(arguments, "chunk-rows"), *step = arguments_text(arguments, "step"),
	           *refresh = arguments_text(arguments, "refresh"), *file;
	struct export_options options = {.to = arguments_text(arguments, "to"),
	                                 .output = arguments_text(arguments, "output"),
	                                 .url = arguments_text(arguments, "url"),
	                                 .force = arguments_text(arguments, "force"),
	                                 .follow = arguments_text(arguments, "follow"),
	                                 .step_first = INT64_MIN,
	                                 .step_last = INT64_MAX,
	                                 .chunk_rows = CLICKHOUSE_CHUNK_ROWS,
	                                 .refresh_ms = FOLLOW_REFRESH_MS};
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	if (step)
		parse_steps(step, &options.step_first, &options.step_last);
	if (refresh)
		parse_integer(refresh, &options.refresh_ms);
	if (chunk_rows)
		parse_integer(chunk_rows, &options.chunk_rows);
	file = command_file(command, arguments->operands[0], &error);
	return !file ? command_trouble(&error) : export_run(&options, file);
}

const struct command_verb command_export = {
    .name = "export",
    .summary = "write a recording as another program reads it",
    .usage = "[FILE...]",
    .about =
        "For ttnn-visualizer, OUT is a report to open with --profiler-path OUT: the outermost operations, what was "
        "live after each in every region, circular buffers of the programs that it ran, failed requests as errors. "
        "Without operations, label ranges stand for them, or steps. "
        "Figures are those of the other verbs; nothing that does not add is added: each device and region has a "
        "track, a profile, a sample type or a trace of its own. Exporting to a ClickHouse server may be done again, "
        "and goes on where it was interrupted: rows of the "
        "same key replace "
        "each other there. A recording in progress goes over as of now.",
    .shared = "db force help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .joins_files = true,
    .run = run,
};
