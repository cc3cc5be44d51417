/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet.c - the verb fleet.
 */
#include "analyze/command.h"

#include <string.h>

#include "analyze/export/fleet.h"
#include "sql/base/units.h"

static const struct option own_options[] = {
    {.name = "url", .type = OPTION_TEXT, .placeholder = "URL", .help = "the server: http://[USER:PASSWORD@]HOST:8123/"},
    {.name = "host", .type = OPTION_TEXT, .placeholder = "NAME", .help = "recordings of one host"},
    {.name = "job", .type = OPTION_TEXT, .placeholder = "NAME", .help = "of the question job: which one"},
    {.name = "days",
     .type = OPTION_COUNT,
     .placeholder = "N",
     .fallback = "30",
     .help = "recordings of the last N days"},
};

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *format = arguments_text(arguments, "format"), *days = arguments_text(arguments, "days"),
	           *limit = arguments_text(arguments, "limit");
	struct fleet_options options = {.url = arguments_text(arguments, "url"),
	                                .format = arguments_text(arguments, "json") ? "json"
	                                          : format                          ? format
	                                                                            : "table",
	                                .host = arguments_text(arguments, "host"),
	                                .job = arguments_text(arguments, "job"),
	                                .days = 30};
	if (command_operands(command, 0, 1, &error) < 0)
		return command_trouble(&error);
	options.limit = strcmp(options.format, "table") == 0 ? 20 : 0;
	if (days)
		parse_integer(days, &options.days);
	if (limit)
		parse_integer(limit, &options.limit);
	return fleet_run(arguments->operands[0], &options);
}

const struct command_verb command_fleet = {
    .name = "fleet",
    .summary = "ask a ClickHouse server about the recordings of many hosts",
    .usage = "QUESTION",
    .about = "QUESTION is peak, leaks, growth, failures, fragmentation, regressions, outliers, or job: files of "
             "sql/clickhouse/queries, which "
             "work in clickhouse-client, too. Recordings come there by 'export --to clickhouse'.",
    .shared = "limit format json help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .run = run,
};
