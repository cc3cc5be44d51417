/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c - the verb export.
 */
#include "analyze/command.h"

#include "analyze/export/clickhouse.h"
#include "analyze/export/export.h"
#include "sql/base/units.h"

static const struct option own_options[] = {
    {.name = "to",
     .type = OPTION_CHOICE,
     .placeholder = "FORMAT",
     .choices = EXPORT_FORMATS,
     .required = true,
     .help = "clickhouse: the tables of sql/clickhouse/schema.sql, in RowBinary"},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_FILE,
     .placeholder = "DIR",
     .help = "write files of rows into DIR, for clickhouse-client"},
    {.name = "url",
     .type = OPTION_TEXT,
     .placeholder = "URL",
     .help = "send them to the server at http://[USER:PASSWORD@]HOST:8123/"},
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
	const char *chunk_rows = arguments_text(arguments, "chunk-rows"), *file;
	struct export_options options = {.to = arguments_text(arguments, "to"),
	                                 .output = arguments_text(arguments, "output"),
	                                 .url = arguments_text(arguments, "url"),
	                                 .chunk_rows = CLICKHOUSE_CHUNK_ROWS};
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	if (chunk_rows)
		parse_integer(chunk_rows, &options.chunk_rows);
	file = command_file(command, arguments->operands[0], &error);
	return !file ? command_trouble(&error) : export_run(&options, file);
}

const struct command_verb command_export = {
    .name = "export",
    .summary = "write a recording as another program reads it",
    .usage = "[FILE]",
    .about = "Exporting to a ClickHouse server may be done again, and goes on where it was interrupted: rows of the "
             "same key replace "
             "each other there. A recording in progress goes over as of now.",
    .shared = "db help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .run = run,
};
