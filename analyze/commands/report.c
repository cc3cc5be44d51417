/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - the verb report.
 */
#include "analyze/command.h"

#include <stdio.h>
#include <string.h>

#include "page_answer.h"
#include "sql/answers/device.h"
#include "analyze/report/report.h"
#include "sql/base/error.h"
#include "sql/base/units.h"

static const struct option own_options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .placeholder = "OUT",
     .required = true,
     .help = "the page to write; - is standard output"},
    {.name = "device",
     .letter = 'd',
     .type = OPTION_DEVICE,
     .placeholder = "N|CHIP",
     .help = "draw device N, or the chip of that name; without it those that differ, four at most"},
    {.name = "full", .help = "ask also what takes long of a recording with more than 4 million events"},
};

static enum status run(struct command *command)
{
	struct sql_error error;
	const struct arguments *arguments = &command->arguments;
	const char *device = arguments_text(arguments, "device");
	struct report report = {.out = arguments_text(arguments, "output"),
	                        .force = arguments_text(arguments, "force"),
	                        .whole = arguments_text(arguments, "full"),
	                        .device = -1,
	                        .ask = page_answer,
	                        .context = command};
	bool two = arguments->operand_count == 2;
	if (command_operands(command, 0, 2, &error) < 0 ||
	    !(report.file = command_file(command, arguments->operands[two], &error)) ||
	    (device && device_of_file(report.file, device, &report.device, &error) < 0))
		return command_trouble(&error);
	report.old_file = two ? arguments->operands[0] : NULL;
	if (report_write(&report, &error) < 0)
		return command_trouble(&error);
	if (strcmp(report.out, "-") != 0 && !arguments_text(arguments, "quiet"))
		printf("%s\n", report.out);
	return command_finish();
}

const struct command_verb command_report = {
    .name = "report",
    .summary = "write a page with everything about a recording, to look at and to send",
    .usage = "[OLD] [FILE]",
    .about =
        "OUT is one HTML file of at most 3 MB that any browser opens, without a network: the time line and the "
        "address map of each device and region, what was live at any moment, why requests failed, what leaked, "
        "and more, each with the command that gives its figures. Devices that are alike are drawn once. With OLD, an "
        "earlier run, it shows both and what changed; three files and more, or a directory, are one recording in "
        "several (--rotate). It holds "
        "what its panels show of labels, files and commands ('ttalloc-analyze info' lists such texts), and none of "
        "it can run in the browser.",
    .shared = "db force quiet help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .joins_files = true,
    .compares = true,
    .run = run,
};
