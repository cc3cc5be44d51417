/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - the verb watch.
 */
#include "analyze/command.h"

#include <stdlib.h>
#include <string.h>

#include "sql/answers/device.h"
#include "analyze/watch/watch.h"
#include "sql/base/error.h"
#include "sql/base/units.h"

static const struct option own_options[] = {
    {.name = "device",
     .letter = 'd',
     .type = OPTION_DEVICE,
     .placeholder = "N|CHIP",
     .help = "device N, or the chip of that name; without it the first one, and all in plain text"},
    {.name = "all", .letter = 'a', .help = "all devices"},
    {.name = "refresh",
     .letter = 'r',
     .type = OPTION_COUNT,
     .placeholder = "MS",
     .fallback = "500",
     .help = "look for news every MS milliseconds"},
    {.name = "once", .help = "print what there is as plain text, and stop"},
    {.name = "above",
     .help = "draw on the upper lines of the terminal alone; the rest scrolls with what other "
             "programs write (ttalloc-recorder --watch)"},
};

static int watch_options(struct watch_options *options, const struct arguments *arguments, struct sql_error *error)
{
	const char *device = arguments_text(arguments, "device"), *refresh = arguments_text(arguments, "refresh");
	const char *colour = arguments_text(arguments, "color"), *no_color = getenv("NO_COLOR");
	bool all = arguments_text(arguments, "all");
	if (all && device)
		return sql_fail(error, "--all and --device exclude each other");
	*options = (struct watch_options){.device = all ? WATCH_DEVICE_ALL : WATCH_DEVICE_FIRST,
	                                  .refresh_ms = 500,
	                                  .once = arguments_text(arguments, "once"),
	                                  .above = arguments_text(arguments, "above"),
	                                  .colour = !no_color || no_color[0] == '\0'};
	if (refresh)
		parse_integer(refresh, &options->refresh_ms);
	if (colour && strcmp(colour, "auto") != 0)
		options->colour = strcmp(colour, "always") == 0;
	return 0;
}

/* The file need not be there yet. */
static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *named = arguments->operands[0], *db = arguments_text(arguments, "db");
	struct watch_options options;
	if (command_operands(command, 0, 1, &error) < 0 || watch_options(&options, arguments, &error) < 0)
		return command_trouble(&error);
	const char *device = arguments_text(arguments, "device"), *file = NULL;
	if ((named || db) && !(file = command_file(command, named, &error)))
		return command_trouble(&error);
	if (device && device_of_file(file, device, &options.device, &error) < 0)
		return command_trouble(&error);
	return watch_run(&options, file);
}

const struct command_verb command_watch = {
    .name = "watch",
    .summary = "follow a recording in the terminal, also one that is yet to begin",
    .usage = "[FILE]",
    .about = "Shows of each device how full its regions are, with their peaks and trends, processes, the labels that "
             "hold most, the rate of events, and loss. Keys: tab, arrows, digits and a choose devices, s sorts "
             "processes, p pauses, h helps, q quits. Where standard output is no terminal it prints plain text, "
             "until the recording has ended.",
    .shared = "db color help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .run = run,
};
